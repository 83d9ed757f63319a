"""What may become part of a data set: images of one shape and finite labels."""

import numpy as np

from msg_stylegan.data import pyramid


def check_image(image, name, shape=None, first_name=None):
    """Checks one image, and that it is like the first one.

    Args:
        image: To be uint8 `[r, r, C]`, `r` a power of two and `C` 1 or 3.
        name: Where the image comes from, for error messages.
        shape: Shape of the first image of the data set; None = this is the first one.
        first_name: Where that one comes from.

    Raises:
        ValueError: The image cannot be part of this data set.
    """
    if image.dtype != np.uint8 or image.ndim != 3:
        raise ValueError(
            f"{name}: expected uint8 [height, width, channels]. "
            f"Received: {image.dtype} {list(image.shape)}"
        )
    height, width, channels = image.shape
    if channels not in (1, 3):
        raise ValueError(f"{name}: expected 1 channel (grayscale) or 3 (RGB). Received: {channels}")
    if height != width:
        raise ValueError(f"{name}: images must be square. This one is {width}x{height}.")
    if not pyramid.is_pyramid_resolution(height):
        raise ValueError(
            f"{name}: the side must be a power of two (8, 16, 32, ..., 1024). "
            f"This image is {width}x{height}."
        )
    if shape is not None and image.shape != tuple(shape):
        raise ValueError(
            f"{name}: all images must be alike. This one is {_describe(image.shape)}, but "
            f"{first_name} is {_describe(shape)}."
        )


def checked_labels(labels, num_images):
    """Returns labels as float32 `[num_images, label_size]`.

    Raises:
        ValueError: They are no finite numbers, or not one row per image.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.shape[0] != num_images or labels.shape[1] < 1:
        raise ValueError(
            f"Expected labels of the shape [{num_images}, label_size], one row per image. "
            f"Received: {list(labels.shape)}"
        )
    labels = labels.astype(np.float32)
    if not np.all(np.isfinite(labels)):
        raise ValueError("Labels must be finite numbers.")
    return labels


def _describe(shape):
    return f"{shape[1]}x{shape[0]} " + ("grayscale" if shape[2] == 1 else "RGB")
