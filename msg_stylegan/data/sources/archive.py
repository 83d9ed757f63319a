"""What zip and tar archives have in common: places of files in one file.

What an archive calls its files is never a path on the disk here: nothing is written by that name.
"""

import hashlib
from pathlib import Path, PurePosixPath

import numpy as np

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.image_names import is_hidden, printable, select_images
from msg_stylegan.data.sources.storage import check_size, checksum

# Where a file lies and how: `offset` of its header (zip) or its data (tar), `stored` bytes that
# it takes there and bytes that it has in the end, the rest as zip has it.
_PLACE = np.dtype(
    [("offset", "u8"), ("stored", "u8"), ("size", "u8"), ("crc", "u4"), ("method", "u2")]
)


class ArchiveStore:
    """All images of an archive, sorted by their names; see `open_store`.

    Hidden files and folders, and files whose ending is not that of an image, are left out. Only the
    places of the images are kept: other processes need not read the table of contents again.

    Args:
        path: Path of the archive.
        file: Path of what is read: the archive, or an unpacked copy of it.
        kind: Text for the manifest.
        places: Dictionary from name to `(offset, stored, size, crc, method)`, of all files.
        unpacked: Function, of a module, from `bytes_at(offset, count)` and a place to bytes.
    """

    def __init__(self, path, file, kind, places, unpacked):
        self.path = str(path)
        self._file = str(file)
        self._num_bytes = Path(file).stat().st_size
        self._unpacked = unpacked
        self._has_checksums = kind == "zip"
        visible = sorted(name for name in places if _is_visible(name))
        self.names, self.other_names, self.notices = select_images(visible)
        self._places = _table(places, self.names)
        self._other_places = _table(places, self.other_names)
        self.facts = {
            "kind": kind,
            "contents_sha256": hashlib.sha256(self._places.tobytes()).hexdigest(),
        }

    def __getstate__(self):
        return {**self.__dict__, "other_names": [], "_other_places": _table({}, [])}

    def name(self, index):
        return printable(f"{self.path}/{self.names[index]}")

    def data(self, index):
        return self._content(self._places[index])

    def checksum(self, index):
        size, crc = self._places[["size", "crc"]][index].tolist()
        return (size, crc) if self._has_checksums else checksum(self.data(index))

    def read_member(self, name):
        return self._content(self._other_places[self.other_names.index(name)])

    def _content(self, place):
        place = place.tolist()
        check_size(place[2])
        return self._unpacked(self._bytes_at, *place)

    def _bytes_at(self, offset, count):
        if offset + count > self._num_bytes:
            raise SkippedImageError("the archive is damaged: it ends before this image does")
        # A file that stays open would be in the way of threads and of `pickle`.
        with Path(self._file).open("rb") as file:
            file.seek(offset)
            return file.read(count)


def relative_name(name):
    """A name in an archive without `./` and `/` before it."""
    return PurePosixPath(name).as_posix().lstrip("/")


def _is_visible(name):
    # macOS keeps its own notes of each file in a folder of this name.
    return not is_hidden(name) and not name.startswith("__MACOSX/")


def _table(places, names):
    return np.array([places[name] for name in names], _PLACE)
