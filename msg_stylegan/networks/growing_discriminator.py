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
from msg_stylegan.networks.pair_member import PairMember
from msg_stylegan.options import DiscriminatorOptions
from msg_stylegan.resolutions import channel_counts, scales


class GrowingDiscriminatorBlock(Float32, keras.layers.Layer):
    """Two convolutions and 2x2 means; at 4x4 the minibatch stddev and the layers to the logits.

    Every block has its own `fromrgb`, because each is the first one for a while.

    Args:
        resolution: Side of the input, in pixels.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        num_channels: Channels of the image.
        num_outputs: Logits per sample of the 4x4 block.
        options: `DiscriminatorOptions`, resolved.

    Call arguments:
        x: Activation `[N, resolution, resolution, in_channels]`, from `start` or the block above.

    Returns:
        `[N, resolution / 2, resolution / 2, out_channels]`, or logits `[N, num_outputs]` at 4x4.
    """

    def __init__(
        self, resolution, in_channels, out_channels, num_channels, num_outputs, options, **kwargs
    ):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_channels = num_channels
        self.options = options
        self.is_last = resolution == 4
        self.uses_mbstd = options.uses_mbstd(resolution)
        self.activate, gain = ops.nonlinearity(options.nonlinearity)
        shared = {"gain": gain, "equalized": options.equalized_lr}
        self.fromrgb = EqualizedConv2D(in_channels, 1, name="fromrgb", **shared)
        self.conv0 = EqualizedConv2D(in_channels, 3, name="conv0", **shared)
        if self.is_last:
            self.dense0 = EqualizedDense(out_channels, name="dense0", **shared)
            # No nonlinearity follows.
            self.dense1 = EqualizedDense(
                num_outputs, gain=1.0, equalized=options.equalized_lr, name="dense1"
            )
        else:
            self.conv1 = EqualizedConv2D(out_channels, 3, name="conv1", **shared)

    def build(self, input_shape=None):
        size = (None, self.resolution, self.resolution)
        self.fromrgb.build((*size, self.num_channels))
        extra = self.options.mbstd_num_channels if self.uses_mbstd else 0
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
        stddev = ops.minibatch_stddev(
            x, self.options.mbstd_group_size, self.options.mbstd_num_channels
        )  # [NF]
        maps = tf.tile(stddev[:, None, None, :], [1, self.resolution, self.resolution, 1])
        return tf.concat([x, maps], axis=-1)  # [NHW(C+F)]


@keras.utils.register_keras_serializable("msg_stylegan")
class GrowingDiscriminator(PairMember):
    """Discriminator of ProGAN: one score from one image, of the resolution of the stage.

    All levels have their weights from the start; those above the stage are not used. The minibatch
    stddev is at 4x4 and leaves the activation as it is.

    Args:
        options: `DiscriminatorOptions` with `body="progan"` and `mbstd_blocks="last"`. With one
            image there is nothing to combine.
        data: `Interface` of the end of the growth, with all scales connected.
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

    options_class = DiscriminatorOptions

    def __init__(self, options, data, stage_resolution=0, is_fading=False, **kwargs):
        super().__init__(options, data, **kwargs)
        options = self.options
        if (options.body, options.mbstd_blocks, data.connect) != ("progan", "last", "all"):
            raise ValueError(
                "A growing discriminator has body='progan', mbstd_blocks='last' and connect='all'. "
                f"Received: {options}, connect={data.connect!r}"
            )
        sides = scales(data.resolution)
        widths = channel_counts(len(sides), options)
        self.blocks = [
            GrowingDiscriminatorBlock(
                res,
                in_channels=widths[level],
                out_channels=widths[level - 1],
                num_channels=data.num_channels,
                num_outputs=max(data.label_size, 1),
                options=options,
                name=f"block_{res}x{res}",
            )
            for level, res in enumerate(sides, start=1)
        ]
        self.grow_to(stage_resolution or data.resolution, is_fading)

    @property
    def resolutions(self):
        """Sides of the images that are looked at: that of the stage."""
        return [self.resolution]

    def grow_to(self, resolution, is_fading):
        """Moves to a stage, see `GrowingGenerator.grow_to`."""
        check_stage(resolution, is_fading, self.data.resolution)
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
            **super().get_config(),
            "stage_resolution": self.resolution,
            "is_fading": self.is_fading,
        }
