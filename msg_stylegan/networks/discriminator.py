"""Discriminator of the MSG-GAN family: one score from all scales of an image."""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks.discriminator_block import BODIES
from msg_stylegan.networks.mapping import as_labels
from msg_stylegan.networks.pair_member import PairMember
from msg_stylegan.options import DiscriminatorOptions
from msg_stylegan.resolutions import connected_scales, discriminator_channels


@keras.utils.register_keras_serializable("msg_stylegan")
class Discriminator(PairMember):
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

    options_class = DiscriminatorOptions

    def __init__(self, options, data, **kwargs):
        super().__init__(options, data, **kwargs)
        self.blocks = self.make_blocks(BODIES[self.options.body], data)

    def make_blocks(self, block_class, data):
        """The blocks, low to high resolution."""
        return [
            block_class(
                channels,
                num_channels=data.num_channels,
                num_outputs=max(data.label_size, 1),
                is_top=channels.resolution == data.resolution,
                options=self.options,
                name=f"block_{channels.resolution}x{channels.resolution}",
            )
            for channels in discriminator_channels(self.options, data)
        ]

    @property
    def resolutions(self):
        """Sides of the images that are looked at, low to high."""
        return connected_scales(self.data.connect, self.data.resolution)

    def build(self, input_shape=None):
        for block in self.blocks:
            block.build()
        self.built = True

    def feature_variables(self, resolution):
        """Trainable variables of the blocks up to a resolution, but for what reads images.

        These variables may be shared by the discriminators of two domains.
        """
        blocks = [block for block in self.blocks if block.resolution <= resolution]
        return [variable for block in blocks for variable in block.feature_variables]

    def __call__(self, images, labels=None, training=False, dropout_seed=None):
        if not self.built:
            self.build()
        images = [tf.cast(tf.convert_to_tensor(image), tf.float32) for image in images]
        assert_pyramid(images, self.resolutions, self.num_channels)
        labels = as_labels(labels, self.label_size, images[0])
        return super().__call__(images, labels=labels, training=training, dropout_seed=dropout_seed)

    def call(self, images, labels, training, dropout_seed=None):
        logits = self.class_logits(images)
        if self.label_size:
            logits = tf.reduce_sum(logits * labels, axis=1, keepdims=True)  # [N1]
        return logits

    def class_logits(self, images):
        """Logits of all classes, `[N, label_size]`; `[N, 1]` for an unconditional network."""
        by_side = dict(zip(self.resolutions, images, strict=True))
        x = images[-1]
        for block in reversed(self.blocks):
            x = block(x, image=by_side.get(block.resolution))
        return x


def assert_pyramid(images, resolutions, num_channels):
    """Checks a list of images, low to high resolution.

    Raises:
        ValueError: The number, order, sizes or channels of the images differ from what is asked.
    """
    expected = [(res, res, num_channels) for res in resolutions]
    received = [tuple(image.shape[1:]) for image in images]
    if received != expected:
        raise ValueError(
            "Expected images from low to high resolution with the shapes "
            f"{expected} (after the batch axis). Received: {received}"
        )
