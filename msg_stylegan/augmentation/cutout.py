"""Cutout: a square of every sample becomes grey."""

import tensorflow as tf


def cut_out(image, squares):
    """Sets squares to 0, the middle of [-1, 1]. A pixel that one covers in part fades in part.

    Args:
        image: `[N, r, r, C]`.
        squares: `[N, 3]`: centre x and y and side, in image sides.
    """
    x, y, side = tf.unstack(squares, axis=1)
    covered = (
        _covered(y, side, image.shape[1])[:, :, None] * _covered(x, side, image.shape[2])[:, None]
    )
    return image * tf.cast(1.0 - covered, image.dtype)[..., None]


def _covered(centre, side, num_pixels):
    """Which part of every pixel of an axis a segment covers: `[N]`, `[N]` -> `[N, num_pixels]`."""
    edges = tf.range(num_pixels, dtype=tf.float32)
    first = ((centre - side / 2.0) * float(num_pixels))[:, None]
    last = ((centre + side / 2.0) * float(num_pixels))[:, None]
    return tf.maximum(tf.minimum(last, edges + 1.0) - tf.maximum(first, edges), 0.0)
