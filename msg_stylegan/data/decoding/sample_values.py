"""Brings gray of more than 8 bits, and of numbers without bounds, to 8 bits."""

import re

import numpy as np
from PIL import Image

from msg_stylegan.data.decoding.remarks import remark
from msg_stylegan.data.decoding.skipped_image import SkippedImageError

# In Pillow's names of what a file holds. 16 bits for all colours together are "BGR;16".
_DEEP_COLOURS = re.compile(r"\b(RGB\w?|LA|[RGBA]);16")


def eight_bits(image, file_format, value_range):
    """Gray of 8 bits.

    Args:
        image: Decoded image of any mode. Colours, and gray of 8 bits, are returned as they are.
        file_format: Pillow's name of the format.
        value_range: See `PictureReader`.

    Returns:
        Image of the mode L, or `image`.

    Raises:
        SkippedImageError: Nothing says which number is white, or one of the numbers is none.
    """
    # Pillow has files of 16 bits as "I" if they are PGM, and before version 11 also if PNG.
    known_white = image.mode == "I" and file_format in ("PNG", "PPM")
    is_sixteen = image.mode.startswith("I;16") or known_white
    if not is_sixteen and image.mode not in ("I", "F"):
        return image
    values = np.asarray(image)
    if value_range is not None:
        return Image.fromarray(_scaled(values, *value_range))
    if not is_sixteen:
        raise SkippedImageError(
            f"its mode {image.mode} does not say which number is white; --value_range does, or "
            "convert it to 8 bits first"
        )
    remark("deep gray", int(values.max()))
    # As Pillow does with RGB of 16 bits. Its `convert` would clip.
    return Image.fromarray((values >> 8).astype(np.uint8))


def has_deep_colours(image):
    """Whether an opened, not yet decoded image has colours of 16 bits, which Pillow cuts to 8."""
    return image.mode in ("RGB", "RGBA") and any(
        _DEEP_COLOURS.search(str(tile[3])) for tile in image.tile
    )


def remark_on_deep_colours(image):
    """Remarks on the largest value of a decoded image of `has_deep_colours`."""
    remark("deep colours", max(high for _, high in image.getextrema()[:3]))


def _scaled(values, low, high):
    if not np.isfinite(values).all():
        raise SkippedImageError("some of its values are no finite numbers")
    if values.min() < low or values.max() > high:
        remark("values outside", f"{values.min()} to {values.max()}")
    # float32 is exact for the numbers of 16 bits.
    values = values.astype(np.float64 if values.dtype.kind == "i" else np.float32)
    values -= low
    values *= 255 / (high - low)
    return np.rint(values, out=values).clip(0, 255).astype(np.uint8)
