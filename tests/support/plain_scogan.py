"""Soft-CoGAN's networks of 32x32 and the layers of its others, in NumPy with loops.

Weights come as lists of arrays in the order of the layers: kernel, bias, then scale and shift of a
norm, then slopes. Running moments come apart.
"""

import numpy as np


def convolve(x, kernel, bias, stride=1):
    """`[N, H, W, C]` by `[k, k, C, F]`, padded so that the side is divided by the stride."""
    k, side = len(kernel), x.shape[1] // stride
    total = max((side - 1) * stride + k - x.shape[1], 0)
    before = total // 2
    x = np.pad(x, ((0, 0), *[(before, total - before)] * 2, (0, 0)))
    end = (side - 1) * stride + 1
    return bias + sum(
        x[:, i : i + end : stride, j : j + end : stride] @ kernel[i, j]
        for i in range(k)
        for j in range(k)
    )


def convolve_transposed(x, kernel, bias, stride=2):
    """`[N, H, W, C]` by `[k, k, F, C]`: every pixel adds its kernel; the rim is cut off."""
    n, side, _, _ = x.shape
    k = len(kernel)
    canvas = np.zeros((n, *[(side - 1) * stride + k] * 2, kernel.shape[2]))
    end = (side - 1) * stride + 1
    for i in range(k):
        for j in range(k):
            canvas[:, i : i + end : stride, j : j + end : stride] += x @ kernel[i, j].T
    first = (canvas.shape[1] - side * stride) // 2
    return bias + canvas[:, first : first + side * stride, first : first + side * stride]


def normalize(x, scale, shift, moments=None, axes=(0, 1, 2)):
    """To mean 0 and variance 1: those given, or those over some axes."""
    mean, variance = moments or (x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True))
    return (x - mean) / np.sqrt(variance + 0.001) * scale + shift


def prelu(x, slopes):
    return np.where(x > 0, x, slopes * x)


def max_pool(x):
    n, side, _, c = x.shape
    return x.reshape(n, side // 2, 2, side // 2, 2, c).max(axis=(2, 4))


def generate(z, blocks, image, moments=None):
    """Activations of 4x4 to 32x32, and the image.

    Args:
        z: `[N, z_dim]`.
        blocks: For every block its kernel, bias, scale, shift and slopes.
        image: Kernel and bias of the last layer.
        moments: For every block its running mean and variance; None for those of the batch.
    """
    activations, x = [], z
    for index, (kernel, bias, scale, shift, slopes) in enumerate(blocks):
        if index:
            x = convolve_transposed(x, kernel, bias)
        else:
            x = (z @ kernel + bias).reshape(len(z), 4, 4, -1)
        x = prelu(normalize(x, scale, shift, moments and moments[index]), slopes)
        activations.append(x)
    return activations, np.tanh(convolve_transposed(x, *image, stride=1))


def discriminate(image, first, second, dense):
    """Logits of a 32x32 image: two convolutions with maxima of 2x2, two dense layers."""
    x = max_pool(convolve(image, *first))
    x = max_pool(convolve(x, *second))
    kernel, bias, slopes, last_kernel, last_bias = dense
    x = prelu(x.reshape(len(x), -1) @ kernel + bias, slopes)
    return x @ last_kernel + last_bias
