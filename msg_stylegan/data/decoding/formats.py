"""Formats of image files that Pillow can decode."""

import contextlib
import functools

from PIL import Image, ImageFile

# Of videos Pillow knows the size only. Encapsulated PostScript is a program, which it would have
# Ghostscript run.
_UNUSED = ("MPEG", "EPS")


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
