"""Encoder: the latent from which a generator may have made an image."""

import dataclasses

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import scogan_readers
from msg_stylegan.networks.pyramid_reader import PyramidReader


@keras.utils.register_keras_serializable("msg_stylegan")
class Encoder(PyramidReader):
    """Estimates the latent of an image from all of its scales.

    The blocks are those of the discriminator, without minibatch stddev: an image has the same
    latent in every batch. With the body "scogan" they are those of Soft-CoGAN's encoder.

    Args:
        options: `DiscriminatorOptions`; those of the minibatch stddev are ignored.
        data: `Interface`. Labels are ignored.
        z_dim: Components of the latent.

    Attributes:
        z_dim: As above.

    Call arguments:
        images: List of images `[N, r, r, num_channels]` in [-1, 1], one for each of
            `resolutions`, low to high. Gray ones are repeated if the encoder sees colour, as the
            other domain has it.
        training: Whether this pass belongs to a training step.
        dropout_seed: Stateless seed `[2]` of dropout in training, in bodies that have it; None for
            none.

    Returns:
        Latents as a generator takes them, `[N, z_dim]`, unbounded.

    Source:
        The encoder of Soft-CoGAN's latent cycle consistency.
    """

    make_scogan_blocks = staticmethod(scogan_readers.encoder_blocks)

    def __init__(self, options, data, z_dim, **kwargs):
        if z_dim < 1:
            raise ValueError(f"Expected `z_dim` to be at least 1. Received: {z_dim}")
        options = dataclasses.replace(options, mbstd_group_size=0)
        super().__init__(options, data, num_outputs=z_dim, **kwargs)
        self.z_dim = z_dim

    def __call__(self, images, training=False, dropout_seed=None):
        if not self.built:
            self.build()
        count = self.num_channels
        images = [tf.repeat(x, count, axis=-1) if x.shape[-1] == 1 else x for x in images]
        images = self.as_pyramid(images)
        return super().__call__(images, training=training, dropout_seed=dropout_seed)

    def call(self, images, training, dropout_seed=None):
        return self.read(images, training=training, dropout_seed=dropout_seed)

    def get_config(self):
        return {**super().get_config(), "z_dim": self.z_dim}
