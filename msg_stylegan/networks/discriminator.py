"""Discriminator of the MSG-GAN family: one score from all scales of an image."""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import scogan_readers
from msg_stylegan.networks.mapping import as_labels
from msg_stylegan.networks.pyramid_reader import PyramidReader


@keras.utils.register_keras_serializable("msg_stylegan")
class Discriminator(PyramidReader):
    """Discriminator that sees every resolution of the generator.

    `progan_options` has the options of BMSG-GAN's discriminator.

    Args:
        options: `DiscriminatorOptions`. Those that follow from others may be left at their
            defaults.
        data: `Interface`.

    Call arguments:
        images: List of images `[N, r, r, num_channels]` in [-1, 1], one for each of
            `resolutions`, low to high.
        labels: `[N, label_size]`, or None when `label_size` is 0.
        training: Whether this pass belongs to a training step.
        dropout_seed: Stateless seed `[2]` of dropout in training, in bodies that have it; None for
            none.

    Returns:
        Logits `[N, 1]`; with labels, the logits of all classes weighted by the label.

    Source:
        MSG-GAN, section 3; Mescheder et al. 2018 for the conditional logit.
    """

    make_scogan_blocks = staticmethod(scogan_readers.discriminator_blocks)

    def __init__(self, options, data, **kwargs):
        super().__init__(options, data, num_outputs=max(data.label_size, 1), **kwargs)

    def __call__(self, images, labels=None, training=False, dropout_seed=None):
        if not self.built:
            self.build()
        images = self.as_pyramid(images)
        labels = as_labels(labels, self.label_size, images[0])
        return super().__call__(images, labels=labels, training=training, dropout_seed=dropout_seed)

    def call(self, images, labels, training, dropout_seed=None):
        logits = self.read(images, training=training, dropout_seed=dropout_seed)
        if self.label_size:
            logits = tf.reduce_sum(logits * labels, axis=1, keepdims=True)  # [N1]
        return logits
