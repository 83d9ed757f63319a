"""All levels of an image, as the original's `TFRecordExporter.add_image` makes them, in numpy."""

import numpy as np

LOWEST_RESOLUTION = 4


def pyramid_resolutions(resolution):
    """Returns the sides of all levels, from `resolution` down to 4.

    Raises:
        ValueError: `resolution` is not a power of two of at least 4.
    """
    if not is_pyramid_resolution(resolution):
        raise ValueError(
            f"Expected a power of two of at least 4. Received: resolution={resolution}"
        )
    return [resolution >> k for k in range(int(resolution).bit_length() - 2)]


def is_pyramid_resolution(resolution):
    """Whether `resolution` is a power of two of at least 4."""
    return resolution >= LOWEST_RESOLUTION and resolution & (resolution - 1) == 0


def image_pyramid(image):
    """Yields all levels of an image, from full resolution down to 4x4.

    Each level is the 2x2 mean of the unrounded level above, and only what is yielded is rounded.
    In float32 that is exact up to 1024x1024: eight halvings of each side need 8 + 16 bits.

    Args:
        image: uint8 `[C, r, r]`, `r` a power of two of at least 4.

    Yields:
        uint8 `[C, r, r]`, `[C, r/2, r/2]`, ..., `[C, 4, 4]`.
    """
    levels = len(pyramid_resolutions(image.shape[1]))
    yield image
    level = image.astype(np.float32)
    for _ in range(levels - 1):
        top, bottom = level[:, 0::2], level[:, 1::2]
        level = (top[:, :, 0::2] + top[:, :, 1::2] + bottom[:, :, 0::2] + bottom[:, :, 1::2]) * 0.25
        yield _to_uint8(level)


def downsample(image, resolution):
    """The level of `image_pyramid(image)` with the side `resolution`; uint8 `[C, r, r]`."""
    return next(level for level in image_pyramid(image) if level.shape[1] == resolution)


def _to_uint8(level):
    return np.clip(np.rint(level), 0, 255).astype(np.uint8)
