"""A category of LSUN from its LMDB database."""

import contextlib
import functools
import os

import numpy as np
from PIL import Image

from msg_stylegan.data import pyramid
from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources.arrays import Source
from msg_stylegan.data.sources.known_files import find_file

# One key in so many is remembered: all keys of the largest category would take 300 MB.
_STRIDE = 256
# Bytes read to find the size of an image; more only if its header is longer.
_HEADER_BYTES = 1 << 16

_READER = PictureReader()


class _LmdbSource(Source):
    """The images of an LMDB database in the order of its keys."""

    shuffled = False

    def __init__(self, folder, facts, max_images):
        try:
            self._path = find_file(folder, "data.mdb").parent.absolute()
        except ValueError as error:
            raise ValueError(f"{folder} is not an LMDB database. {error}") from None
        with _environment(str(self._path), os.getpid()).begin() as transaction:
            self._num_entries = transaction.stat()["entries"]
            keys = transaction.cursor().iternext(keys=True, values=False)
            self._anchors = [key for number, key in enumerate(keys) if number % _STRIDE == 0]
        if not self._num_entries:
            raise ValueError(f"{folder} holds no images.")
        self.num_images = self._limited(max_images)
        self.description = {**facts, "max_images": max_images}

    def name(self, index):
        return f"{self._path}, image {index}"

    def _objection(self, width, height):
        """Why an image of this size is not used; None if it is."""

    def _limited(self, max_images):
        """Number of first entries that together hold `max_images` usable images; None = all."""
        if max_images is None:
            return self._num_entries
        if max_images < 1:
            raise ValueError(f"`--max_images` must be 1 or more. Received: {max_images}")
        usable = 0
        with _environment(str(self._path), os.getpid()).begin(buffers=True) as transaction:
            values = transaction.cursor().iternext(keys=False, values=True)
            for number, value in enumerate(values, 1):
                size = _image_size(value)
                usable += size is not None and self._objection(*size) is None
                if usable == max_images:
                    return number
        return self._num_entries

    def _open_image(self, index):
        """What `PictureReader.open` returns."""
        with _environment(str(self._path), os.getpid()).begin() as transaction:
            cursor = transaction.cursor()
            cursor.set_key(self._anchors[index // _STRIDE])
            for _ in range(index % _STRIDE):
                cursor.next()
            value = cursor.value()
        return _READER.open(value)


class LsunSource(_LmdbSource):
    """The images of an LMDB database in the order of its keys, cropped to their middle squares.

    Images that cannot be decoded are skipped, as in the original.

    Args:
        folder: Folder of the database, or one above it.
        resolution: Side that the squares are resized to (Lanczos), a power of two.
        max_images: Stop after so many; None = all. Images whose header cannot be read do not
            count; unlike in the original, those whose pixels cannot be decoded do.

    Raises:
        ValueError: There is no such database, lmdb is not installed, or a number makes no sense.
    """

    def __init__(self, folder, resolution=256, max_images=None):
        self._preparation = ImagePreparation(resolution=resolution, channels=3)
        facts = {"kind": "lsun", "path": str(folder), "resolution": resolution}
        super().__init__(folder, facts, max_images)

    def read(self, index):
        return self._preparation.prepare(self._open_image(index))


class LsunWideSource(_LmdbSource):
    """The images of an LMDB database, wide, between two black bars.

    Images that would have to be enlarged are skipped. As in the original, `round(width * h / w)`
    rows of an image of `w` columns and `h` rows are kept, all columns, and these are resized
    (Lanczos) to `width` x `height`: only an image exactly as wide as that keeps all rows.

    Args:
        folder: Folder of the database, or one above it.
        width: Width of the images and side of the squares, a power of two.
        height: Height of the images, at most `width`.
        max_images: Stop after so many, as in `LsunSource`; small images do not count either.

    Raises:
        ValueError: There is no such database, lmdb is not installed, or a number makes no sense.
    """

    def __init__(self, folder, width=512, height=384, max_images=None):
        if not pyramid.is_pyramid_resolution(width):
            raise ValueError(f"`--width` must be a power of two. Received: {width}")
        if not 1 <= height <= width:
            raise ValueError(f"`--height` must be 1 to {width} (the width). Received: {height}")
        self._width, self._height = width, height
        facts = {"kind": "lsun_wide", "path": str(folder), "width": width, "height": height}
        super().__init__(folder, facts, max_images)

    def read(self, index):
        image = self._open_image(index)
        reason = self._objection(*image.size)
        if reason:
            raise SkippedImageError(reason)
        _READER.decode(image)
        image = image.convert("RGB")
        rows = self._kept_rows(*image.size)
        top, bottom = (image.height - rows) // 2, (image.height + rows) // 2
        image = image.crop((0, top, image.width, bottom))
        image = image.resize((self._width, self._height), Image.Resampling.LANCZOS)
        canvas = np.zeros((self._width, self._width, 3), np.uint8)
        top = (self._width - self._height) // 2
        canvas[top : top + self._height] = np.asarray(image)
        return canvas

    def _kept_rows(self, width, height):
        return round(self._width * height / width)

    def _objection(self, width, height):
        if width >= self._width and self._kept_rows(width, height) >= self._height:
            return None
        return f"it is {width}x{height}, too small or too wide for {self._width}x{self._height}"


@functools.lru_cache(maxsize=4)
def _environment(path, process):
    """The opened database. A process may open one only once, and not one of its parent's."""
    try:
        import lmdb
    except ImportError:
        raise ValueError(
            "Reading LSUN needs lmdb. Install it with `pip install -e .[lsun]`."
        ) from None
    try:
        # A lock would need a file that can be written. Bytes allow names that are not UTF-8.
        return lmdb.open(os.fsencode(path), readonly=True, lock=False)
    except lmdb.Error as error:
        raise ValueError(f"{path} cannot be opened as an LMDB database: {error}") from error


def _image_size(value):
    """Width and height of an image by its header; None if it has none."""
    for end in (_HEADER_BYTES, len(value)):
        with contextlib.suppress(SkippedImageError):
            return _READER.open(bytes(value[:end])).size
    return None
