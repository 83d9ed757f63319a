"""Blocks of the discriminator: that of MSG-StyleGAN, and the body of BMSG-GAN's MSG-ProGAN."""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.combine import COMBINES
from msg_stylegan.networks.layers import NONLINEARITY_GAIN, EqualizedConv2D, EqualizedDense
from msg_stylegan.networks.precision import Block
from msg_stylegan.networks.variables import variables_but_for
from msg_stylegan.resolutions import discriminator_channels


class DiscriminatorBlock(Block, keras.layers.Layer):
    """Combines the activation with the image of its scale and halves the resolution.

    The block of the full resolution starts from the image alone (`fromrgb`); the others join the
    activation from above and the raw image (`combine`). The 4x4 block ends in dense layers instead
    of a smaller activation.

    Args:
        channels: `BlockChannels`.
        num_channels: Channels of the image.
        num_outputs: Logits per sample of the 4x4 block.
        is_top: Whether this is the block of the full resolution.
        options: `DiscriminatorOptions`, resolved.

    Call arguments:
        x: Activation `[N, resolution, resolution, C]`, C as the combine function wants it;
            ignored by the top block.
        image: `[N, resolution, resolution, num_channels]`; None for a scale that is not connected.

    Returns:
        `[N, resolution / 2, resolution / 2, out_channels]`, or logits `[N, num_outputs]` at 4x4.

    Source:
        MSG-GAN, section 3.1, equations 9 and 10.
    """

    # Gain of the layer that gives the logits.
    logit_gain = 1.0
    # That of the second convolution.
    conv1_gain = NONLINEARITY_GAIN
    # How the second convolution halves the resolution.
    resample = "down"

    def __init__(self, channels, num_channels, num_outputs, is_top, options, **kwargs):
        super().__init__(**kwargs)
        self.resolution = channels.resolution
        self.in_channels = channels.inside
        self.combined_channels = channels.joined
        self.out_channels = channels.out
        self.num_channels = num_channels
        self.is_top = is_top
        self.options = options
        self.is_last = self.resolution == 4
        self.uses_mbstd = options.uses_mbstd(self.resolution)
        self.activate = ops.nonlinearity(options.nonlinearity)
        shared = {"equalized": options.equalized_lr}
        if is_top:
            self.fromrgb = EqualizedConv2D(self.in_channels, 1, name="fromrgb", **shared)
        else:
            self.combine = COMBINES[channels.combine](
                self.in_channels, num_channels, name="combine", **shared
            )
        self.conv0 = EqualizedConv2D(self.in_channels, 3, name="conv0", **shared)
        if self.is_last:
            self.dense0 = EqualizedDense(self.out_channels, name="dense0", **shared)
            self.dense1 = EqualizedDense(num_outputs, gain=self.logit_gain, name="dense1", **shared)
        else:
            self.conv1 = EqualizedConv2D(
                self.out_channels,
                3,
                resample=self.resample,
                gain=self.conv1_gain,
                name="conv1_down",
                **shared,
            )

    def build(self, input_shape=None):
        size = (None, self.resolution, self.resolution)
        if self.is_top:
            self.fromrgb.build((*size, self.num_channels))
        else:
            self.combine.build()
        extra = self.options.mbstd_num_channels if self.uses_mbstd else 0
        self.conv0.build((*size, self.combined_channels + extra))
        if self.is_last:
            self.dense0.build((None, 16 * self.in_channels))
            self.dense1.build((None, self.out_channels))
        else:
            self.conv1.build((*size, self.in_channels))
        self.built = True

    @property
    def feature_variables(self):
        """Trainable variables but for those of the layer that reads images."""
        return variables_but_for(self, self.fromrgb if self.is_top else self.combine)

    def call(self, x, image):
        x = self.activate(self._conv0(self.enter(x), self.enter(image)))
        if self.is_last:
            x = tf.reshape(x, [-1, 16 * self.in_channels])  # [N,(HWC)]
            return self.dense1(self.activate(self.dense0(x)))
        return self.halve(ops.blur(x, self.options.blur_filter))

    def start(self, image):
        """First activation of the network, `[N, resolution, resolution, in_channels]`."""
        return self.activate(self.fromrgb(self.enter(image)))

    def halve(self, x):
        """Second convolution, to half of the resolution."""
        return self.activate(self.conv1(x))

    def start_and_convolve(self, image, kernel):
        """Convolution of `start(image)`."""
        return ops.conv2d(self.start(image), kernel)

    def join(self, x, image):
        """What the block sees, `[N, resolution, resolution, combined_channels]`."""
        return self.start(image) if self.is_top else self.combine(x, image)

    def join_and_convolve(self, x, image, kernel):
        """Convolution of `join(x, image)`, possibly in fewer operations."""
        if self.is_top:
            return self.start_and_convolve(image, kernel)
        return self.combine.convolve(x, image, kernel)

    def _conv0(self, x, image):
        """`conv0` of what the block sees and the maps of the minibatch stddev, without joins."""
        if self.uses_mbstd:
            return self.convolve_joined(self.join(x, image))
        return self.conv0.add_bias(self.join_and_convolve(x, image, self.conv0.scaled_kernel()))

    def convolve_joined(self, x):
        """`conv0` of the result of `join` and the maps of the minibatch stddev."""
        if not self.uses_mbstd:
            return self.conv0(x)
        kernel, c = self.conv0.scaled_kernel(), self.combined_channels
        stddev = ops.minibatch_stddev(
            x, self.options.mbstd_group_size, self.options.mbstd_num_channels
        )  # [NF]
        of_stddev = ops.conv2d_of_constants(self.enter(stddev), self.resolution, kernel[:, :, c:])
        return self.conv0.add_bias(ops.conv2d(x, kernel[:, :, :c]) + of_stddev)


class ProGANDiscriminatorBlock(DiscriminatorBlock):
    """`DiscriminatorBlock` with the body of BMSG-GAN.

    The nonlinearity comes before the 2x2 means, the features of the image have none, and the layer
    of the logits has the gain of the others.
    """

    logit_gain = NONLINEARITY_GAIN
    resample = None

    def start(self, image):
        return self.fromrgb(self.enter(image))

    def start_and_convolve(self, image, kernel):
        bias = tf.convert_to_tensor(self.fromrgb.bias)
        return ops.conv2d_of_projection(image, self.fromrgb.scaled_kernel(), bias, kernel)

    def halve(self, x):
        return ops.downsample(self.activate(self.conv1(x)))


def make_blocks(block_class, options, data, num_outputs):
    """The blocks of all scales, low to high resolution.

    Args:
        block_class: `DiscriminatorBlock` or a class derived from it.
        options: `DiscriminatorOptions`, resolved.
        data: `Interface`.
        num_outputs: Outputs per sample of the 4x4 block.
    """
    return [
        block_class(
            channels,
            num_channels=data.num_channels,
            num_outputs=num_outputs,
            is_top=channels.resolution == data.resolution,
            options=options,
            name=f"block_{channels.resolution}x{channels.resolution}",
        )
        for channels in discriminator_channels(options, data)
    ]
