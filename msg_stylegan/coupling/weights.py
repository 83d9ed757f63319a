"""The weight regulariser: both generators shall have the same weights."""

import tensorflow as tf

from msg_stylegan.coupling.coupled_batch import mean_square


class WeightRegularizer:
    """Mean squared differences of all trainable tensors of the generators, added up.

    Tensors of another shape, such as those that make gray and colour images, do not count.

    Source:
        Soft-CoGAN, with a weight of 10.
    """

    def __call__(self, batch):
        """Returns float32 `[n]`, the same number for every sample; `batch` is a `CoupledBatch`."""
        tensors = [
            [tf.convert_to_tensor(v) for v in G.trainable_variables] for G in batch.generators
        ]
        distances = [
            mean_square(a[None], b[None])[0]
            for a, b in zip(*tensors, strict=True)
            if a.shape == b.shape
        ]
        return tf.repeat(tf.add_n(distances), tf.shape(batch.z)[0])
