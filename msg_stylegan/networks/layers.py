"""Layers with weights of their own: equalized dense and convolution, noise, the layer epilogue.

Equalized learning rate: Karras et al. 2018 (ProGAN), section 4.1. Noise and styles: Karras et al.
2019 (StyleGAN), sections 2 and 3.2.
"""

import math

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops, part_seed
from msg_stylegan.networks.precision import TypeOfInput

RESAMPLING_CONVOLUTIONS = {
    None: ops.conv2d,
    "up": ops.upsample_conv2d,
    "down": ops.conv2d_downsample,
}
NOISE_MODES = ("const", "random", "none")
# Gain of the weights that feed a nonlinearity, whichever it is.
NONLINEARITY_GAIN = math.sqrt(2.0)


class EqualizedLayer(TypeOfInput, keras.layers.Layer):
    """Base of the layers whose weights are scaled at run time instead of at initialisation.

    Weights start as N(0, 1 / lr_multiplier^2) and are multiplied by
    `gain / sqrt(fan_in) * lr_multiplier` when used, so that all layers learn at the same speed.
    Without `equalized` the He scale goes into the initial values instead.

    Args:
        gain: Gain of the following nonlinearity; 1 if there is none.
        lr_multiplier: Learning speed relative to the other layers.
        equalized: Whether the He scale is applied at run time.
        use_bias: Whether a bias, zero at first, is added.
    """

    def __init__(
        self, gain=NONLINEARITY_GAIN, lr_multiplier=1.0, equalized=True, use_bias=True, **kwargs
    ):
        super().__init__(**kwargs)
        self.gain = gain
        self.lr_multiplier = lr_multiplier
        self.equalized = equalized
        self.use_bias = use_bias

    def add_kernel(self, shape):
        """Creates `kernel` of the given shape (last axis = outputs) and, if wanted, `bias`."""
        he_std = self.gain / math.sqrt(math.prod(shape[:-1]))
        initial_std = (1.0 if self.equalized else he_std) / self.lr_multiplier
        self.runtime_scale = (he_std if self.equalized else 1.0) * self.lr_multiplier
        # A new initializer object per weight: a reused one repeats its numbers.
        self.kernel = self.add_weight(
            name="kernel",
            shape=shape,
            initializer=keras.initializers.RandomNormal(0.0, initial_std),
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=shape[-1:], initializer="zeros")

    def scaled_kernel(self):
        """The kernel as it is used."""
        return self.kernel * self.runtime_scale

    def add_bias(self, x):
        """Adds the bias, if there is one, to the last axis of `x`."""
        if not self.use_bias:
            return x
        bias = self.bias if self.lr_multiplier == 1.0 else self.bias * self.lr_multiplier
        return ops.add_bias(x, bias)


class EqualizedDense(EqualizedLayer):
    """Fully connected layer with equalized learning rate.

    Args:
        units: Number of outputs.
        **kwargs: Arguments of `EqualizedLayer`.

    Input shape: `[N, inputs]`. Output shape: `[N, units]`.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.add_kernel((input_shape[-1], self.units))
        self.built = True

    def call(self, x):
        return self.add_bias(tf.matmul(x, tf.cast(self.scaled_kernel(), x.dtype)))


class EqualizedConv2D(EqualizedLayer):
    """Convolution with equalized learning rate, zero padding and optional resampling by two.

    Args:
        filters: Number of output channels.
        kernel_size: Side of the square kernel, odd; 3 when resampling.
        resample: `"up"` for nearest-neighbour upsampling before the convolution, `"down"` for 2x2
            means after it, None for neither.
        **kwargs: Arguments of `EqualizedLayer`.

    Input shape: `[N, H, W, C]`. Output shape: `[N, H', W', filters]`.
    """

    def __init__(self, filters, kernel_size, resample=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        if resample not in RESAMPLING_CONVOLUTIONS:
            known = list(RESAMPLING_CONVOLUTIONS)
            raise ValueError(f"Expected `resample` to be one of {known}. Received: {resample!r}")
        self.convolve = RESAMPLING_CONVOLUTIONS[resample]

    def build(self, input_shape):
        self.add_kernel((self.kernel_size, self.kernel_size, input_shape[-1], self.filters))
        self.built = True

    def call(self, x):
        return self.add_bias(self.convolve(x, self.scaled_kernel()))


class Noise(TypeOfInput, keras.layers.Layer):
    """One map of standard normal noise per sample, and how strongly each channel feels it.

    Args:
        resolution: Side of the activation, in pixels; the fixed noise map has this size.
        of_channels: Whether the channels feel it differently.

    Arguments of `maps`:
        n: Number of samples.
        noise_mode: `"const"` for the stored map, the same for every sample; `"random"` for new
            maps; `"none"` for zeros.
        noise_seed: None, or an int32 tensor `[2]` (or a `PartSeed`) that makes random noise a pure
            function of it.

    Returns:
        `[n, resolution, resolution, 1]`; to be multiplied by `strength`, `[C]` or `[1]`.

    Source:
        StyleGAN, section 3.2. The strengths start at zero. StyleGAN2 has one for all channels.
    """

    def __init__(self, resolution, of_channels=True, **kwargs):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.of_channels = of_channels

    def build(self, input_shape):
        count = input_shape[-1] if self.of_channels else 1
        self.strength = self.add_weight(name="strength", shape=(count,), initializer="zeros")
        self.const = self.add_weight(
            name="const",
            shape=(1, self.resolution, self.resolution, 1),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            trainable=False,
        )
        self.built = True

    def maps(self, n, noise_mode, noise_seed=None):
        shape = [n, self.resolution, self.resolution, 1]
        if noise_mode == "none":
            return tf.zeros(shape)
        if noise_mode == "const":
            return tf.broadcast_to(self.const, shape)
        if noise_seed is None:
            return tf.random.normal(shape)
        return part_seed.draw(tf.random.stateless_normal, shape, noise_seed)


class NoisyNonlinearity(TypeOfInput, keras.layers.Layer):
    """Noise, bias and nonlinearity after a convolution of the synthesis.

    Args:
        resolution: Side of the activation, in pixels.
        index: Position among those of the network, from 0; decides the noise stream.
        options: `GeneratorOptions`.

    Call arguments:
        x: `[N, resolution, resolution, C]`.
        noise_mode, noise_seed: Which noise, see `Noise`.
    """

    # Factor of the result but for `x`, whose convolution has it already.
    gain = 1.0
    # Whether the channels feel noise differently.
    noise_of_channels = True

    def __init__(self, resolution, index, options, **kwargs):
        super().__init__(**kwargs)
        self.index = index
        self.options = options
        self.activate = ops.nonlinearity(options.nonlinearity)
        self.noise = None
        if options.use_noise:
            self.noise = Noise(resolution, self.noise_of_channels, name="noise")

    def build(self, input_shape):
        if self.noise is not None:
            self.noise.build(input_shape)
        self.bias = self.add_weight(name="bias", shape=input_shape[-1:], initializer="zeros")
        self.built = True

    def call(self, x, noise_mode, noise_seed=None):
        bias = self._scaled(self.bias)
        if self.noise is None:
            return self.activate(ops.add_bias(x, bias))
        if noise_seed is not None:
            noise_seed = part_seed.fold_in(noise_seed, self.index)
        noise = self.noise.maps(tf.shape(x)[0], noise_mode, noise_seed)
        strength = self._scaled(self.noise.strength)
        if not self.noise_of_channels:
            strength *= tf.ones_like(bias)
        return ops.noise_bias_nonlinearity(x, noise, strength, bias, self.options.nonlinearity)

    def _scaled(self, weight):
        # The nonlinearities are homogeneous: what is scaled before them is scaled behind them.
        weight = tf.convert_to_tensor(weight)
        return weight if self.gain == 1.0 else weight * self.gain


class Epilogue(NoisyNonlinearity):
    """What follows every convolution of StyleGAN: noise, bias, nonlinearity, norms, style.

    Args:
        resolution, index, options: As for `NoisyNonlinearity`.

    Call arguments:
        x: `[N, resolution, resolution, C]`.
        w: `[N, w_dim]`.
        noise_mode, noise_seed: Which noise, see `Noise`.
    """

    def build(self, input_shape, w_shape):
        super().build(input_shape)
        if self.options.use_styles:
            self.style = EqualizedDense(
                2 * input_shape[-1], gain=1.0, equalized=self.options.equalized_lr, name="style"
            )
            self.style.build(w_shape)

    def call(self, x, w, noise_mode, noise_seed=None):
        x = super().call(x, noise_mode, noise_seed)
        if self.options.use_pixel_norm:
            x = ops.pixel_norm(x)
        style = self.style(w) if self.options.use_styles else None
        return ops.instance_norm_style(x, self.options.use_instance_norm, style)
