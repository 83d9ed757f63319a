"""Turns images of any kind into squares of bytes, ready to be written."""

import dataclasses

import numpy as np
from PIL import Image, ImageColor

FITS = ("center-crop", "pad", "stretch")
FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
}

_MIN_RESOLUTION = 4
_MAX_RESOLUTION = 8192  # Beyond all published networks.

_MODES = {1: "L", 3: "RGB"}
_GRAY_MODES = ("1", "L", "LA", "I", "F")
_ALPHA_MODES = ("LA", "PA", "RGBA", "RGBa")

# Values of the tag in EXIF data -> what undoes the rotation.
_ORIENTATION_TAG = 0x0112
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class SkippedImageError(ValueError):
    """An image that cannot be used; its text is the reason. The others can go on."""


@dataclasses.dataclass(frozen=True)
class ImagePreparation:
    """How an image becomes a square of bytes. A square that has the size already keeps its pixels.

    Images are turned upright as their EXIF data says. Of several frames the first one counts.
    16 bits become 8 by leaving out the lower ones. Colour profiles are not applied.

    Attributes:
        resolution: Side of the result, a power of two; None = that of the image, which then must
            not need resizing.
        fit: What becomes of an image that is not square. "center-crop": its middle; "pad": all of
            it, on a square of the background; "stretch": all of it, out of proportion.
        filter: A name of `FILTERS`. All of them are antialiased.
        channels: 1 for grayscale, 3 for RGB; None = that of the image.
        background: Behind transparent pixels and padding: a name or `#rrggbb`, as in CSS.
        min_size: Images with a shorter side than that are skipped.

    Raises:
        ValueError: A value that is none of these.
    """

    resolution: int | None = None
    fit: str = "center-crop"
    filter: str = "lanczos"
    channels: int | None = None
    background: str = "black"
    min_size: int = 1

    def __post_init__(self):
        r = self.resolution
        if r is not None and not (_MIN_RESOLUTION <= r <= _MAX_RESOLUTION and r & (r - 1) == 0):
            raise ValueError(
                f"`resolution` must be a power of two from {_MIN_RESOLUTION} to {_MAX_RESOLUTION}. "
                f"Received: {r}"
            )
        for name, value, known in (("fit", self.fit, FITS), ("filter", self.filter, FILTERS)):
            if value not in known:
                raise ValueError(f"`{name}` must be one of {', '.join(known)}. Received: {value!r}")
        if self.channels not in (None, *_MODES):
            raise ValueError(f"`channels` must be 1 or 3. Received: {self.channels}")
        if self.min_size < 1:
            raise ValueError(f"`min_size` must be 1 or more. Received: {self.min_size}")
        if not _is_opaque_color(self.background):
            raise ValueError(
                "`background` must be an opaque colour such as white or #ff8800. "
                f"Received: {self.background!r}"
            )

    def prepare(self, image):
        """Makes the square.

        Args:
            image: Image as Pillow has opened it.

        Returns:
            uint8 `[r, r, C]`.

        Raises:
            SkippedImageError: The image is too small, or its numbers have no known white.
            ValueError: Pillow cannot decode it, in one of the many errors that it has.
        """
        if min(image.size) < self.min_size:
            raise SkippedImageError(
                f"it is {image.width}x{image.height}, smaller than {self.min_size} pixels"
            )
        channels = self.channels or (1 if is_grayscale(image) else 3)
        file_format = image.format
        image = _eight_bits(_upright(image), file_format)
        if image.mode in _ALPHA_MODES or "transparency" in image.info:
            image = _onto(self.background, image)
        if image.mode != _MODES[channels] and image.mode != "RGB":
            image = image.convert("RGB")
        if image.mode != _MODES[channels]:
            image = image.convert("L")
        image = self._fitted(image)
        return np.asarray(image).reshape(image.height, image.width, channels)

    def natural_side(self, width, height):
        """Side of the square that an image gives without any resizing; None if there is none."""
        if self.fit == "stretch" and width != height:
            return None
        return max(width, height) if self.fit == "pad" else min(width, height)

    def _fitted(self, image):
        """The square of an image of the mode L or RGB."""
        width, height = image.size
        side = self.resolution or self.natural_side(width, height)
        if side is None:
            raise SkippedImageError(f"it is {width}x{height}: stretching it needs a resolution")
        if self.fit == "center-crop" and width != height:
            short = min(width, height)
            left, top = (width - short) // 2, (height - short) // 2
            image = image.crop((left, top, left + short, top + short))
        elif self.fit == "pad" and width != height:
            scale = side / max(width, height)
            return self._padded(
                self._resized(image, max(1, round(width * scale)), max(1, round(height * scale))),
                side,
            )
        return self._resized(image, side, side)

    def _resized(self, image, width, height):
        if image.size == (width, height):
            return image
        return image.resize((width, height), FILTERS[self.filter])

    def _padded(self, image, side):
        color = ImageColor.getcolor(self.background, image.mode)
        square = Image.new(image.mode, (side, side), color)
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        return square


def is_grayscale(image):
    """Whether an opened image has no colours, by its header. Palettes count as colours."""
    return image.mode in _GRAY_MODES or image.mode.startswith("I;16")


def _is_opaque_color(name):
    try:
        return len(ImageColor.getrgb(name)) == 3
    except ValueError:
        return False


def _upright(image):
    # First the pixels: PNG may have the tag behind them, and Pillow turns TIFF by itself.
    image.load()
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG)
    # Damaged EXIF data, which ends in many kinds of errors, does not make the image worse.
    except Exception:
        orientation = None
    # A damaged tag need not even be a number.
    if isinstance(orientation, int) and orientation in _ORIENTATIONS:
        return image.transpose(_ORIENTATIONS[orientation])
    return image


def _eight_bits(image, file_format):
    # Pillow has files of 16 bits as "I" if they are PGM, and before version 11 also if PNG.
    known_white = image.mode == "I" and file_format in ("PNG", "PPM")
    if image.mode.startswith("I;16") or known_white:
        # As Pillow does with RGB of 16 bits. Its `convert` would clip.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise SkippedImageError(
            f"its mode {image.mode} does not say which number is white; convert it to 8 bits first"
        )
    return image


def _onto(background, image):
    square = Image.new("RGBA", image.size, ImageColor.getrgb(background))
    return Image.alpha_composite(square, image.convert("RGBA")).convert("RGB")
