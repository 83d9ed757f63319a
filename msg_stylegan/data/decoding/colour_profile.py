"""Converts the colours of an embedded ICC profile to sRGB."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

from msg_stylegan.data.decoding.remarks import remark

# A flag of Little CMS, whose shortcut for gray is wrong by up to 10 of 255.
_NO_OPTIMIZATION = 0x0100

# Of 255: profiles of sRGB by different makers differ by so much, and conversions round.
_SAME_COLOUR = 2

# What Little CMS and Pillow raise for a strange profile. The first is for a Pillow without it.
_ERRORS = (ImportError, ImageCms.PyCMSError, OSError, TypeError, ValueError)


def to_srgb(image, profile, is_gray):
    """Colours in sRGB. A profile of sRGB changes no pixel.

    A profile that cannot be applied causes a remark, and the pixels stay as they are.

    Args:
        image: Opened image of the mode L, RGB, RGBA or CMYK.
        profile: Content of the ICC profile, bytes; empty or None for one that is damaged.
        is_gray: Whether an image of the mode L or RGBA has no colours. A profile of colours is
            applied to gray as to colours of three equal parts.

    Returns:
        Image of the same mode, but RGB for CMYK.
    """
    mode = "RGB" if image.mode == "RGBA" else image.mode
    try:
        if not profile:
            raise ValueError("it is damaged")
        space = _space(profile)
        if is_gray and space in ("L", "RGB"):
            table = _gray_table(profile, space)
            return image if table is None else _through_table(image, table)
        if space != mode:
            raise ValueError(f"it is one for {space}, the image is {mode}")
        if mode == "RGB" and _is_srgb(profile):
            return image
        return ImageCms.applyTransform(image, _transform(profile, image.mode))
    except _ERRORS as error:
        remark("profile", " ".join(str(error).split()))
        return image


def lab_to_srgb(image):
    """An image of the mode LAB in sRGB; Pillow's own conversions leave this mode out."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    return ImageCms.applyTransform(image, _transform(lab, "LAB"))


@functools.lru_cache(maxsize=32)
def _space(profile):
    """Mode of Pillow that a profile is for; other spaces by their names."""
    # Remembered, like all below: the photographs of one camera share a profile.
    name = _opened(profile).profile.xcolor_space.strip()
    return "L" if name == "GRAY" else name


def _opened(profile):
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


@functools.lru_cache(maxsize=32)
def _transform(profile, mode):
    """What converts the pixels of a mode from a profile to sRGB. Threads may share it."""
    srgb = ImageCms.createProfile("sRGB")
    mode_after = "RGBA" if mode == "RGBA" else "RGB"
    flags = _NO_OPTIMIZATION if mode == "L" else 0
    return ImageCms.buildTransform(_opened(profile), srgb, mode, mode_after, flags=flags)


@functools.lru_cache(maxsize=32)
def _is_srgb(profile):
    """Whether a profile is one of sRGB, judged by what it does: names are often wrong."""
    steps = np.linspace(0, 255, 18).astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    changed = ImageCms.applyTransform(Image.fromarray(colours), _transform(profile, "RGB"))
    return np.abs(np.asarray(changed, np.int16) - colours).max() <= _SAME_COLOUR


@functools.lru_cache(maxsize=32)
def _gray_table(profile, space):
    """The gray in sRGB of each of the 256 grays, uint8; None if all stay as they are."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    changed = ImageCms.applyTransform(ramp.convert(space), _transform(profile, space))
    table = np.asarray(changed.convert("L"))[0]
    same = np.abs(table.astype(np.int16) - np.arange(256)).max() <= _SAME_COLOUR
    return None if same else table


def _through_table(image, table):
    if image.mode == "L":
        return image.point(table.tolist())
    return image.point([*table.tolist() * 3, *range(256)])
