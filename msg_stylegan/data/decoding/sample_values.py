"""Converts gray of more than 8 bits, unbounded numbers, and transparent colours to 8 bits."""

import re

import numpy as np
from PIL import Image

from msg_stylegan.data.decoding.remarks import SkippedImageError, remark

# In Pillow's names of pixel layouts. "BGR;16" has 16 bits for all colours together.
_DEEP_COLOURS = re.compile(r"\b(RGB\w?|LA|[RGBA]);16")

# By the same names: the factors by which Pillow multiplies gray of 2 and 4 bits.
_SHALLOW_GRAY = {"L;2": 85, "L;4": 17}

# A tag of TIFF, by which 0 may be white. Pillow respects that up to 8 bits only.
_PHOTOMETRIC = 262


def eight_bits(image, file_format, value_range):
    """Gray of 8 bits.

    Args:
        image: Decoded image of any mode. Colours, and gray of 8 bits, are returned as they are.
        file_format: Pillow's name of the format.
        value_range: Tuple of the numbers that are black and white, or None.

    Returns:
        Image of the mode L, or LA if one of the values is transparent, or `image`.

    Raises:
        SkippedImageError: Nothing says which number is white, or a number is not finite.
    """
    # Pillow opens files of 16 bits as "I" if they are PGM, and before version 11 also if PNG.
    known_white = image.mode == "I" and file_format in ("PNG", "PPM")
    is_sixteen = image.mode.startswith("I;16") or known_white
    if not is_sixteen and image.mode not in ("I", "F"):
        return image
    values = np.asarray(image)
    if is_sixteen and file_format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == 0:
        values = 65535 - values
    gray = _gray(values, is_sixteen, image.mode, value_range)
    key = image.info.get("transparency")
    if key is None:
        return gray
    return Image.merge("LA", (gray, Image.fromarray((values != key).astype(np.uint8) * 255)))


def _gray(values, is_sixteen, mode, value_range):
    if value_range is not None:
        return Image.fromarray(_scaled(values, *value_range))
    if not is_sixteen:
        raise SkippedImageError(
            f"its mode {mode} does not say which number is white; --value_range does, or "
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


def bring_key_to_eight_bits(image):
    """Changes the transparent colour of an opened image to what its decoded pixels can equal.

    Pillow leaves it in the bits of the file. For gray of 16 bits that is right: so are its pixels.
    """
    key = image.info.get("transparency")
    if isinstance(key, tuple) and has_deep_colours(image):
        image.info["transparency"] = tuple(value >> 8 for value in key)
    elif isinstance(key, int) and image.mode == "L":
        factors = (_SHALLOW_GRAY.get(str(tile[3]), 1) for tile in image.tile)
        image.info["transparency"] = key * next(factors, 1)


def remark_on_deep_colours(image):
    """Remarks on the largest value of a decoded image of `has_deep_colours`."""
    remark("deep colours", max(high for _, high in image.getextrema()[:3]))


def _scaled(values, low, high):
    if not np.isfinite(values).all():
        raise SkippedImageError("some of its values are not finite numbers")
    if values.min() < low or values.max() > high:
        remark("values outside", f"{values.min()} to {values.max()}")
    # float32 is exact for the numbers of 16 bits.
    values = values.astype(np.float64 if values.dtype.kind == "i" else np.float32)
    values -= low
    values *= 255 / (high - low)
    return np.rint(values, out=values).clip(0, 255).astype(np.uint8)
