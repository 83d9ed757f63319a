"""FR: both generators shall have the same activations at low resolution."""

import tensorflow as tf

from msg_stylegan.coupling.coupled_batch import in_same_colours, mean_square


class FeatureRegularizer:
    """Mean squared differences of the activations up to a resolution, added up.

    Args:
        resolution: Largest side of the activations that are compared.
        images: Whether the images of these resolutions are compared like the activations. What
            tells the domains apart must then be finer than these images: a negative is not.

    Source:
        Soft-CoGAN, "feature regulariser", with a weight of 10, for the activations of 8x8 and 16x16
        where images have 32 or 128 pixels. That the images of a multi-scale generator can be
        compared too is new here.
    """

    def __init__(self, resolution, images=False):
        self._resolution = resolution
        self._images = images

    def __call__(self, batch):
        """Returns float32 `[n]`; `batch` is a `CoupledBatch`."""
        pairs = [*zip(*batch.features, strict=True)]
        if self._images:
            pairs += [in_same_colours(*pair) for pair in zip(*batch.images, strict=True)]
        return tf.add_n([mean_square(a, b) for a, b in pairs if a.shape[1] <= self._resolution])
