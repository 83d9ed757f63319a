"""Layers of StyleGAN2's synthesis: styles in the convolutions, and what follows them."""

from msg_stylegan.networks import modulation
from msg_stylegan.networks.layers import (
    NONLINEARITY_GAIN,
    EqualizedConv2D,
    EqualizedDense,
    NoisyNonlinearity,
)


class ModulatedConv2D(EqualizedConv2D):
    """`EqualizedConv2D` whose input channels w scales.

    Args:
        filters, kernel_size: As for `EqualizedConv2D`.
        demodulates: Whether the outputs have the standard deviation `gain` whatever the style is;
            see `modulation.demodulated_conv2d`.
        **kwargs: Further arguments of `EqualizedConv2D`. Of a kernel that is demodulated the scale
            makes no difference.

    Call arguments:
        x: `[N, H, W, C]`.
        w: `[N, w_dim]`.

    Returns:
        `[N, H', W', filters]`.

    Source:
        StyleGAN2, section 2.2, equations 1 to 3.
    """

    def __init__(self, filters, kernel_size, demodulates=True, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.demodulates = demodulates

    def build(self, input_shape, w_shape):
        super().build(input_shape)
        self.style = EqualizedDense(
            input_shape[-1], gain=1.0, equalized=self.equalized, name="style"
        )
        self.style.build(w_shape)

    def call(self, x, w):
        # The `+ 1` lets weights of zero mean "no change".
        style = self.style(w) + 1.0
        if self.demodulates:
            x = modulation.demodulated_conv2d(x, self.kernel, style, self.convolve, self.gain)
        else:
            x = modulation.modulated_conv2d(x, self.scaled_kernel(), style, self.convolve)
        return self.add_bias(x)


class ScaledNonlinearity(NoisyNonlinearity):
    """`NoisyNonlinearity` whose result is multiplied by a gain; all channels feel the same noise.

    Source:
        StyleGAN2, figure 2c: noise and bias stand outside of the style.
    """

    gain = NONLINEARITY_GAIN
    noise_of_channels = False
