"""A classifier of the user's as a network of features: how likely it finds each class."""

import tensorflow as tf

from metrics.feature_networks.network import FeatureNetwork
from metrics.feature_networks.weight_files import digest_arrays

# Raise it when the numbers change.
VERSION = 1


def classifier_network(classifier):
    """The network with its preprocessing.

    Args:
        classifier: `Classifier`.

    Returns:
        A `FeatureNetwork` with the single output "features" `[n, num_classes]`, in [0, 1].
    """
    weights = {str(i): array for i, array in enumerate(classifier.get_weights())}
    return FeatureNetwork(
        "classifier",
        f"{VERSION} {digest_arrays(weights)}",
        lambda images: {"features": classifier.probabilities(images)},
        lambda images: tf.cast(images, tf.float32) / 127.5 - 1.0,
        classifier.num_classes,
    )
