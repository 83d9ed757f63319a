"""Brightness, contrast, hue and saturation as one affine 4x4 matrix per sample."""

import math

import tensorflow as tf

_KINDS = ("brightness", "contrast", "hue", "saturation")


def color_matrices(parameters, num_channels):
    """Matrices that map the colours of a sample, as columns `(R, G, B, 1)`.

    Hue turns a colour about the axis of greys and saturation stretches it away from there; both
    apply to three channels only.

    Args:
        parameters: See `parameters.draw`.
        num_channels: C.

    Returns:
        `[N, C + 1, C + 1]`, or None if none of the parameters changes colours.
    """
    kinds = _KINDS if num_channels == 3 else _KINDS[:2]
    product = None
    for kind in (kind for kind in kinds if kind in parameters):
        factor = _MATRICES[kind](parameters[kind][:, None, None], num_channels)
        product = factor if product is None else _multiply(factor, product)
    return product


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


def _brightness(offset, num_channels):
    return _affine(tf.ones_like(offset), tf.zeros_like(offset), offset, num_channels)


def _contrast(factor, num_channels):
    return _affine(factor, tf.zeros_like(factor), tf.zeros_like(factor), num_channels)


def _hue(angle, num_channels):
    # Rodrigues' formula for the axis of greys.
    cross = tf.constant([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3.0)
    cos = tf.cos(angle)
    matrix = _affine(cos, (1.0 - cos) / 3.0, tf.zeros_like(angle), num_channels)
    return matrix + tf.pad(tf.sin(angle) * cross, [[0, 0], [0, 1], [0, 1]])


def _saturation(factor, num_channels):
    # Greys stay, what is orthogonal to them is multiplied.
    return _affine(factor, (1.0 - factor) / 3.0, tf.zeros_like(factor), num_channels)


def _affine(scale, everywhere, offset, num_channels):
    """`scale * I + everywhere * ones`, then `+ offset`: arguments `[N, 1, 1]`."""
    linear = scale * tf.eye(num_channels) + everywhere  # [NCC]
    offsets = tf.tile(offset, [1, num_channels, 1])  # [NC1]
    last_row = tf.zeros_like(linear[:, :1])
    return tf.concat(
        [
            tf.concat([linear, offsets], axis=2),
            tf.concat([last_row, tf.ones_like(offset)], axis=2),
        ],
        axis=1,
    )


def _multiply(a, b):
    return tf.reduce_sum(a[:, :, :, None] * b[:, None, :, :], axis=2)


_MATRICES = {
    "brightness": _brightness,
    "contrast": _contrast,
    "hue": _hue,
    "saturation": _saturation,
}
