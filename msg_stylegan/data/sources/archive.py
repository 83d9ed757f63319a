"""What zip and tar archives have in common: a table of contents, and places in one file.

What an archive calls its files is never a path on the disk here: nothing is written by that name.
"""

import collections
import hashlib
import os
import posixpath
from pathlib import Path

import numpy as np

from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.sources.file_stores import check_size
from msg_stylegan.data.sources.selection import (
    DEAD_LINK,
    is_hidden,
    left_out,
    printable,
    select_images,
)
from msg_stylegan.mistaken_file import what_it_is
from msg_stylegan.wording import count_of

# A row has the entries of a `Place`.
_PLACES = np.dtype(
    [("offset", "u8"), ("stored", "u8"), ("size", "u8"), ("crc", "u4"), ("method", "u2")]
)

# Where a file lies and how: `offset` of its header (zip) or its data (tar), the number of bytes
# `stored` there, their `size` when unpacked, and the rest as in zip.
Place = collections.namedtuple("Place", ["offset", "stored", "size", "crc", "method"])

# `target` is relative to the folder of the link, or to the archive if it begins with a slash.
Link = collections.namedtuple("Link", ["target"])

# As many as Linux follows for one path.
_MAX_LINKS = 40


class ArchiveStore:
    """All images of an archive, sorted by their names; see `open_store`.

    Left out are hidden files and folders, and files that are not images, see `select_images`. The
    places of the images are kept, so other processes need not read the table of contents again.

    Args:
        path: Path of the archive.
        kind: Text for the manifest.
        file: Path of the archive, or of an unpacked copy of it.
        contents: `Contents`.
        unpacked: Function, for `pickle` one of a module, that returns the bytes of a file, at most
            `limit` of them unless it is None: `unpacked(file, place, limit)`.
    """

    def __init__(self, path, kind, file, contents, unpacked):
        self.path = str(path)
        self._file, self._unpacked = str(file), unpacked
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
            *_undecoded_notices(contents.undecoded),
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


def bytes_at(path, offset, count):
    """The bytes of a file from a position on, all `count` of them."""
    # A file that stays open would be in the way of threads and of `pickle`.
    with Path(path).open("rb") as file:
        if offset + count > os.fstat(file.fileno()).st_size:
            raise SkippedImageError("the archive is damaged: it ends before this image does")
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
    advice = "Download it again, or unpack it and give the folder of images."
    reason = what_it_is(unpacked or path, expected=kind) or f"{error}. {advice}"
    what = "is" if unpacked is None else "is compressed, but what is in it is"
    return ValueError(f"{path} {what} not a {kind} archive, or a damaged one: {reason}")


def _undecoded_notices(names):
    if not names:
        return []
    return [
        f"{count_of(len(names), 'name')} in it, such as {printable(names[0])}, may look wrong: the "
        "archive does not name the code page. In the data set tool, `--names_encoding` does: cp932 "
        "(Japanese), gbk, big5, cp949 (Korean), cp866 (Russian), cp850 or another."
    ]


class Contents:
    """Files of an archive, or of several that were joined, by their names.

    Attributes:
        replaced: For each name, how many files of that name were followed by another: a Counter.
        undecoded: List of names in a code page that the archive does not name.
    """

    def __init__(self):
        self.replaced = collections.Counter()
        self.undecoded = []
        self._entries = {}

    def add(self, name, entry):
        """Adds a `Place` or a `Link` by its name. Of two files of one name the later one counts."""
        name = _relative(name)
        if self._entries.get(name, entry) != entry:
            self.replaced[name] += 1
        self._entries[name] = entry

    def add_hard_link(self, name, target):
        """Adds another name of an earlier file, which keeps it when that one is replaced."""
        entry = self._entries.get(_relative(target))
        self.add(name, entry if isinstance(entry, Place) else Link(f"/{target}"))

    def followed(self):
        """Files that are not hidden, with the links to files.

        Returns:
            Dictionary from name to `Place`; number of links that lead nowhere or out of the
            archive; number of files whose own names lead out, which are left out as well. Links to
            folders do not count: their files have names of their own.
        """
        folders = None
        places, num_dead, num_outside = {}, 0, 0
        for name, entry in self._entries.items():
            num_outside += ".." in name.split("/")
            if not name or is_hidden(name):
                continue
            if isinstance(entry, Link):
                target = self._target(name)
                entry = self._entries.get(target)
                if not isinstance(entry, Place):
                    folders = self._folders() if folders is None else folders
                    num_dead += target not in folders
                    continue
            places[name] = entry
        return places, num_dead, num_outside

    def _target(self, name):
        """Where a path finally leads, through links to folders, too; None if out of the archive."""
        rest = collections.deque(name.split("/"))
        path = []
        num_links = 0
        while rest:
            part = rest.popleft()
            if part == "..":
                if not path:
                    return None
                path.pop()
            elif part not in ("", "."):
                path.append(part)
                entry = self._entries.get("/".join(path))
                if isinstance(entry, Link):
                    num_links += 1
                    if num_links > _MAX_LINKS:
                        return None
                    path = [] if entry.target.startswith("/") else path[:-1]
                    rest.extendleft(reversed(entry.target.split("/")))
        return "/".join(path)

    def _folders(self):
        """Names of all folders that hold a file."""
        folders = {""}
        for name in self._entries:
            while (name := posixpath.dirname(name)) not in folders:
                folders.add(name)
        return folders


def _relative(name):
    """A name in an archive without a leading `/` and without parts that say nothing."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))
