"""Discriminator of the MSG-GAN family: one score from all scales of an image."""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.combine import COMBINES, UNCONNECTED, combine_class
from msg_stylegan.networks.discriminator_block import BODIES
from msg_stylegan.networks.float32 import Float32
from msg_stylegan.networks.mapping import as_labels
from msg_stylegan.resolutions import channels, connected_scales, scales

# Which blocks may append the minibatch stddev.
MBSTD_BLOCKS = ("all", "last")


@keras.utils.register_keras_serializable("msg_stylegan")
class Discriminator(Float32, keras.Model):
    """Discriminator that sees every resolution of the generator.

    BMSG-GAN's discriminator is `progan_options.progan_discriminator_options`.

    Args:
        resolution: Side of the largest image, in pixels; a power of two of at least 8.
        num_channels: Channels of the images.
        label_size: Size of the label vectors; 0 for an unconditional network.
        channel_base, channel_decay, channel_max: See `resolutions.channels`.
        nonlinearity, equalized_lr, blur_filter, mbstd_group_size, mbstd_num_channels, combine: See
            `DiscriminatorBlock`.
        mbstd_blocks: "all" or "last" (4x4): where the minibatch stddev is appended.
        body: What follows the combine function in a block: "stylegan" (`DiscriminatorBlock`) or
            "progan" (`ProGANDiscriminatorBlock`).
        connect: Which blocks see an image, see `resolutions.connected_scales`.

    Call arguments:
        images: List of images `[N, r, r, num_channels]` in [-1, 1], one for each of
            `resolutions`, low to high.
        labels: `[N, label_size]`, or None when `label_size` is 0.

    Returns:
        Logits `[N, 1]`; with labels, the logits of all classes weighted by the label.

    Source:
        MSG-GAN, section 3; Mescheder et al. 2018 for the conditional logit.
    """

    def __init__(
        self,
        resolution,
        num_channels,
        label_size,
        channel_base,
        channel_decay,
        channel_max,
        nonlinearity,
        equalized_lr,
        blur_filter,
        mbstd_group_size,
        mbstd_num_channels,
        mbstd_blocks,
        combine,
        body,
        connect,
        **kwargs,
    ):
        super().__init__(**kwargs)
        _check("mbstd_blocks", mbstd_blocks, MBSTD_BLOCKS)
        _check("body", body, BODIES)
        _check("combine", combine, COMBINES)
        if mbstd_group_size < ops.WHOLE_BATCH:
            raise ValueError(
                "Expected `mbstd_group_size` to be a number of samples, 0 for none or "
                f"{ops.WHOLE_BATCH} for the whole batch. Received: {mbstd_group_size}"
            )
        self.resolution = resolution
        self.num_channels = num_channels
        self.label_size = label_size
        self.options = {
            "resolution": resolution,
            "num_channels": num_channels,
            "label_size": label_size,
            "channel_base": channel_base,
            "channel_decay": channel_decay,
            "channel_max": channel_max,
            "nonlinearity": nonlinearity,
            "equalized_lr": equalized_lr,
            "blur_filter": list(blur_filter),
            "mbstd_group_size": mbstd_group_size,
            "mbstd_num_channels": mbstd_num_channels,
            "mbstd_blocks": mbstd_blocks,
            "combine": combine,
            "body": body,
            "connect": connect,
        }
        sides = scales(resolution)
        self.resolutions = connected_scales(connect, resolution)
        widths = [
            channels(level, channel_base, channel_decay, channel_max)
            for level in range(len(sides) + 1)
        ]
        combines = [combine if res in self.resolutions else UNCONNECTED for res in sides]
        # What the block of each scale takes from the one above.
        inputs = [
            combine_class(name).activation_channels(width)
            for name, width in zip(combines, widths[1:], strict=True)
        ]
        self.blocks = [
            BODIES[body](
                res,
                in_channels=widths[level],
                # The dense layer of the last block has all of the channels.
                out_channels=widths[0] if level == 1 else inputs[level - 2],
                num_channels=num_channels,
                num_outputs=max(label_size, 1),
                is_top=res == resolution,
                nonlinearity=nonlinearity,
                blur_filter=blur_filter,
                mbstd_group_size=mbstd_group_size if mbstd_blocks == "all" or level == 1 else 0,
                mbstd_num_channels=mbstd_num_channels,
                equalized_lr=equalized_lr,
                combine=combines[level - 1],
                name=f"block_{res}x{res}",
            )
            for level, res in enumerate(sides, start=1)
        ]

    def build(self, input_shape=None):
        for block in self.blocks:
            block.build()
        self.built = True

    def __call__(self, images, labels=None, training=False):
        if not self.built:
            self.build()
        images = [tf.cast(tf.convert_to_tensor(image), tf.float32) for image in images]
        assert_pyramid(images, self.resolutions, self.num_channels)
        labels = as_labels(labels, self.label_size, images[0])
        return super().__call__(images, labels=labels, training=training)

    def call(self, images, labels, training):
        by_side = dict(zip(self.resolutions, images, strict=True))
        x = images[-1]
        for block in reversed(self.blocks):
            x = block(x, image=by_side.get(block.resolution))
        if self.label_size:
            x = tf.reduce_sum(x * labels, axis=1, keepdims=True)  # [N1]
        return x

    def get_config(self):
        return {"name": self.name, **self.options}

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


def _check(option, value, known):
    if value not in known:
        raise ValueError(f"Expected `{option}` out of {list(known)}. Received: {value!r}")


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
