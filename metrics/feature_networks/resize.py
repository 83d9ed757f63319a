"""Resizing of images for feature networks: three definitions that give three different scores.

TensorFlow 1's bilinear, which is part of the 2015 Inception graph; Pillow's filters with
antialiasing, which Clean-FID (Parmar et al. 2022) asks for; and the same filters without it.
"""

import tensorflow as tf


def _triangle(x):
    return tf.maximum(1.0 - tf.abs(x), 0.0)


def _cubic(x):
    # Keys 1981 with a = -0.5, as in Pillow and in TensorFlow. PyTorch takes -0.75 without
    # antialiasing.
    x = tf.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return tf.where(x < 1.0, near, tf.where(x < 2.0, far, tf.zeros_like(x)))


# Filter as function of the distance in pixels.
FILTERS = {"bilinear": _triangle, "bicubic": _cubic}
METHODS = (*FILTERS, "area")


def resize_tf1_bilinear(images, size):
    """Bilinear resize without half-pixel centres and without antialiasing, as TensorFlow 1 did.

    Output pixel i lies at i * (in / out) and blends the pixel below with the next one, which at the
    border is the last one.

    Args:
        images: Any number type `[n, h, w, c]`.
        size: (height, width) of the result.

    Returns:
        float32 `[n, height, width, c]`.
    """
    return tf.raw_ops.ResizeBilinear(
        images=images, size=size, align_corners=False, half_pixel_centers=False
    )


def resize_clean(images, size):
    """Resize of Clean-FID: bicubic with antialiasing, cut off at 0 and 255, not rounded.

    Agrees with Pillow's float mode ("F") to 1e-3 grey levels.

    Args:
        images: uint8 or float32 `[n, h, w, c]`, values 0..255.
        size: (height, width) of the result.

    Returns:
        float32 `[n, height, width, c]`, values 0..255.
    """
    return tf.clip_by_value(resize_filtered(images, size, "bicubic"), 0.0, 255.0)


def resize_filtered(images, size, method, antialias=True):
    """Resize with half-pixel centres and a filter along each axis.

    Args:
        images: Any number type `[n, h, w, c]`.
        size: (height, width) of the result.
        method: "bilinear", "bicubic" or "area" (mean over the area of an output pixel).
        antialias: Whether filters widen for smaller images, as in Pillow. "area" always does.

    Returns:
        float32 `[n, height, width, c]`. Bicubic may overshoot the range of the images.
    """
    rows = _resize_matrix(tf.shape(images)[1], size[0], method, antialias)
    columns = _resize_matrix(tf.shape(images)[2], size[1], method, antialias)
    # Matrix products beat the sparse sums of tf.image.resize on CPUs, and exist on every device.
    planes = tf.transpose(tf.cast(images, tf.float32), [0, 3, 1, 2])
    planes = rows @ tf.matmul(planes, columns, transpose_b=True)
    return tf.transpose(planes, [0, 2, 3, 1])


def _resize_matrix(size_in, size_out, method, antialias):
    """Weights of the input pixels in the output pixels, float32 [size_out, size_in]."""
    # In float64, as Pillow does it; the products are float32.
    pixels = tf.cast(tf.range(size_in), tf.float64)[None, :]
    outputs = tf.cast(tf.range(size_out), tf.float64)[:, None]
    step = tf.cast(size_in, tf.float64) / tf.cast(size_out, tf.float64)
    if method == "area":
        ends = tf.minimum((outputs + 1.0) * step, pixels + 1.0)
        weights = tf.maximum(ends - tf.maximum(outputs * step, pixels), 0.0)
    else:
        width = tf.maximum(step, 1.0) if antialias else 1.0
        weights = FILTERS[method]((pixels + 0.5 - (outputs + 0.5) * step) / width)
    # Also makes up for the part of a filter that lies outside of the image.
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    return tf.cast(weights, tf.float32)
