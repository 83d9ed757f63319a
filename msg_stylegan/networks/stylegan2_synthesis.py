"""Synthesis with StyleGAN2's blocks, each with its own image output.

Karras et al. 2020 (StyleGAN2), section 2, in the architecture of MSG-GAN, which is that of its
figure 7a: the images of the scales are not added up, as those of its own (7b) are.
"""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.modulated_layers import ModulatedConv2D, ScaledNonlinearity
from msg_stylegan.networks.synthesis import SynthesisBlock, SynthesisNetwork


class StyleGAN2Block(SynthesisBlock):
    """Modulated convolutions, each with noise, bias and nonlinearity, and that to an image.

    The first block has one convolution, of a learned constant; the others have two, the first of
    which doubles the resolution. There are no norms: convolutions are demodulated, but for the 1x1
    convolution to an image.

    Call arguments:
        x: Activation `[N, resolution / 2, resolution / 2, in_channels]`; None for the first block.
        w0, w1: `[N, w_dim]`, one for each convolution. The first block has no use for w0.
        w_image: `[N, w_dim]` for the convolution to an image.
        noise_mode, noise_seed: Which noise, see `Noise`.

    Returns:
        Tuple of the activation `[N, resolution, resolution, out_channels]` and the image
        `[N, resolution, resolution, num_channels]` in float32, or None for it.
    """

    def make_layers(self, num_channels):
        equalized = self.options.equalized_lr
        convolution = {"use_bias": False, "equalized": equalized}
        if not self.is_first:
            self.conv0 = ModulatedConv2D(
                self.out_channels, 3, resample="up", name="conv0_up", **convolution
            )
            self.epilogue0 = self.make_epilogue(ScaledNonlinearity, 0)
        self.conv1 = ModulatedConv2D(self.out_channels, 3, name="conv1", **convolution)
        self.epilogue1 = self.make_epilogue(ScaledNonlinearity, 1)
        if num_channels:
            self.torgb = ModulatedConv2D(
                num_channels,
                1,
                demodulates=False,
                gain=self.torgb_gain,
                equalized=equalized,
                name="torgb",
            )

    @property
    def epilogues(self):
        return [self.epilogue1] if self.is_first else super().epilogues

    def build(self, input_shape=None):
        out_shape = (None, self.resolution, self.resolution, self.out_channels)
        w_shape = (None, self.options.w_dim)
        if self.is_first:
            self.const = self.add_weight(
                name="const",
                shape=(1, 4, 4, self.out_channels),
                initializer=keras.initializers.RandomNormal(0.0, 1.0),
            )
        else:
            self.conv0.build((None, None, None, self.in_channels), w_shape)
            self.epilogue0.build(out_shape)
        self.conv1.build(out_shape, w_shape)
        self.epilogue1.build(out_shape)
        if self.torgb is not None:
            self.torgb.build(out_shape, w_shape)
        self.built = True

    def call(self, x, w0, w1, w_image, noise_mode, noise_seed=None):
        noise = {"noise_mode": noise_mode, "noise_seed": noise_seed}
        if self.is_first:
            x = tf.tile(self.const, [tf.shape(w1)[0], 1, 1, 1])  # [N44C]
        else:
            x = ops.blur(self.conv0(self.enter(x), w0), self.options.blur_filter)
            x = self.epilogue0(x, **noise)
        x = self.epilogue1(self.conv1(x, w1), **noise)
        return x, self.image(x, w_image)


class StyleGAN2Synthesis(SynthesisNetwork):
    """`SynthesisNetwork` of `StyleGAN2Block`s.

    The convolution to an image takes the w of the next block's first convolution, so there are as
    many ws as in StyleGAN: two for each scale.
    """

    block_class = StyleGAN2Block

    def ws_of_block(self, index):
        return max(2 * index - 1, 0), 2 * index, 2 * index + 1

    def kernels_of_w(self):
        kernels = [[] for _ in range(self.num_ws)]
        for index, block in enumerate(self.blocks):
            first, second, of_image = self.ws_of_block(index)
            if not block.is_first:
                kernels[first].append(block.conv0.style.scaled_kernel())
            kernels[second].append(block.conv1.style.scaled_kernel())
            if block.torgb is not None:
                kernels[of_image].append(block.torgb.style.scaled_kernel())
        return kernels
