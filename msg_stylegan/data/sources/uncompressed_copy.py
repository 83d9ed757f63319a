"""Temporary copies of compressed files, to read them anywhere."""

import bz2
import collections
import contextlib
import lzma
import os
import tempfile
import zlib
from pathlib import Path

from tqdm import tqdm

from msg_stylegan.data.sources.archive import damaged_archive

_READ_BYTES, _WRITE_BYTES = 1 << 17, 1 << 20

# The process that made a copy is the one to remove it.
Copy = collections.namedtuple("Copy", ["path", "process"])


def uncompressed_copy(path):
    """Copies a compressed file to the folder of temporary files.

    Args:
        path: Path of the file. Several that were joined are unpacked one after the other.

    Returns:
        `Copy`, which is to be given to `remove_copy`; None when the file is not compressed.

    Raises:
        ValueError: The file is damaged.
        OSError: It cannot be read, or there is no room.
    """
    if not is_compressed(path):
        return None
    handle, name = tempfile.mkstemp(suffix=".tar")
    copy = Copy(name, os.getpid())
    with contextlib.ExitStack() as stack:
        stack.callback(remove_copy, *copy)
        try:
            with os.fdopen(handle, "wb") as target, Path(path).open("rb") as file:
                _write(file, target)
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise damaged_archive(path, "tar", error) from error
        except OSError as error:
            # Damage that `bz2` finds has no number.
            if error.errno is None:
                raise damaged_archive(path, "tar", error) from error
            raise OSError(
                error.errno,
                f"{error.strerror}, while unpacking {path} to {Path(name).parent}. The environment "
                "variable TMPDIR names another folder; or unpack it and give the folder of images.",
            ) from error
        stack.pop_all()
    return copy


def is_compressed(path):
    """Whether a file begins like one of gzip, bzip2 or xz."""
    with Path(path).open("rb") as file:
        return _decompressor(file.read(_MAGIC_BYTES)) is not None


def remove_copy(path, process):
    """Removes a copy, in the process that has made it only."""
    if os.getpid() == process:
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()


def _decompressor(start):
    """What unpacks data that begin like this; None if they are not compressed."""
    kinds = (kind for magic, kind in _DECOMPRESSORS.items() if start.startswith(magic))
    return next(kinds, lambda: None)()


def _write(file, target):
    size = os.fstat(file.fileno()).st_size
    with tqdm(
        total=size, desc="Unpacking", unit="B", unit_scale=True, delay=1, leave=False
    ) as progress:
        data = file.read(_READ_BYTES)
        while data:
            stream = _decompressor(data)
            if stream is None:
                begin = file.tell() - len(data)
                raise EOFError(
                    f"at byte {begin} follow {size - begin} bytes that are not compressed but "
                    f"begin with {data[:16]!r}"
                )
            while not stream.eof:
                block = stream.decompress(data, _WRITE_BYTES)
                target.write(block)
                data = file.read(_READ_BYTES) if stream.needs_input else b""
                if stream.needs_input and not data and not block:
                    raise EOFError("it ends too early")
                progress.update(file.tell() - progress.n)
            data = _next_stream(stream.unused_data, file)


def _next_stream(data, file):
    """Data from the next stream on, at least its first bytes; zeros before it do not count."""
    data = data.lstrip(b"\0")
    while len(data) < _MAGIC_BYTES and (block := file.read(_READ_BYTES)):
        data = (data + block).lstrip(b"\0")
    return data


class _Gzip:
    """zlib's decompressor of gzip with the manners of those of bzip2 and xz."""

    def __init__(self):
        self._stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    @property
    def eof(self):
        return self._stream.eof

    @property
    def unused_data(self):
        return self._stream.unused_data

    @property
    def needs_input(self):
        return not self._stream.unconsumed_tail and not self.eof

    def decompress(self, data, max_length):
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


_DECOMPRESSORS = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
}
_MAGIC_BYTES = max(map(len, _DECOMPRESSORS))
