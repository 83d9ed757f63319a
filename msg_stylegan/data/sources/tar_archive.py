"""Images of tar archives, which are not unpacked unless they are compressed."""

import bz2
import contextlib
import lzma
import os
import tarfile
import tempfile
import weakref
import zlib
from pathlib import Path

from tqdm import tqdm

from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.sources.archive import (
    ArchiveStore,
    Contents,
    Link,
    Place,
    bytes_at,
    damaged_archive,
)
from msg_stylegan.data.sources.zip_archive import wrong_encoding
from msg_stylegan.mistaken_file import what_it_is

_SPARSE = 0xFFFE  # As the method of a place.
_READ_BYTES = 1 << 20

_COMPRESSED_BYTES, _WRITE_BYTES = 1 << 17, 1 << 20


def open_tar(path, names_encoding=None):
    """The `ArchiveStore` of a tar archive, or of several that were joined.

    A compressed archive can only be read from its start. It is therefore unpacked into a temporary
    tar file, which is removed with the store.

    Args:
        path: Path of the archive; it may be compressed by gzip, bzip2 or xz.
        names_encoding: Code page of the names; None = UTF-8.

    Raises:
        ValueError: The archive is damaged, or something else follows it.
        OSError: The archive cannot be read, or there is no room to unpack it.
    """
    with contextlib.ExitStack() as stack:
        copy = _uncompressed_copy(path, stack) if is_compressed(path) else None
        file = copy or path
        try:
            with Path(file).open("rb") as opened:
                contents = _read_contents(opened, names_encoding)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: {wrong_encoding(error.object, names_encoding)}") from None
        except Exception as error:
            raise damaged_archive(path, "tar", error, copy) from error
        store = ArchiveStore(path, "tar", file, contents, _unpacked)
        # Nothing but zeros is an archive of no files.
        if not store.names + store.other_names and (what := what_it_is(file, expected="tar")):
            store.notices.append(what)
        weakref.finalize(store, stack.pop_all().close)
    return store


def _unpacked(file, place, limit):
    if place.method == _SPARSE:
        raise SkippedImageError("it is stored with holes")
    count = place.stored if limit is None else min(place.stored, limit)
    return bytes_at(file, place.offset, count)


def _read_contents(file, names_encoding):
    contents = Contents()
    start = 0
    while start is not None:
        file.seek(start)
        with tarfile.open(
            fileobj=file,
            mode="r:",
            encoding=names_encoding or "utf-8",
            errors="strict" if names_encoding else "surrogateescape",
        ) as archive:
            _read_archive(archive, contents)
            end = archive.offset
        # `tarfile` takes a damaged header for the end.
        file.seek(end)
        block = file.read(tarfile.BLOCKSIZE)
        if not block:
            raise ValueError(f"the mark of its end is missing, at byte {end}")
        if block != bytes(tarfile.BLOCKSIZE):
            where = "after its end" if end == start else "in it"
            raise ValueError(
                f"{where}, at byte {end}, is neither a file nor an end mark but {block[:16]!r}"
            )
        start = _next_start(file)
    return contents


def _read_archive(archive, contents):
    end = -1
    # Python 3.10 fails to look for a file in an archive of none.
    while archive.offset and (entry := archive.next()) is not None:
        # It would keep them all.
        archive.members.clear()
        if archive.offset <= end or entry.size < 0:
            raise ValueError("its files overlap")
        end = archive.offset
        if entry.islnk():
            contents.add_hard_link(entry.name, entry.linkname)
        elif entry.issym():
            contents.add(entry.name, Link(entry.linkname))
        elif entry.isreg():
            method = _SPARSE if entry.issparse() else 0
            contents.add(entry.name, Place(entry.offset_data, entry.size, entry.size, 0, method))
        else:
            continue
        # Bytes that are not UTF-8 are in the name as what UTF-8 cannot encode.
        if entry.name.encode("utf-8", "replace").decode("utf-8") != entry.name:
            contents.undecoded.append(entry.name)


def _next_start(file):
    """Where the next archive begins, behind any number of zeros; None at the end of the file."""
    while block := file.read(_READ_BYTES):
        if rest := block.lstrip(b"\0"):
            return file.tell() - len(rest)
    return None


def _uncompressed_copy(path, stack):
    """Unpacks a file to the folder of temporary files; returns its path, which `stack` removes."""
    handle, copy = tempfile.mkstemp(suffix=".tar")
    stack.callback(_remove_copy, copy, os.getpid())
    try:
        with os.fdopen(handle, "wb") as target, Path(path).open("rb") as file:
            _write(file, target)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        # Damage that `bz2` finds is an `OSError` without a number.
        if getattr(error, "errno", None) is None:
            raise damaged_archive(path, "tar", error) from error
        raise OSError(
            error.errno,
            f"{error.strerror}, while unpacking {path} to {Path(copy).parent}. Set the environment "
            "variable TMPDIR to another folder, or unpack it and give the folder of images.",
        ) from error
    return copy


def is_compressed(path):
    """Whether a file begins like one of gzip, bzip2 or xz."""
    with Path(path).open("rb") as file:
        return _decompressor(file.read(_MAGIC_BYTES)) is not None


def _remove_copy(path, process):
    """Removes a copy, but only in the process that made it."""
    if os.getpid() == process:
        Path(path).unlink(missing_ok=True)


def _decompressor(start):
    """What unpacks data that begin like this; None if they are not compressed."""
    return next((kind() for magic, kind in _DECOMPRESSORS.items() if start.startswith(magic)), None)


def _write(file, target):
    size = os.fstat(file.fileno()).st_size
    with tqdm(
        total=size, desc="Unpacking", unit="B", unit_scale=True, delay=1, leave=False
    ) as progress:
        data = file.read(_COMPRESSED_BYTES)
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
                data = file.read(_COMPRESSED_BYTES) if stream.needs_input else b""
                if stream.needs_input and not data and not block:
                    raise EOFError("it ends too early")
                progress.update(file.tell() - progress.n)
            data = _next_stream(stream.unused_data, file)


def _next_stream(data, file):
    """Data from the next stream on, at least its first bytes; zeros before it are left out."""
    data = data.lstrip(b"\0")
    while len(data) < _MAGIC_BYTES and (block := file.read(_COMPRESSED_BYTES)):
        data = (data + block).lstrip(b"\0")
    return data


class _Gzip:
    """zlib's decompressor of gzip with the interface of those of bzip2 and xz."""

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
