"""Stateless tensor operations of the networks. Activations are NHWC, kernels are HWIO.

Kernels and biases are float32 and are cast to the type of the activations. What sums squares is
computed in float32; what 16 bits need besides is in `reduced_precision.py`.

Follows Karras et al. 2018 (ProGAN, section 4; minibatch stddev, section 3) and Karras et al. 2019
(StyleGAN, section 2).
"""

import functools

import numpy as np
import tensorflow as tf

from msg_stylegan.networks.reduced_precision import add_products, clamp, is_reduced, widen

# Name of a nonlinearity -> its slope below zero.
NONLINEARITIES = {"lrelu": 0.2, "relu": 0.0}
# Group size of the minibatch stddev that makes the batch one group, whatever its size.
WHOLE_BATCH = -1
# Keeps roots and quotients of vanishing variances finite.
_EPSILON = 1e-8
# Without a transposed copy.
_matmul_of_transposed = functools.partial(tf.matmul, transpose_a=True)


def nonlinearity(name):
    """Returns the function of a named nonlinearity.

    Raises:
        ValueError: The name is not one of `NONLINEARITIES`.
    """
    if name not in NONLINEARITIES:
        raise ValueError(
            f"Expected one of the nonlinearities {sorted(NONLINEARITIES)}. Received: {name!r}"
        )
    slope = NONLINEARITIES[name]
    return lambda x: clamp(tf.nn.leaky_relu(x, alpha=slope))


def add_bias(x, bias):
    """Adds `[C]` to the last axis."""
    bias = tf.convert_to_tensor(bias)

    # TensorFlow 2.15 sums the gradient in the type of its terms, where a sum of 16 bits soon stops
    # to grow. A matrix product does not.
    @tf.custom_gradient
    def add_reduced(x, bias):
        def gradient(dy):
            rows = tf.reshape(dy, [-1, dy.shape[-1]])  # [(NHW)C]
            return dy, add_products(_matmul_of_transposed, tf.ones_like(rows[:, :1]), rows)[0]

        return tf.nn.bias_add(x, bias), gradient

    if is_reduced(x):
        return add_reduced(x, tf.cast(bias, x.dtype))
    return tf.nn.bias_add(x, bias)


def conv2d(x, kernel):
    """Convolution with stride 1 and zero padding: `[N, H, W, C]` -> `[N, H, W, F]`."""
    if kernel.shape[0] == 1:
        # A 1x1 convolution is a matrix product, and faster as one.
        n, h, w, c = _shape(x)
        rows, matrix = tf.reshape(x, [-1, c]), tf.reshape(kernel, kernel.shape[2:])
        y = add_products(tf.matmul, rows, matrix)  # [(NHW)F]
        return tf.reshape(y, [n, h, w, kernel.shape[3]])  # [NHWF]
    return _strided_conv2d(x, kernel, 1)


def _strided_conv2d(x, kernel, stride):
    return add_products(
        lambda x, kernel: tf.nn.conv2d(x, kernel, strides=stride, padding="SAME"), x, kernel
    )


def conv2d_of_concatenation(x, y, kernel):
    """1x1 convolution of `[x, y]`, joined on the channels, without making the concatenation.

    Args:
        x: `[N, H, W, C]`.
        y: `[N, H, W, D]`.
        kernel: `[1, 1, C + D, F]`.

    Returns:
        `[N, H, W, F]`.
    """
    c = x.shape[-1]
    return conv2d(x, kernel[:, :, :c]) + conv2d(y, kernel[:, :, c:])


def conv2d_of_projection(image, projection, bias, kernel):
    """`conv2d(conv2d(image, projection) + bias, kernel)` as one convolution of the image.

    Both are linear, so their kernels merge. The bias becomes the weight of one more channel, of
    ones, which the zero padding cuts off at the border like the projection.

    Args:
        image: `[N, H, W, C]`, few channels.
        projection: `[1, 1, C, D]`, many channels.
        bias: `[D]`.
        kernel: `[k, k, D, F]`, k above 1.

    Returns:
        `[N, H, W, F]`.
    """
    rows = tf.concat([projection[0, 0], bias[None]], axis=0)  # [(C+1)D]
    merged = tf.einsum("cd,ijdf->ijcf", rows, kernel)  # [kk(C+1)F]
    return conv2d(tf.concat([image, tf.ones_like(image[..., :1])], axis=-1), merged)


def conv2d_of_constants(values, size, kernel):
    """Convolution, with zero padding, of maps that have one value per sample.

    Args:
        values: `[N, C]`, one value per sample and map, of the type of the result.
        size: Side of the maps.
        kernel: `[k, k, C, F]`.

    Returns:
        `[N, size, size, F]`: per sample a mixture of the C responses to maps of ones.
    """
    _, _, c, f = kernel.shape
    one_hot = tf.tile(tf.eye(c)[:, None, None, :], [1, size, size, 1])  # [CHWC]
    responses = tf.nn.conv2d(one_hot, kernel, strides=1, padding="SAME")  # [CHWF]
    responses = tf.reshape(responses, [c, size * size * f])
    mixture = add_products(tf.matmul, values, responses)  # [N(HWF)]
    return tf.reshape(mixture, [-1, size, size, f])  # [NHWF]


def upsample_conv2d(x, kernel):
    """Nearest-neighbour upsampling by two followed by a 3x3 convolution, in one operation.

    Every output pixel sees at most 2x2 different input pixels, so the pair equals a transposed
    convolution of stride 2 with a 4x4 kernel: 16 instead of 36 multiplications per input pixel.

    Args:
        x: `[N, H, W, C]`.
        kernel: `[3, 3, C, F]`, as it would be used after the upsampling. The original's own fused
            form uses the same weights mirrored in both axes; imported kernels are flipped.

    Returns:
        `[N, 2H, 2W, F]`.
    """
    n, h, w, _ = _shape(x)
    # The transposed convolution scatters its kernel, so the kernel is mirrored.
    spread = tf.reverse(sum_of_shifts(kernel), axis=[0, 1])  # [44CF]
    spread = tf.transpose(spread, [0, 1, 3, 2])  # [44FC]
    shape = [n, 2 * h, 2 * w, kernel.shape[3]]
    return add_products(
        lambda x, spread: tf.nn.conv2d_transpose(x, spread, shape, strides=2, padding="SAME"),
        x,
        spread,
    )


def conv2d_downsample(x, kernel):
    """A 3x3 convolution followed by 2x2 means, in one convolution of stride 2.

    Args:
        x: `[N, H, W, C]`, H and W even.
        kernel: `[3, 3, C, F]`, as it would be used before the means.

    Returns:
        `[N, H/2, W/2, F]`.
    """
    return _strided_conv2d(x, sum_of_shifts(kernel) * 0.25, 2)


def sum_of_shifts(kernel):
    """Sum of a kernel's four copies shifted by 0 or 1 pixel in each axis: `[k+1, k+1, C, F]`."""
    k, _, c, f = kernel.shape
    # One product with a constant matrix, because its gradient is one product as well; the gradient
    # of four padded slices costs more than the convolution.
    one_axis = np.eye(k + 1, k) + np.eye(k + 1, k, -1)  # a tap goes to itself and to the next one
    both_axes = tf.constant(np.kron(one_axis, one_axis), kernel.dtype)  # [(k+1)(k+1),kk]
    sums = tf.matmul(both_axes, tf.reshape(kernel, [k * k, c * f]))  # [(k+1)(k+1),CF]
    return tf.reshape(sums, [k + 1, k + 1, c, f])


def downsample(x):
    """Mean over 2x2 pixels: `[N, H, W, C]` -> `[N, H/2, W/2, C]`."""
    return tf.nn.avg_pool2d(x, ksize=2, strides=2, padding="VALID")


def upsample(x):
    """Repeats every pixel twice in both directions: `[N, H, W, C]` -> `[N, 2H, 2W, C]`."""
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)


def mix(a, b, share):
    """`a` at 0, `b` at 1. Tensors of one shape, and a scalar tensor or variable."""
    return a + (b - a) * tf.cast(tf.convert_to_tensor(share), a.dtype)


def image_pyramid(image, num_scales):
    """Repeated 2x2 means of a batch of images.

    Args:
        image: `[N, r, r, C]`, r divisible by `2 ** (num_scales - 1)`.
        num_scales: Length of the result.

    Returns:
        List of images, low to high resolution; the last one is `image` itself.
    """
    images = [image]
    for _ in range(num_scales - 1):
        images.insert(0, downsample(images[0]))
    return images


def image_scales(image, resolutions):
    """The images of some scales of the pyramid.

    Args:
        image: `[N, r, r, C]`.
        resolutions: Sides of the images, low to high; r divided by powers of two.

    Returns:
        List of images `[N, side, side, C]`, one for each of `resolutions`.
    """
    num_scales = (image.shape[1] // resolutions[0]).bit_length()
    by_side = {scale.shape[1]: scale for scale in image_pyramid(image, num_scales)}
    return [by_side[side] for side in resolutions]


def blur(x, taps):
    """Depthwise low-pass filter: outer product of `taps` with itself, normalised to sum 1.

    Args:
        x: `[N, H, W, C]`.
        taps: Sequence of numbers such as `(1, 2, 1)`. Empty: `x` is returned as it is.
    """
    taps = tuple(taps)
    if not taps:
        return x
    if taps != taps[::-1] or len(taps) % 2 == 0:
        return _depthwise(x, taps)

    # A symmetric filter with zero padding is its own adjoint, and the forward kernel is the faster
    # one; so the gradients of every order are blurs.
    @tf.custom_gradient
    def symmetric_blur(x):
        return _depthwise(x, taps), symmetric_blur

    return symmetric_blur(x)


def _depthwise(x, taps):
    total = float(sum(taps)) ** 2
    kernel = tf.constant([[a * b / total for b in taps] for a in taps], dtype=x.dtype)
    kernel = tf.tile(kernel[:, :, None, None], [1, 1, x.shape[-1], 1])  # [kkC1]
    return add_products(
        lambda x, kernel: tf.nn.depthwise_conv2d(x, kernel, strides=[1, 1, 1, 1], padding="SAME"),
        x,
        kernel,
    )


def erf(x):
    """The error function, to 5e-7, for any shape, by operations that TFLite has.

    Source:
        Abramowitz and Stegun 1964, 7.1.26.
    """
    x = tf.convert_to_tensor(x)
    t = 1.0 / (1.0 + 0.3275911 * tf.abs(x))
    series = 0.0
    for coefficient in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + coefficient) * t
    return tf.sign(x) * (1.0 - series * tf.exp(-x * x))


def pixel_norm(x):
    """Scales the vector of channels of every pixel to mean square 1. Shape `[..., C]`."""
    x = tf.convert_to_tensor(x)
    y = widen(x)
    y *= tf.math.rsqrt(tf.reduce_mean(tf.square(y), axis=-1, keepdims=True) + _EPSILON)
    return tf.cast(y, x.dtype)


def instance_norm_style(x, use_instance_norm, style):
    """Adaptive instance normalisation: per sample and channel, then `* (scale + 1) + shift`.

    Args:
        x: `[N, H, W, C]`.
        use_instance_norm: Whether to normalise to mean 0 and variance 1 first.
        style: `[N, 2C]`, scales then shifts, or None for none.

    Source:
        StyleGAN, section 2, equation 1; the `+ 1` lets weights of zero mean "no change".
    """
    y = widen(x)
    if use_instance_norm:
        # Without styles the normalisation alone: scale 1, shift 0.
        no_style = tf.zeros([tf.shape(y)[0], 2 * y.shape[-1]], y.dtype)
        y = _adaptive_instance_norm(y, no_style if style is None else style)
    elif style is not None:
        scale, shift = tf.split(style[:, None, None, :], 2, axis=-1)  # [N11C]
        y = y * (scale + 1.0) + shift
    return tf.cast(y, x.dtype)


def _adaptive_instance_norm(x, style):
    """Normalisation and style as one affine map per sample and channel.

    Means over the pixels are matrix products, in the hand-written gradient too. The generator needs
    first-order gradients only; asking for more is an error.
    """
    n, h, w, c = _shape(x)
    averager = tf.fill([n, 1, h * w], 1.0 / (h * w))

    def mean_over_pixels(y):
        return tf.squeeze(tf.matmul(averager, tf.reshape(y, [n, h * w, c])), axis=1)  # [NC]

    def for_all_pixels(y):
        return y[:, None, None, :]  # [N11C]

    @tf.custom_gradient
    def apply(x, style):
        scale, shift = tf.split(style, 2, axis=1)  # [NC]
        mean = mean_over_pixels(x)
        variance = mean_over_pixels(tf.math.squared_difference(x, for_all_pixels(mean)))
        inverse_std = tf.math.rsqrt(variance + _EPSILON)
        multiplier = (scale + 1.0) * inverse_std

        def gradient(dy):
            dy = tf.raw_ops.PreventGradient(input=dy, message="First-order gradients only.")
            d_shift = mean_over_pixels(dy)
            d_scale = (mean_over_pixels(dy * x) - mean * d_shift) * inverse_std
            # Through mean and variance; both are affine in x.
            slope = -multiplier * inverse_std * d_scale
            dx = dy * for_all_pixels(multiplier) + x * for_all_pixels(slope)
            dx -= for_all_pixels(multiplier * d_shift + slope * mean)
            return dx, tf.concat([d_scale, d_shift], axis=1) * float(h * w)

        return x * for_all_pixels(multiplier) + for_all_pixels(shift - mean * multiplier), gradient

    return apply(x, style)


def noise_bias_nonlinearity(x, noise, strength, bias, name):
    """A nonlinearity of `x + noise * strength + bias`, with a gradient that reads `x` once.

    Noise and bias together are a matrix product of rank two, and so are the sums in their
    gradients, which may be differentiated again.

    Args:
        x: `[N, H, W, C]`.
        noise: `[N, H, W, 1]`.
        strength: `[C]`.
        bias: `[C]`.
        name: Key of `NONLINEARITIES`.
    """
    slope = NONLINEARITIES[name]
    noise, strength, bias = (tf.cast(value, x.dtype) for value in (noise, strength, bias))
    noise = tf.reshape(noise, [-1, 1])  # [(NHW)1]

    @tf.custom_gradient
    def apply(x, noise, strength, bias):
        def basis():
            return tf.concat([noise, tf.ones_like(noise)], axis=1)  # [(NHW)2]

        offset = add_products(tf.matmul, basis(), tf.stack([strength, bias]))  # [(NHW)C]
        y = tf.nn.leaky_relu(x + tf.reshape(offset, tf.shape(x)), alpha=slope)

        def gradient(dy):
            # The output has the sign of the input, and nothing else of it counts.
            dx = tf.raw_ops.LeakyReluGrad(gradients=dy, features=y, alpha=slope)
            rows = tf.reshape(dx, [-1, x.shape[-1]])  # [(NHW)C]
            sums = add_products(_matmul_of_transposed, basis(), rows)  # [2C]
            # Training does not ask for that of the noise, and its graph leaves it out.
            return dx, tf.matmul(rows, strength[:, None]), sums[0], sums[1]

        return y, gradient

    return clamp(apply(x, noise, strength, bias))


def minibatch_stddev(x, group_size, num_channels):
    """Standard deviation over groups of samples, averaged over pixels and channels.

    Sample `i` of N belongs to group `i mod M`, `M = N / group_size`.

    Args:
        x: `[N, H, W, C]`, C divisible by `num_channels`.
        group_size: Samples per group; a batch smaller than that is one group, and so is every
            batch with `WHOLE_BATCH`.
        num_channels: Number of results; each sees its own share of the input channels.

    Returns:
        `[N, num_channels]`, equal for all samples of a group; float32 for types of 16 bits.

    Source:
        ProGAN, section 3.
    """
    x = widen(x)
    n, h, w, c = _shape(x)
    if group_size == WHOLE_BATCH:
        group = n
    else:
        group = tf.minimum(group_size, n) if tf.is_tensor(n) else min(group_size, n)
    if not tf.is_tensor(n) and n % group:
        raise ValueError(
            f"Expected a batch that is a multiple of `mbstd_group_size`={group_size}, or smaller. "
            f"Received: {n} samples"
        )
    f = num_channels
    y = tf.reshape(x, [group, -1, h, w, f, c // f])  # [GMHWFc] F sets of c channels
    y = y - tf.reduce_mean(y, axis=0, keepdims=True)  # [GMHWFc] deviation from the group mean
    y = tf.sqrt(tf.reduce_mean(tf.square(y), axis=0) + _EPSILON)  # [MHWFc] stddev over the group
    y = tf.reduce_mean(y, axis=[1, 2, 4])  # [MF] one number per group and set
    return tf.tile(y, [group, 1])  # [NF]


def _shape(x):
    """Shape as a list: Python integers where they are known, scalar tensors elsewhere."""
    dynamic = tf.shape(x)
    return [dynamic[i] if size is None else size for i, size in enumerate(x.shape)]
