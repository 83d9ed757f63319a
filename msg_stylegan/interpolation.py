"""Points between two latents: lerp in W, slerp in Z (Shoemake 1985). TensorFlow, last axis."""

import tensorflow as tf


def lerp(a, b, t):
    """Point on the straight line from `a` (t = 0) to `b` (t = 1).

    Args:
        a: Float `[..., d]`.
        b: Float `[..., d]`.
        t: Float, broadcast against `a` and `b`: `[N, 1]` for one position per path.
    """
    return a + (b - a) * t


def slerp(a, b, t):
    """Point on the arc from `a` (t = 0) to `b` (t = 1), at constant speed along the angle.

    Between vectors of different lengths the length changes linearly. (StyleGAN's slerp returns
    unit vectors, which is the same to a network that normalises z.) Opposite vectors have no
    unique arc; the result is then finite and means nothing.

    Args:
        a: Float `[..., d]`, not zero.
        b: Float `[..., d]`, not zero.
        t: Float, broadcast against `a` and `b`.
    """
    a_length = tf.norm(a, axis=-1, keepdims=True)
    b_length = tf.norm(b, axis=-1, keepdims=True)
    a, b = a / a_length, b / b_length
    cosine = tf.reduce_sum(a * b, axis=-1, keepdims=True)
    across = b - cosine * a
    # Not the arc cosine, which loses half of the digits for small angles.
    angle = t * tf.atan2(tf.norm(across, axis=-1, keepdims=True), cosine)
    direction = a * tf.cos(angle) + tf.math.l2_normalize(across, axis=-1) * tf.sin(angle)
    return direction * lerp(a_length, b_length, t)
