"""Turns images of any size into squares of bytes, ready to be written."""

import dataclasses

import numpy as np
from PIL import Image, ImageColor

from msg_stylegan.data.decoding.picture_reader import PictureReader, is_grayscale
from msg_stylegan.data.decoding.remarks import SkippedImageError

FITS = ("center-crop", "pad", "stretch")
FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
}

_MIN_RESOLUTION = 4
_MAX_RESOLUTION = 8192  # Larger than any published network's.

_MODES = {1: "L", 3: "RGB"}


@dataclasses.dataclass(frozen=True)
class ImagePreparation:
    """How an image becomes a square of bytes. A square that has the size already keeps its pixels.

    Attributes:
        resolution: Side of the result, a power of two; None = that of the image, which then must
            not need resizing.
        fit: What becomes of an image that is not square. "center-crop": its middle; "pad": all of
            it, on a square of the background; "stretch": all of it, out of proportion.
        filter: A name of `FILTERS`. All of them are antialiased.
        channels: 1 for grayscale, 3 for RGB; None = that of the image.
        min_size: Images with a side shorter than this are skipped.
        reader: `PictureReader`; its background lies behind padding, too.

    Raises:
        ValueError: A value that is none of these.
    """

    resolution: int | None = None
    fit: str = "center-crop"
    filter: str = "lanczos"
    channels: int | None = None
    min_size: int = 1
    reader: PictureReader = dataclasses.field(default_factory=PictureReader)

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

    @property
    def description(self):
        """What the squares depend on besides the files, as a dictionary for JSON."""
        facts = {**vars(self), **vars(self.reader)}
        del facts["reader"]
        return facts

    def prepare(self, image):
        """Makes the square.

        Args:
            image: What `reader.open` has returned.

        Returns:
            uint8 `[r, r, C]`.

        Raises:
            SkippedImageError: The image is damaged or too small, or nothing says what is white.
            OSError: There is not enough memory.
        """
        if min(image.size) < self.min_size:
            raise SkippedImageError(
                f"it is {image.width}x{image.height}, smaller than {self.min_size} pixels"
            )
        channels = self.channels or (1 if is_grayscale(image) else 3)
        image = self.reader.pixels(image)
        if image.mode != _MODES[channels]:
            image = image.convert(_MODES[channels])
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
        color = ImageColor.getcolor(self.reader.background, image.mode)
        square = Image.new(image.mode, (side, side), color)
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        return square
