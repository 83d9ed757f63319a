"""Opens the bytes of an image file such that whatever is wrong with it skips the image."""

import contextlib
import io
import warnings

from PIL import Image, UnidentifiedImageError

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.image_names import decodable_formats


@contextlib.contextmanager
def opened_image(data):
    """Context of a `PIL.Image.Image`, in which all errors become `SkippedImageError`.

    Args:
        data: bytes of the file.
    """
    with warnings.catch_warnings():
        # Of odd metadata and large images. What matters is an error.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=decodable_formats()) as image:
                yield image
        except SkippedImageError:
            raise
        except UnidentifiedImageError:
            # Its text names an address in memory; reasons are the same in every run.
            raise SkippedImageError("it is no image of a known format") from None
        # Pillow's decoders meet a damaged file with many kinds of errors.
        except Exception as error:
            raise SkippedImageError(f"it cannot be read as an image: {error}") from error
