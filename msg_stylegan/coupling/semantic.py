"""SL of Soft-CoGAN: a classifier sees the same in both domains' images of a latent."""

import tensorflow as tf


class SemanticLoss:
    """Squared distance of what one network says of both images, mean over its outputs.

        SL = mean((C(x_a) - C(x_b))^2)

    On the images at full resolution, since smaller ones show less of what a classifier looks for.
    The original's weight is 10, for class probabilities.

    Args:
        judge: Differentiable function of images `[n, r, r, C]` in [-1, 1], whose result is float32
            `[n, k]`: `Classifier.probabilities`, or the features of any other network. It must know
            the images of both domains.

    Source: Soft-CoGAN, `--semantic_loss`.
    """

    def __init__(self, judge):
        self._judge = judge

    def __call__(self, batch):
        """float32 `[n]`, one value per sample of a `CoupledBatch`."""
        a, b = (self._judge(images[-1]) for images in batch.images)
        return tf.reduce_mean(tf.math.squared_difference(a, b), axis=1)
