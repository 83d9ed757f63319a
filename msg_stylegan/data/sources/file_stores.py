"""Images in files of their own: of a folder here or on an object store, or listed in a text."""

import errno
import os
import posixpath
import stat
from pathlib import Path, PurePath

from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.sources.labels import LABELS_NAME
from msg_stylegan.data.sources.selection import (
    DEAD_LINK,
    is_hidden,
    left_out,
    printable,
    select_images,
)
from msg_stylegan.mistaken_file import what_download, what_it_is

# No image is that large, but a damaged or hostile archive may say so, and memory is limited.
MAX_FILE_BYTES = 1 << 30

# Errors of one file. Any other is one of the storage, with which all further images would fail.
_BROKEN_FILE = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.ENAMETOOLONG: "there is no such file",
    errno.EINVAL: "there is no such file",
    errno.EACCES: "it may not be read",
    errno.EPERM: "it may not be read",
    errno.ELOOP: "it is a link that leads back to itself",
    errno.EIO: "the disk cannot read it",
}


class FolderStore:
    """All images of a folder and its sub-folders, sorted by relative path; see `open_store`.

    Left out are hidden files and folders, and files that are not images, see `select_images`. Links
    are followed; each folder counts once.

    Args:
        path: Path of the folder.

    Raises:
        OSError: A folder that may not be read.
    """

    def __init__(self, path):
        self.path = str(path)
        self.facts = {"kind": "folder"}
        names, num_dead = self._visible_names()
        self.names, self.other_names, self.notices = select_images(names, self.read_member)
        self.notices += left_out(num_dead, "link", DEAD_LINK)

    def __getstate__(self):
        return {**self.__dict__, "other_names": []}

    def name(self, index):
        return printable(f"{self.path}/{self.names[index]}")

    def data(self, index):
        return self.read_member(self.names[index])

    def read_member(self, name, limit=None):
        return read_file(Path(self.path, name), limit)

    def _visible_names(self):
        """Sorted list of the paths of all files that are not hidden, and number of dead links.

        Links to folders are entered, too. Each folder is read once, however many links lead to it,
        so a loop of links ends.
        """
        names = []
        num_dead = 0
        seen = set()
        # A folder that lies in this one goes by its own name, not by that of a link to it.
        folders, links = [""], []
        while folders or links:
            prefix = folders.pop() if folders else links.pop(0)
            path = Path(self.path, prefix)
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                for entry in entries:
                    name = prefix + entry.name
                    if is_hidden(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(name + "/")
                    elif _is_file(entry):
                        names.append(name)
                    elif entry.is_symlink() and Path(entry.path).is_dir():
                        links.append(name + "/")
                    else:
                        num_dead += entry.is_symlink()
            links.sort()
        return sorted(names), num_dead


def _is_file(entry):
    try:
        return entry.is_file()
    except OSError:  # A link that leads back to itself.
        return False


class ListStore:
    """The images of a text file with one path per line, in the order of the lines.

    Paths are relative to the folder of the text file. Empty lines are left out. Files may have any
    endings. Of other files, only the labels beside the list are known. See `open_store`.

    Args:
        path: Path of the text file, in UTF-8.

    Raises:
        ValueError: The file is not text.
        OSError: The file cannot be read.
    """

    notices = ()

    def __init__(self, path):
        self.path = str(path)
        self.facts = {"kind": "list"}
        self.names = [PurePath(line).as_posix() for line in _read_lines(Path(path))]
        has_labels = Path(path).with_name(LABELS_NAME).is_file()
        self.other_names = [LABELS_NAME] if has_labels else []

    def name(self, index):
        return printable(str(Path(self.path).parent / self.names[index]))

    def data(self, index):
        return self.read_member(self.names[index])

    def read_member(self, name):
        return read_file(Path(self.path).parent / name)


def _read_lines(path):
    with path.open("rb") as file:
        # All archives, images and videos have a zero early on; such a file may be very large.
        is_text = b"\0" not in file.read(4096) and path.stat().st_size <= MAX_FILE_BYTES
    data = path.read_bytes() if is_text else b"\0"
    if b"\0" in data:
        what = what_it_is(path, expected="text")
        raise ValueError(
            f"{path} is neither an archive nor a list of images. {f'{what} ' if what else ''}"
            "Expected a folder, a zip or tar archive, a font, or a text file in UTF-8 with the "
            "path of one image per line."
        )
    if what := what_download(data):
        raise ValueError(f"{path} is not a list of images. {what}")
    # Names of files need not be UTF-8. Only a newline ends a line, not all that Unicode has for it.
    text = data.decode("utf-8-sig", "surrogateescape")
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [line for line in lines if line.strip()]


def is_remote(path):
    """Whether a path is an address such as `gs://bucket/photos`."""
    return "://" in str(path)


class RemoteFolderStore(FolderStore):
    """A folder on an object store, or wherever else `tf.io.gfile` reads: `gs://bucket/photos`.

    Args:
        path: Address of the folder, text.

    Raises:
        ValueError: There is no such folder.
        OSError: The store does not answer.
    """

    def __init__(self, path):
        super().__init__(path.rstrip("/"))

    def read_member(self, name, limit=None):
        # Processes that only read local files start without TensorFlow, whose start takes seconds.
        import tensorflow as tf

        try:
            with tf.io.gfile.GFile(f"{self.path}/{name}", "rb") as file:
                check_size(file.size())
                return file.read(-1 if limit is None else limit)
        except tf.errors.NotFoundError:
            raise SkippedImageError("there is no such file") from None
        except tf.errors.PermissionDeniedError:
            raise SkippedImageError("it may not be read") from None
        except tf.errors.OpError as error:
            raise OSError(f"{self.path}/{printable(name)} cannot be read: {error}") from error

    def _visible_names(self):
        import tensorflow as tf

        try:
            if not tf.io.gfile.isdir(self.path):
                raise ValueError(f"There is no folder {self.path}.")
            names = []
            for place, _, files in tf.io.gfile.walk(self.path):
                prefix = place[len(self.path) :].strip("/")
                names += [posixpath.join(prefix, name) for name in files]
        except tf.errors.OpError as error:
            raise OSError(f"{self.path} cannot be read: {error}") from error
        return sorted(name for name in names if not is_hidden(name)), 0


def read_file(path, limit=None):
    """Content of an image file: bytes, the first `limit` of them unless it is None.

    Raises:
        SkippedImageError: The file is missing, broken or too large, or is not a file.
        OSError: The storage fails.
    """
    path = Path(path)
    try:
        status = path.stat()
        # Opening a pipe would wait for a writer.
        if not stat.S_ISREG(status.st_mode):
            raise SkippedImageError("it is not a file")
        check_size(status.st_size)
        if limit is None:
            return path.read_bytes()
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        if error.errno not in _BROKEN_FILE:
            raise
        raise SkippedImageError(_BROKEN_FILE[error.errno]) from None


def check_size(num_bytes):
    """Refuses a file size that no image has.

    Raises:
        SkippedImageError: It is empty or too large.
    """
    if not num_bytes:
        raise SkippedImageError("it is empty")
    if num_bytes > MAX_FILE_BYTES:
        raise SkippedImageError(f"it has {num_bytes} bytes, more than any image")
