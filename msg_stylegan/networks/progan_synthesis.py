"""Synthesis of BMSG-GAN's MSG-ProGAN: pixel norms instead of styles and noise.

MSG-GAN, supplement, tables 6 and 7, on ProGAN (Karras et al. 2018, table 2).
"""

import tensorflow as tf

from msg_stylegan.networks import ops
from msg_stylegan.networks.layers import NONLINEARITY_GAIN
from msg_stylegan.networks.synthesis import SynthesisBlock, SynthesisNetwork


class ProGANBlock(SynthesisBlock):
    """Two convolutions, each with nonlinearity and pixel norm, and the 1x1 convolution to an image.

    The first block starts with a 4x4 transposed convolution of w, which is a dense layer, and has
    one pixel norm only, at its end. The others start with nearest-neighbour upsampling.

    Call arguments:
        x: Activation `[N, resolution / 2, resolution / 2, in_channels]`; w, `[N, w_dim]`, for the
            first block.

    Returns:
        Tuple of the activation `[N, resolution, resolution, out_channels]` and the image
        `[N, resolution, resolution, num_channels]` in float32, or None for it.
    """

    has_biases = True
    dense_gain = NONLINEARITY_GAIN
    # The gain of a nonlinearity, although none follows: BMSG-GAN has it everywhere.
    torgb_gain = NONLINEARITY_GAIN
    # Whether the first layer has a pixel norm of its own.
    normalizes_start = False
    epilogues = ()

    def make_epilogues(self):
        self.activate = ops.nonlinearity(self.options.nonlinearity)

    def build(self, input_shape=None):
        size = (None, self.resolution, self.resolution)
        if self.is_first:
            self.dense.build((None, self.options.w_dim))
            # All 16 pixels share the bias of a channel, so it is a weight of the block.
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
            x = ops.add_bias(x, self.bias)
        else:
            x = self.conv0(self.enter(x))
        x = self.activate(x)
        if self.normalizes_start or not self.is_first:
            x = ops.pixel_norm(x)
        x = ops.pixel_norm(self.activate(self.conv1(x)))
        return x, self.image(x)


class ProGANSynthesis(SynthesisNetwork):
    """`SynthesisNetwork` of `ProGANBlock`s. Takes one w per sample; there is no noise to choose."""

    block_class = ProGANBlock
    knows_w = False
    num_ws = 1

    def call(self, ws, noise_mode, noise_seed=None, training=False):
        images, features = self.run_blocks(self.resolution, ws)
        return [image for image in images if image is not None], features

    def run_blocks(self, resolution, ws):
        """Images and activations of the blocks up to a resolution, low to high.

        Images are None where there is no `torgb`.
        """
        x, images, features = ws[:, 0], [], []
        for block in [block for block in self.blocks if block.resolution <= resolution]:
            x, image = block(x)
            images.append(image)
            features.append(tf.cast(x, tf.float32))
        return images, features
