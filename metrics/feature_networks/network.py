"""What metrics know about a network that turns images into features."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
    """A network with fixed weights together with the preprocessing of its images.

    Metrics write `model(prepare(images))["features"]`, inside a `tf.function` if they like.
    """

    # "inception", "clean_inception", ...; part of the names of metrics for a network of the user.
    name: str
    # Hex digest of weights, preprocessing and version of our code: part of cache keys.
    identity: str
    # Maps prepared images float32 [n, ...] to a dict of float32 arrays [n, d]: "features", and for
    # Inception also "logits" (without bias), "logits_with_bias" and "spatial". A Keras model or
    # another callable; never in training mode.
    model: Callable
    # Maps images uint8 or float32 [n, h, w, 3] with values 0..255, any h and w, to the input of the
    # model. TensorFlow operations only; n, h and w may be unknown until it runs.
    prepare: Callable
    # Length of "features".
    dim: int
