"""FR: the first blocks of both generators shall have the same activations."""

import tensorflow as tf

from msg_stylegan.coupling.coupled_batch import in_same_colours, mean_square


class FeatureRegularizer:
    """Mean squared differences of the activations of the first blocks, added up.

    Args:
        layers: Number of blocks, from the lowest resolution.
        images: Whether the images of these resolutions are compared like the activations. What
            tells the domains apart must then be finer than these images: a negative is not.

    Source:
        Soft-CoGAN, "feature regulariser", for the activations of two layers with a weight of 10.
        That the images of a multi-scale generator can be compared too is new here.
    """

    def __init__(self, layers=2, images=False):
        self._layers = layers
        self._images = images

    def __call__(self, batch):
        """Returns float32 `[n]`; `batch` is a `CoupledBatch`."""
        a, b = (features[: self._layers] for features in batch.features)
        terms = [mean_square(*pair) for pair in zip(a, b, strict=True)]
        if self._images:
            side = a[-1].shape[1]
            terms += [
                mean_square(*in_same_colours(*pair))
                for pair in zip(*batch.images, strict=True)
                if pair[0].shape[1] <= side
            ]
        return tf.add_n(terms)
