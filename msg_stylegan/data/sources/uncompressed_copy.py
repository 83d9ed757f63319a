"""Temporary copies of compressed files, to read them anywhere."""

import bz2
import collections
import contextlib
import gzip
import lzma
import os
import tempfile
import zlib
from pathlib import Path

from tqdm import tqdm

_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_READ_BYTES = 1 << 20

# The process that made a copy is the one to remove it.
Copy = collections.namedtuple("Copy", ["path", "process"])


def uncompressed_copy(path):
    """Copies a compressed file to the folder of temporary files.

    Args:
        path: Path of the file.

    Returns:
        `Copy`, which is to be given to `remove_copy`; None when the file is not compressed.

    Raises:
        ValueError: The file is damaged.
        OSError: It cannot be read, or there is no room.
    """
    opener = _opener(path)
    if opener is None:
        return None
    handle, name = tempfile.mkstemp(suffix=".tar")
    copy = Copy(name, os.getpid())
    with contextlib.ExitStack() as stack:
        stack.callback(remove_copy, *copy)
        try:
            with os.fdopen(handle, "wb") as target, Path(path).open("rb") as file:
                _write(file, opener, target)
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise ValueError(f"{path} is a damaged archive: {error}") from error
        except OSError as error:
            # Damage that `gzip` and `bz2` find has no number.
            if error.errno is None:
                raise ValueError(f"{path} is a damaged archive: {error}") from error
            raise OSError(
                error.errno,
                f"{error.strerror}, while unpacking {path} to {Path(name).parent}. The environment "
                "variable TMPDIR names another folder; or unpack it and give the folder of images.",
            ) from error
        stack.pop_all()
    return copy


def is_compressed(path):
    """Whether a file begins like one of gzip, bzip2 or xz."""
    return _opener(path) is not None


def remove_copy(path, process):
    """Removes a copy, in the process that has made it only."""
    if os.getpid() == process:
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()


def _opener(path):
    with Path(path).open("rb") as file:
        start = file.read(8)
    return next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)


def _write(file, opener, target):
    size = os.fstat(file.fileno()).st_size
    with (
        opener(file, "rb") as content,
        tqdm(total=size, desc="Unpacking", unit="B", unit_scale=True, delay=1, leave=False) as bar,
    ):
        while block := content.read(_READ_BYTES):
            target.write(block)
            bar.update(file.tell() - bar.n)
