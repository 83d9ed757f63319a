"""Turns the bytes of image files into pixels: upright, opaque, in sRGB, of 8 bits."""

import contextlib
import dataclasses
import errno
import functools
import io
import math
import re
import warnings

from PIL import Image, ImageColor, ImageFile, UnidentifiedImageError

from msg_stylegan.data.decoding.colour_profile import lab_to_srgb, to_srgb
from msg_stylegan.data.decoding.png_chunks import SIGNATURE, split_png
from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.decoding.sample_values import (
    bring_key_to_eight_bits,
    eight_bits,
    has_deep_colours,
    remark_on_deep_colours,
)
from msg_stylegan.mistaken_file import what_download

# To be raised when the same bytes give other pixels.
VERSION = 3

# Pillow's own limit.
MAX_PIXELS = 178956970

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

# Of videos Pillow only knows the size. Encapsulated PostScript is a program, which Pillow would run
# with Ghostscript.
_UNUSED = ("MPEG", "EPS")


@dataclasses.dataclass(frozen=True)
class PictureReader:
    """The rules by which image files become pixels.

    Images are turned upright as their EXIF data says. Of several frames the first one counts. An
    embedded colour profile is converted to sRGB; without one the numbers are taken for sRGB.
    Transparent pixels are blended with the background.

    Attributes:
        background: Colour behind transparent pixels: a name or `#rrggbb`, as in CSS.
        value_range: What is black and what is white in gray of 16 or 32 bits and of floats, a tuple
            of two numbers. None: 0 and 65535 by leaving out the lower 8 bits; images of 32 bits
            and floats are skipped.
        max_pixels: Images of more pixels are skipped: a small file can hold enough of them to fill
            the memory.

    Raises:
        ValueError: A value that is none of these.
    """

    background: str = "black"
    value_range: tuple | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self):
        if not _is_opaque_color(self.background):
            raise ValueError(
                "`background` must be an opaque colour such as white or #ff8800. "
                f"Received: {self.background!r}"
            )
        if self.value_range is not None:
            low, high = self.value_range
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(
                    "`value_range` must be two numbers, the lower one first. "
                    f"Received: {low}, {high}"
                )
        if self.max_pixels < 1:
            raise ValueError(f"`max_pixels` must be 1 or more. Received: {self.max_pixels}")

    def open(self, data):
        """Opens an image without decoding it.

        Args:
            data: bytes of the file.

        Returns:
            `PIL.Image.Image`, for `pixels`, `upright_size` and `is_grayscale`.

        Raises:
            SkippedImageError: It is not an image, damaged, or larger than `max_pixels`.
        """
        info = {}
        if data.startswith(SIGNATURE):
            data, info = split_png(data)
        # Pillow has no limit for a single image.
        if Image.MAX_IMAGE_PIXELS is not None and self.max_pixels > 2 * Image.MAX_IMAGE_PIXELS:
            Image.MAX_IMAGE_PIXELS = -(-self.max_pixels // 2)
        with self._errors_of_pillow(data):
            image = Image.open(io.BytesIO(data), formats=decodable_formats())
        if image.width * image.height > self.max_pixels:
            raise self._too_large(image.width * image.height)
        image.info.update(info)
        bring_key_to_eight_bits(image)
        return image

    def decode(self, image):
        """Decodes an opened image, in place.

        Raises:
            SkippedImageError: The image is damaged.
            OSError: There is not enough memory.
        """
        with self._errors_of_pillow():
            image.load()

    def pixels(self, image):
        """Pixels of an opened image.

        Returns:
            Image of the mode L or RGB.

        Raises:
            SkippedImageError: The image is damaged, or nothing says which number is white.
            OSError: There is not enough memory.
        """
        is_gray, is_deep = is_grayscale(image), has_deep_colours(image)
        orientation, file_format = _orientation(image), image.format
        self.decode(image)
        has_profile, profile = "icc_profile" in image.info, image.info.get("icc_profile")
        if is_deep:
            remark_on_deep_colours(image)
        if orientation in _ORIENTATIONS:
            image = image.transpose(_ORIENTATIONS[orientation])
        image = eight_bits(image, file_format, self.value_range)
        has_alpha = image.mode in _ALPHA_MODES or "transparency" in image.info
        if has_alpha:
            image = image.convert("RGBA")
        elif image.mode == "LAB":
            return lab_to_srgb(image)
        elif image.mode == "1":
            image = image.convert("L")
        elif image.mode not in ("L", "RGB", "CMYK"):
            image = image.convert("RGB")
        if has_profile:
            image = to_srgb(image, profile, is_gray)
        if has_alpha:
            square = Image.new("RGBA", image.size, ImageColor.getrgb(self.background))
            image = Image.alpha_composite(square, image)
        return image if image.mode == "L" else image.convert("RGB")

    @contextlib.contextmanager
    def _errors_of_pillow(self, data=b""):
        # They are about odd metadata. What matters is an error.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            yield
        except UnidentifiedImageError:
            # Its text names an address in memory, but reasons must be the same in every run.
            what = what_download(data) if data else None
            reason = "it is not an image of a known format"
            raise SkippedImageError(f"{reason}. {what}" if what else reason) from None
        except Image.DecompressionBombError as error:
            raise self._too_large(int(re.search(r"\d+", str(error))[0])) from None
        except MemoryError:
            raise OSError(
                errno.ENOMEM, "There is not enough memory to decode an image. Run less at a time"
            ) from None
        # Pillow's decoders raise many kinds of errors for damaged files.
        except Exception as error:
            raise SkippedImageError(f"it cannot be read as an image: {error}") from error

    def _too_large(self, num_pixels):
        return SkippedImageError(
            f"it has {num_pixels} pixels. More than {self.max_pixels} are refused on purpose, "
            f"since small files can fill the memory; --max_pixels={num_pixels} allows them"
        )


def is_grayscale(image):
    """Whether an opened image has no colours, by its header. Palettes count as colours."""
    return image.mode in _GRAY_MODES or image.mode.startswith("I;16")


def upright_size(image):
    """Width and height that the pixels of an opened image will have."""
    width, height = image.size
    return (height, width) if _orientation(image) in (5, 6, 7, 8) else (width, height)


def _orientation(image):
    """Value of the tag; 1 for an image that is upright."""
    # Pillow itself turns TIFF.
    if image.format == "TIFF":
        return 1
    try:
        # The method of PNG would decode the pixels, because EXIF data may follow them.
        orientation = Image.Image.getexif(image).get(_ORIENTATION_TAG)
    # Damaged EXIF data, which raises many kinds of errors, does not make the image worse.
    except Exception:
        return 1
    # A damaged tag need not even be a number.
    return orientation if isinstance(orientation, int) else 1


def _is_opaque_color(name):
    try:
        return len(ImageColor.getrgb(name)) == 3
    except ValueError:
        return False


@functools.cache
def decodable_formats():
    """Names of the formats that are opened, in the order in which Pillow tries them: list."""
    decoders = _decoders()
    return [name for name in Image.ID if name in decoders]


@functools.cache
def image_endings():
    """Endings of the formats that Pillow can decode: set of texts such as ".png"."""
    # What opens JPEG opens MPO, several of these in one file, too.
    decoders = _decoders() | {"MPO"}
    return {ending for ending, name in Image.registered_extensions().items() if name in decoders}


@functools.cache
def _decoders():
    """Formats that Pillow can decode; some of its plugins are only stubs."""
    Image.init()
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    stub = ImageFile.StubImageFile
    return {
        name
        for name, (opener, _) in Image.OPEN.items()
        if not (isinstance(opener, type) and issubclass(opener, stub)) and name not in _UNUSED
    }
