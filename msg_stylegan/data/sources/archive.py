"""What zip and tar archives have in common: places of files in one file.

What an archive calls its files is never a path on the disk here: nothing is written by that name.
"""

import hashlib
from pathlib import Path

import numpy as np

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.archive_contents import Place
from msg_stylegan.data.sources.image_names import printable
from msg_stylegan.data.sources.selection import DEAD_LINK, left_out, select_images
from msg_stylegan.data.sources.storage import check_size
from msg_stylegan.mistaken_file import what_it_is
from msg_stylegan.wording import count_of

# A row has the entries of a `Place`.
_PLACES = np.dtype(
    [("offset", "u8"), ("stored", "u8"), ("size", "u8"), ("crc", "u4"), ("method", "u2")]
)


class ArchiveStore:
    """All images of an archive, sorted by their names; see `open_store`.

    Hidden files and folders are left out, and files that are no images, see `select_images`. Only
    the places of the images are kept: other processes need not read the table of contents again.

    Args:
        path: Path of the archive.
        kind: Text for the manifest.
        file: `ArchiveFile`: the archive, or an unpacked copy of it.
        contents: `Contents`.
        unpacked: Function of a module that returns the bytes of a file, at most `limit` of them
            unless it is None: `unpacked(file, place, limit)`.
    """

    def __init__(self, path, kind, file, contents, unpacked):
        self.path = str(path)
        self._file, self._unpacked = file, unpacked
        places, num_dead, num_outside = contents.followed()
        self.names, self.other_names, notices = select_images(
            sorted(places), lambda name, limit: self._content(places[name], limit)
        )
        num_replaced = sum(contents.replaced[name] for name in self.names)
        self.notices = [
            *notices,
            *left_out(num_dead, "link", DEAD_LINK),
            *left_out(num_outside, "file", "`..` in names may lead out of the archive"),
            *left_out(num_replaced, "image", "others of the same names follow in the archive"),
            *_undecoded_notice(contents.undecoded),
        ]
        self._places = np.array([places[name] for name in self.names], _PLACES)
        self._other_places = {name: places[name] for name in self.other_names}
        self.facts = {
            "kind": kind,
            "contents_sha256": hashlib.sha256(self._places.tobytes()).hexdigest(),
        }

    def __getstate__(self):
        return {**self.__dict__, "other_names": [], "_other_places": {}}

    def name(self, index):
        return printable(f"{self.path}/{self.names[index]}")

    def data(self, index):
        return self._content(self._places[index].tolist())

    def read_member(self, name):
        if name not in self._other_places:
            raise SkippedImageError("there is no such file")
        return self._content(self._other_places[name])

    def _content(self, place, limit=None):
        place = Place(*place)
        check_size(place.size)
        return self._unpacked(self._file, place, limit)


class ArchiveFile:
    """The bytes of a file.

    Args:
        path: Path of the file.
    """

    def __init__(self, path):
        self._path = str(path)
        self._num_bytes = Path(path).stat().st_size

    def bytes_at(self, offset, count):
        if offset + count > self._num_bytes:
            raise SkippedImageError("the archive is damaged: it ends before this image does")
        # A file that stays open would be in the way of threads and of `pickle`.
        with Path(self._path).open("rb") as file:
            file.seek(offset)
            return file.read(count)


def damaged_archive(path, kind, error, unpacked=None):
    """The `ValueError` of an archive that cannot be read.

    Args:
        path: Path of the archive.
        kind: "zip" or "tar".
        error: What went wrong.
        unpacked: Path of the file that was read in its place; None if it was not compressed.
    """
    reason = what_it_is(unpacked or path, expected=kind)
    if reason is None:
        advice = "Download it again, or unpack it and give the folder of images"
        reason = f"{error}. {advice}."
    what = "is" if unpacked is None else "is compressed, but in it is"
    return ValueError(f"{path} {what} no {kind} archive, or a damaged one: {reason}")


def _undecoded_notice(names):
    if not names:
        return []
    return [
        f"{count_of(len(names), 'name')} in it, such as {printable(names[0])}, may look wrong: the "
        "archive does not tell the code page. In the data set tool, `--names_encoding` does: cp932 "
        "(Japanese), gbk, big5, cp949 (Korean), cp866 (Russian), cp850 or another."
    ]
