"""CC: an encoder shall find the latent again in the image of either domain."""

import tensorflow as tf


class CycleConsistency:
    """Mean absolute difference of z and what one encoder makes of its images, added up.

    Args:
        encoder: `Encoder`, the same one for both domains.

    Source:
        Soft-CoGAN, "latent cycle consistency", with a weight of 10. The encoder itself is trained
        for the unweighted distance, with the optimizer of the generators.
    """

    def __init__(self, encoder):
        self._encoder = encoder

    def __call__(self, batch):
        """Returns float32 `[n]`; `batch` is a `CoupledBatch`."""
        distances = []
        for images in batch.images:
            # Without dropout, as in the original.
            distances.append(tf.reduce_mean(tf.abs(self._encoder(images) - batch.z), axis=1))
        return tf.add_n(distances)
