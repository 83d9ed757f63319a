"""Stateless tensor operations of the networks. Activations are NHWC, kernels are HWIO.

Follows Karras et al. 2018 (ProGAN, section 4; minibatch stddev, section 3) and Karras et al. 2019
(StyleGAN, section 2).
"""

import math

import numpy as np
import tensorflow as tf

# Name of a nonlinearity -> (function, gain of the weights that feed it).
NONLINEARITIES = {
    "lrelu": (lambda x: tf.nn.leaky_relu(x, alpha=0.2), math.sqrt(2.0)),
    "relu": (tf.nn.relu, math.sqrt(2.0)),
}


def nonlinearity(name):
    """Returns `(function, gain)` of a named nonlinearity.

    Raises:
        ValueError: The name is not one of `NONLINEARITIES`.
    """
    if name not in NONLINEARITIES:
        raise ValueError(
            f"Expected a nonlinearity out of {sorted(NONLINEARITIES)}. Received: {name!r}"
        )
    return NONLINEARITIES[name]


def conv2d(x, kernel):
    """Convolution with stride 1 and zero padding: `[N, H, W, C]` -> `[N, H, W, F]`."""
    if kernel.shape[0] == 1:
        # A 1x1 convolution is a matrix product, and faster as one.
        n, h, w, c = _shape(x)
        y = tf.matmul(tf.reshape(x, [-1, c]), tf.reshape(kernel, kernel.shape[2:]))  # [(NHW)F]
        return tf.reshape(y, [n, h, w, kernel.shape[3]])  # [NHWF]
    return tf.nn.conv2d(x, kernel, strides=1, padding="SAME")


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
    return tf.nn.conv2d_transpose(
        x, spread, output_shape=[n, 2 * h, 2 * w, kernel.shape[3]], strides=2, padding="SAME"
    )


def conv2d_downsample(x, kernel):
    """A 3x3 convolution followed by 2x2 means, in one convolution of stride 2.

    Args:
        x: `[N, H, W, C]`, H and W even.
        kernel: `[3, 3, C, F]`, as it would be used before the means.

    Returns:
        `[N, H/2, W/2, F]`.
    """
    return tf.nn.conv2d(x, sum_of_shifts(kernel) * 0.25, strides=2, padding="SAME")


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
    return tf.nn.depthwise_conv2d(x, kernel, strides=[1, 1, 1, 1], padding="SAME")


def pixel_norm(x, epsilon=1e-8):
    """Scales the vector of channels of every pixel to mean square 1. Shape `[..., C]`."""
    return x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True) + epsilon)


def instance_norm_style(x, use_instance_norm, style, epsilon=1e-8):
    """Adaptive instance normalisation: per sample and channel, then `* (scale + 1) + shift`.

    Both steps are one multiplication and one addition per pixel, because each is affine per
    sample and channel.

    Args:
        x: `[N, H, W, C]`.
        use_instance_norm: Whether to normalise to mean 0 and variance 1 first.
        style: `[N, 2C]`, scales then shifts, or None for none.
        epsilon: Added to the variance.

    Source:
        StyleGAN, section 2, equation 1; the `+ 1` lets weights of zero mean "no change".
    """
    if not use_instance_norm and style is None:
        return x
    multiplier, offset = 1.0, 0.0
    if use_instance_norm:
        mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True)  # [N11C]
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axis=[1, 2], keepdims=True)
        multiplier = tf.math.rsqrt(variance + epsilon)
        offset = -mean * multiplier
    if style is not None:
        scale, shift = tf.split(style[:, None, None, :], 2, axis=-1)  # [N11C]
        multiplier = multiplier * (scale + 1.0)
        offset = offset * (scale + 1.0) + shift
    return x * multiplier + offset


def minibatch_stddev(x, group_size, num_channels):
    """Appends the standard deviation over groups of samples as extra channels.

    Sample `i` of N belongs to group `i mod M`, `M = N / group_size`.

    Args:
        x: `[N, H, W, C]`, C divisible by `num_channels`.
        group_size: Samples per group; a batch smaller than that is one group.
        num_channels: Number of channels to append; each sees its own share of the input channels.

    Returns:
        `[N, H, W, C + num_channels]`.

    Source:
        ProGAN, section 3.
    """
    n, h, w, c = _shape(x)
    group = tf.minimum(group_size, n) if tf.is_tensor(n) else min(group_size, n)
    f = num_channels
    y = tf.reshape(x, [group, -1, h, w, f, c // f])  # [GMHWFc] F sets of c channels
    y = y - tf.reduce_mean(y, axis=0, keepdims=True)  # [GMHWFc] deviation from the group mean
    y = tf.sqrt(tf.reduce_mean(tf.square(y), axis=0) + 1e-8)  # [MHWFc] stddev over the group
    y = tf.reduce_mean(y, axis=[1, 2, 4])  # [MF] one number per group and set
    y = tf.tile(y, [group, 1])  # [NF]
    y = tf.broadcast_to(y[:, None, None, :], [n, h, w, f])  # [NHWF]
    return tf.concat([x, y], axis=-1)


def _shape(x):
    """Shape as a list: Python integers where they are known, scalar tensors elsewhere."""
    dynamic = tf.shape(x)
    return [dynamic[i] if size is None else size for i, size in enumerate(x.shape)]
