"""Synthesis of BMSG-GAN's MSG-ProGAN: pixel norms instead of styles and noise.

MSG-GAN, supplement, tables 6 and 7, on ProGAN (Karras et al. 2018, table 2).
"""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.float32 import Float32
from msg_stylegan.networks.layers import EqualizedConv2D, EqualizedDense
from msg_stylegan.networks.synthesis import SynthesisNetwork


class ProGANBlock(Float32, keras.layers.Layer):
    """Two convolutions, each with nonlinearity and pixel norm, and the 1x1 convolution to an image.

    The first block starts with a 4x4 transposed convolution of w, which is a dense layer, and has
    one pixel norm only, at its end. The others start with nearest-neighbour upsampling.

    Args:
        resolution: Side of the output, in pixels; 4 for the first block.
        in_channels: Channels of the input activation (ignored by the first block).
        out_channels: Channels of the output activation.
        num_channels: Channels of the image.
        has_torgb: Whether the block gives an image.
        options: `GeneratorOptions`, resolved.

    Call arguments:
        x: Activation `[N, resolution / 2, resolution / 2, in_channels]`; w, `[N, w_dim]`, for the
            first block.

    Returns:
        Tuple of the activation `[N, resolution, resolution, out_channels]` and the image
        `[N, resolution, resolution, num_channels]`, or None for it.
    """

    # Whether the first layer has a pixel norm of its own.
    normalizes_start = False

    def __init__(
        self, resolution, in_channels, out_channels, num_channels, has_torgb, options, **kwargs
    ):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.w_dim = options.w_dim
        self.is_first = resolution == 4
        self.activate, gain = ops.nonlinearity(options.nonlinearity)
        shared = {"gain": gain, "equalized": options.equalized_lr}
        if self.is_first:
            # All 16 pixels share the bias of a channel, so it is a weight of the block.
            self.dense = EqualizedDense(16 * out_channels, use_bias=False, name="dense", **shared)
        else:
            self.conv0 = EqualizedConv2D(out_channels, 3, resample="up", name="conv0_up", **shared)
        self.conv1 = EqualizedConv2D(out_channels, 3, name="conv1", **shared)
        # The gain of a nonlinearity, although none follows: BMSG-GAN has it everywhere.
        self.torgb = EqualizedConv2D(num_channels, 1, name="torgb", **shared) if has_torgb else None

    def build(self, input_shape=None):
        size = (None, self.resolution, self.resolution)
        if self.is_first:
            self.dense.build((None, self.w_dim))
            self.bias = self.add_weight(
                name="bias", shape=(self.out_channels,), initializer="zeros"
            )
        else:
            self.conv0.build((None, None, None, self.in_channels))
        self.conv1.build((*size, self.out_channels))
        if self.torgb is not None:
            self.torgb.build((*size, self.out_channels))
        self.built = True

    def call(self, x):
        if self.is_first:
            x = tf.reshape(self.dense(x), [-1, 4, 4, self.out_channels])  # [N44C]
            x = tf.nn.bias_add(x, tf.convert_to_tensor(self.bias))
        else:
            x = self.conv0(x)
        x = self.activate(x)
        if self.normalizes_start or not self.is_first:
            x = ops.pixel_norm(x)
        x = ops.pixel_norm(self.activate(self.conv1(x)))
        return x, None if self.torgb is None else self.torgb(x)


class ProGANSynthesis(SynthesisNetwork):
    """`SynthesisNetwork` of `ProGANBlock`s. Takes one w per sample; there is no noise to choose."""

    block_class = ProGANBlock
    knows_w = False
    num_ws = 1

    def call(self, ws, noise_mode, noise_seed=None):
        images = self.images_up_to(self.resolution, ws)
        return [image for image in images if image is not None]

    def images_up_to(self, resolution, ws):
        """Images of the blocks up to a resolution, low to high; None where there is no `torgb`."""
        x, images = ws[:, 0], []
        for block in [block for block in self.blocks if block.resolution <= resolution]:
            x, image = block(x)
            images.append(image)
        return images
