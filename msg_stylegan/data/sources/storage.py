"""Reads bytes of files of which some may be missing or broken."""

import errno
import stat
import zlib
from pathlib import Path

from msg_stylegan.data.image_preparation import SkippedImageError

# No image is as large, but a damaged or hostile archive may say so, and memory is bounded.
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


def read_file(path, limit=None):
    """Content of an image file: bytes, the first `limit` of them unless it is None.

    Raises:
        SkippedImageError: The file is missing, broken, too large, or no file.
        OSError: The storage fails.
    """
    path = Path(path)
    try:
        status = path.stat()
        # To open a pipe would wait for a writer.
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


def checksum(data):
    """Number of bytes and their CRC-32."""
    return len(data), zlib.crc32(data)
