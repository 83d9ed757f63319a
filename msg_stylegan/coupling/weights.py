"""The weight regulariser: both generators shall have the same weights."""

import tensorflow as tf

from msg_stylegan.coupling.coupled_batch import mean_square


class WeightRegularizer:
    """Mean squared differences of trainable tensors of the generators, added up.

    Tensors of another shape, such as those that make gray and colour images, do not count.

    Args:
        features_only: Whether to leave out what makes images, see `Generator.feature_variables`:
            these layers must differ where the images of the domains do.

    Source:
        Soft-CoGAN, with a weight of 10, for all tensors. To leave some out is new here.
    """

    def __init__(self, features_only=False):
        self._features_only = features_only

    def __call__(self, batch):
        """Returns float32 `[n]`, the same number for every sample; `batch` is a `CoupledBatch`."""
        tensors = [map(tf.convert_to_tensor, self._variables(G)) for G in batch.generators]
        distances = [
            mean_square(a[None], b[None])[0]
            for a, b in zip(*tensors, strict=True)
            if a.shape == b.shape
        ]
        return tf.repeat(tf.add_n(distances), tf.shape(batch.z)[0])

    def _variables(self, G):
        return G.feature_variables(G.resolution) if self._features_only else G.trainable_variables
