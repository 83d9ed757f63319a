"""Brightness, contrast, hue and saturation as one affine 4x4 matrix per sample."""

import functools
import math

import tensorflow as tf

from msg_stylegan.augmentation.geometry import multiply


def color_matrices(parameters, num_channels):
    """Matrices that map the colours of a sample, as columns `(R, G, B, 1)`.

    Hue turns a colour about the axis of greys and saturation stretches it away from there; both
    apply to three channels only.

    Args:
        parameters: What `parameters.draw` returned.
        num_channels: C.

    Returns:
        `[N, C + 1, C + 1]`, or None if none of the parameters changes colours.
    """
    kinds = _MATRICES if num_channels == 3 else ("brightness", "contrast")
    factors = [
        _MATRICES[kind](parameters[kind][:, None, None], num_channels)
        for kind in kinds
        if kind in parameters
    ]
    return functools.reduce(lambda product, factor: multiply(factor, product), factors or [None])


def recolor(image, matrix):
    """Applies a matrix to every pixel. The result may leave [-1, 1].

    Args:
        image: `[N, H, W, C]`.
        matrix: `[N, C + 1, C + 1]`, see `color_matrices`.
    """
    num_channels = image.shape[3]
    # Not `tf.matmul`, which rounds to 10 bits on some devices.
    columns = tf.cast(matrix, image.dtype)[:, None, None, :num_channels, :]  # [N11C(C+1)]
    products = [image[..., c : c + 1] * columns[..., c] for c in range(num_channels)]
    return tf.add_n(products) + columns[..., num_channels]


def _hue(angle, num_channels):
    # Rodrigues' formula for the axis of greys.
    cross = tf.constant([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3.0)
    cos = tf.cos(angle)
    matrix = _affine(cos, (1.0 - cos) / 3.0, 0.0, num_channels)
    return matrix + tf.pad(tf.sin(angle) * cross, [[0, 0], [0, 1], [0, 1]])


def _affine(scale, everywhere, offset, num_channels):
    """`scale * I + everywhere * ones`, then `+ offset`: `[N, 1, 1]`, or 0 but for `scale`."""
    linear = scale * tf.eye(num_channels) + everywhere  # [NCC]
    offsets = tf.zeros_like(linear[:, :, :1]) + offset  # [NC1]
    upper = tf.concat([linear, offsets], axis=2)  # [NC(C+1)]
    last_row = tf.zeros_like(upper[:, :1]) + tf.one_hot(num_channels, num_channels + 1)
    return tf.concat([upper, last_row], axis=1)


_MATRICES = {
    "brightness": lambda offset, channels: _affine(tf.ones_like(offset), 0.0, offset, channels),
    "contrast": lambda factor, channels: _affine(factor, 0.0, 0.0, channels),
    "hue": _hue,
    # Greys stay, what is orthogonal to them is multiplied.
    "saturation": lambda factor, channels: _affine(factor, (1.0 - factor) / 3.0, 0.0, channels),
}
