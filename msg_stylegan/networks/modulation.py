"""Modulated convolutions: styles scale what enters, and the result gets the variance it had before.

In the form that scales activations: all samples of a batch share one kernel, and a convolution of
every kind stays one. Styles are float32, and so are the factors that come from them.

Karras et al. 2020 (StyleGAN2), section 2.2 and appendix B.
"""

import tensorflow as tf

from msg_stylegan.networks import ops

# As for the variances of `ops`.
_EPSILON = 1e-8


def modulate(x, style):
    """Multiplies every channel of every sample by a number.

    Args:
        x: `[N, H, W, C]`.
        style: float32 `[N, C]`.
    """
    return x * tf.cast(style, x.dtype)[:, None, None, :]  # [NHWC]


def modulated_conv2d(x, kernel, style, convolve=ops.conv2d):
    """Convolution whose kernel has another scale for each sample and input channel.

    Args:
        x: `[N, H, W, C]`.
        kernel: `[k, k, C, F]`.
        style: float32 `[N, C]`.
        convolve: `ops.conv2d`, or a function like it that resamples.

    Returns:
        `[N, H', W', F]`.
    """
    return convolve(modulate(x, style), kernel)


def demodulated_conv2d(x, kernel, style, convolve=ops.conv2d, gain=1.0):
    """`modulated_conv2d` with filters that have the length `gain` for every sample.

    So neither the scale of a style nor that of a filter makes a difference, and independent inputs
    of variance 1 give outputs of the variance `gain^2`. Filters have that length before they meet
    activations, and styles the mean square 1, so that nothing overflows in types of 16 bits.

    Args:
        x: `[N, H, W, C]`.
        kernel: `[k, k, C, F]`.
        style: float32 `[N, C]`.
        convolve: As for `modulated_conv2d`. With one that resamples, the length is that of the
            filter without it.
        gain: Standard deviation of the result.

    Returns:
        `[N, H', W', F]`.
    """
    style = ops.pixel_norm(style)
    squares = tf.reduce_sum(tf.square(kernel), axis=[0, 1])  # [CF]
    inverse_lengths = tf.math.rsqrt(tf.reduce_sum(squares, axis=0) + _EPSILON)  # [F]
    squares *= tf.square(inverse_lengths)
    of_samples = tf.math.rsqrt(tf.matmul(tf.square(style), squares) + _EPSILON)  # [NF]
    x = modulated_conv2d(x, kernel * inverse_lengths, style, convolve)
    return modulate(x, of_samples * gain)
