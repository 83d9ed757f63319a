"""Discriminator that grows: ProGAN's, which looks at one image, of the resolution reached so far.

Karras et al. 2018 (ProGAN), section 2 and table 2; the discriminator of PGGAN-PyTorch.
"""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.discriminator import assert_pyramid
from msg_stylegan.networks.float32 import Float32
from msg_stylegan.networks.growing_blend import check_stage, lerp
from msg_stylegan.networks.layers import EqualizedConv2D, EqualizedDense
from msg_stylegan.networks.mapping import as_labels
from msg_stylegan.resolutions import channels, scales


class GrowingDiscriminatorBlock(Float32, keras.layers.Layer):
    """Two convolutions and 2x2 means; at 4x4 the minibatch stddev and the layers to the logits.

    Every block has its own `fromrgb`, because each is the first one for a while.

    Args:
        resolution: Side of the input, in pixels.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        num_channels: Channels of the image.
        num_outputs: Logits per sample of the 4x4 block.
        nonlinearity: Name of the nonlinearity.
        equalized_lr: Whether the equalized learning rate is used.
        mbstd_group_size, mbstd_num_channels: Of the 4x4 block, see `ops.minibatch_stddev`; 0 or 1
            samples switch it off.

    Call arguments:
        x: Activation `[N, resolution, resolution, in_channels]`, from `start` or the block above.

    Returns:
        `[N, resolution / 2, resolution / 2, out_channels]`, or logits `[N, num_outputs]` at 4x4.
    """

    def __init__(
        self,
        resolution,
        in_channels,
        out_channels,
        num_channels,
        num_outputs,
        nonlinearity,
        equalized_lr,
        mbstd_group_size,
        mbstd_num_channels,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_channels = num_channels
        self.mbstd_group_size = mbstd_group_size
        self.mbstd_num_channels = mbstd_num_channels
        self.is_last = resolution == 4
        self.uses_mbstd = self.is_last and mbstd_group_size not in (0, 1)
        self.activate, gain = ops.nonlinearity(nonlinearity)
        shared = {"gain": gain, "equalized": equalized_lr}
        self.fromrgb = EqualizedConv2D(in_channels, 1, name="fromrgb", **shared)
        self.conv0 = EqualizedConv2D(in_channels, 3, name="conv0", **shared)
        if self.is_last:
            self.dense0 = EqualizedDense(out_channels, name="dense0", **shared)
            # No nonlinearity follows.
            self.dense1 = EqualizedDense(
                num_outputs, gain=1.0, equalized=equalized_lr, name="dense1"
            )
        else:
            self.conv1 = EqualizedConv2D(out_channels, 3, name="conv1", **shared)

    def build(self, input_shape=None):
        size = (None, self.resolution, self.resolution)
        self.fromrgb.build((*size, self.num_channels))
        extra = self.mbstd_num_channels if self.uses_mbstd else 0
        self.conv0.build((*size, self.in_channels + extra))
        if self.is_last:
            self.dense0.build((None, 16 * self.in_channels))
            self.dense1.build((None, self.out_channels))
        else:
            self.conv1.build((*size, self.in_channels))
        self.built = True

    def start(self, image):
        """First activation of a network that begins here, from an image of this resolution."""
        return self.activate(self.fromrgb(image))

    def call(self, x):
        if not self.is_last:
            x = self.activate(self.conv1(self.activate(self.conv0(x))))
            return ops.downsample(x)
        if self.uses_mbstd:
            x = self._with_stddev(x)
        x = tf.reshape(self.activate(self.conv0(x)), [-1, 16 * self.in_channels])  # [N,(HWC)]
        return self.dense1(self.activate(self.dense0(x)))

    def _with_stddev(self, x):
        stddev = ops.minibatch_stddev(x, self.mbstd_group_size, self.mbstd_num_channels)  # [NF]
        maps = tf.tile(stddev[:, None, None, :], [1, self.resolution, self.resolution, 1])
        return tf.concat([x, maps], axis=-1)  # [NHW(C+F)]


@keras.utils.register_keras_serializable("msg_stylegan")
class GrowingDiscriminator(Float32, keras.Model):
    """Discriminator of ProGAN: one score from one image, of the resolution of the stage.

    All levels have their weights from the start; those above the stage are not used. The minibatch
    stddev is at 4x4 and leaves the activation as it is.

    Args:
        resolution: Side of the images at the end of the growth; a power of two of at least 8.
        num_channels, label_size, channel_base, channel_decay, channel_max: See `Discriminator`.
        nonlinearity, equalized_lr, mbstd_group_size, mbstd_num_channels: See
            `GrowingDiscriminatorBlock`.
        blur_filter: Empty.
        mbstd_blocks: "last".
        combine: Anything `Discriminator` knows; with one image there is nothing to combine.
        body: "progan".
        connect: "all".
        stage_resolution: Side of the images of the stage; 0 for the full one.
        is_fading: Whether the highest level of the stage is still being faded in.

    Call arguments:
        images: List of one batch of images `[N, r, r, num_channels]` in [-1, 1], r the resolution
            of the stage.
        labels: `[N, label_size]`, or None when `label_size` is 0.

    Attributes:
        alpha: Weight of the highest level's path while it fades in, see `GrowingSynthesis`.

    Returns:
        Logits `[N, 1]`; with labels, the logits of all classes weighted by the label.

    Raises:
        ValueError: Other values of the options that are given here, or no such stage.
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
        mbstd_group_size,
        mbstd_num_channels,
        blur_filter=(),
        mbstd_blocks="last",
        combine="simple",
        body="progan",
        connect="all",
        stage_resolution=0,
        is_fading=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if (body, mbstd_blocks, connect, len(blur_filter)) != ("progan", "last", "all", 0):
            raise ValueError(
                "A growing discriminator has body='progan', mbstd_blocks='last', connect='all' and "
                f"no blur_filter. Received: body={body!r}, mbstd_blocks={mbstd_blocks!r}, "
                f"connect={connect!r}, blur_filter={list(blur_filter)}"
            )
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
            "mbstd_group_size": mbstd_group_size,
            "mbstd_num_channels": mbstd_num_channels,
            "blur_filter": [],
            "mbstd_blocks": mbstd_blocks,
            "combine": combine,
            "body": body,
            "connect": connect,
        }
        sides = scales(resolution)
        widths = [
            channels(level, channel_base, channel_decay, channel_max)
            for level in range(len(sides) + 1)
        ]
        self.blocks = [
            GrowingDiscriminatorBlock(
                res,
                in_channels=widths[level],
                out_channels=widths[level - 1],
                num_channels=num_channels,
                num_outputs=max(label_size, 1),
                nonlinearity=nonlinearity,
                equalized_lr=equalized_lr,
                mbstd_group_size=mbstd_group_size,
                mbstd_num_channels=mbstd_num_channels,
                name=f"block_{res}x{res}",
            )
            for level, res in enumerate(sides, start=1)
        ]
        self.grow_to(stage_resolution or resolution, is_fading)

    @property
    def resolutions(self):
        """Sides of the images that are looked at: that of the stage."""
        return [self.resolution]

    def grow_to(self, resolution, is_fading):
        """Moves to a stage, see `GrowingGenerator.grow_to`."""
        check_stage(resolution, is_fading, self.options["resolution"])
        self.resolution = resolution
        self.is_fading = bool(is_fading)

    def build(self, input_shape=None):
        for block in self.blocks:
            block.build()
        self.alpha = self.add_weight(name="alpha", shape=(), initializer="ones", trainable=False)
        self.built = True

    def __call__(self, images, labels=None, training=False):
        if not self.built:
            self.build()
        images = [tf.cast(tf.convert_to_tensor(image), tf.float32) for image in images]
        assert_pyramid(images, self.resolutions, self.num_channels)
        labels = as_labels(labels, self.label_size, images[0])
        return super().__call__(images, labels=labels, training=training)

    def call(self, images, labels, training):
        (image,) = images
        *lower, top = [block for block in self.blocks if block.resolution <= self.resolution]
        x = top(top.start(image))
        if self.is_fading:
            x = lerp(lower[-1].start(ops.downsample(image)), x, self.alpha)
        for block in reversed(lower):
            x = block(x)
        if self.label_size:
            x = tf.reduce_sum(x * labels, axis=1, keepdims=True)  # [N1]
        return x

    def get_config(self):
        return {
            "name": self.name,
            **self.options,
            "stage_resolution": self.resolution,
            "is_fading": self.is_fading,
        }

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()
