"""Residual block of StyleGAN2's discriminator, with the combine functions of MSG-GAN."""

import math

from msg_stylegan.networks import ops
from msg_stylegan.networks.discriminator_block import DiscriminatorBlock
from msg_stylegan.networks.layers import NONLINEARITY_GAIN, EqualizedConv2D
from msg_stylegan.networks.reduced_precision import clamp

# Of both branches, whose sum then has the variance of each.
_BRANCH_GAIN = math.sqrt(0.5)


class ResidualDiscriminatorBlock(DiscriminatorBlock):
    """`DiscriminatorBlock` whose convolutions are bypassed by one of 1x1 and half the resolution.

    What is bypassed begins behind the image of the scale: both branches see it. The 4x4 block has
    no bypass.

    Source:
        Karras et al. 2020 (StyleGAN2), section 4.1, figure 7c.
    """

    # The branches are added behind the nonlinearity, to which gains before it are the same.
    conv1_gain = NONLINEARITY_GAIN * _BRANCH_GAIN

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.is_last:
            self.skip = EqualizedConv2D(
                self.out_channels,
                1,
                gain=_BRANCH_GAIN,
                use_bias=False,
                equalized=self.options.equalized_lr,
                name="skip",
            )

    def build(self, input_shape=None):
        super().build(input_shape)
        if not self.is_last:
            self.skip.build((None, None, None, self.combined_channels))

    def call(self, x, image):
        if self.is_last:
            return super().call(x, image)
        x = self.join(self.enter(x), self.enter(image))
        taps = self.options.blur_filter
        bypass = self.skip(ops.downsample(ops.blur(x, taps)))
        x = self.activate(self.convolve_joined(x))
        return clamp(self.halve(ops.blur(x, taps)) + bypass)
