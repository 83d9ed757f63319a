"""Images of zip archives, which are not unpacked: their tables of contents, names and bytes."""

import io
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.sources.archive import (
    ArchiveStore,
    Contents,
    Link,
    Place,
    bytes_at,
    damaged_archive,
)
from msg_stylegan.data.sources.file_stores import check_size

_ENCRYPTED = 0xFFFF  # As a method, which zip does not have.
_ENCRYPTED_FLAG = 1
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_MAX_PATH = 4096  # Bytes of the longest path of Linux.

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
_BLOCK = struct.Struct("<HH")

# In the code pages of East Asia it may be the second half of a letter, whose first is not ASCII.
_SEPARATOR = re.compile(rb"(?<![\x80-\xff])\\")

_END_RECORD = struct.Struct("<4s16xH")
_END_SIGNATURE = b"PK\5\6"
_FILE_SIGNATURE = b"PK\3\4"
_MAX_COMMENT = 0xFFFF
_READ_BYTES = 1 << 20


def open_zip(path, names_encoding=None):
    """The `ArchiveStore` of a zip archive, or of several that were joined.

    Args:
        path: Path of the archive.
        names_encoding: Code page of the names that do not say that they are UTF-8; None = UTF-8
            where a name can be that, else code page 437.

    Raises:
        ValueError: The archive is damaged, something else follows it, or its names are not in this
            code page.
        OSError: The archive cannot be read.
    """
    with Path(path).open("rb") as opened:
        try:
            tables = read_tables(opened)
        # A damaged table of contents shows as various errors.
        except Exception as error:
            raise damaged_archive(path, "zip", error) from error
    contents = Contents()
    for entry in tables:
        name, is_known = entry_name(entry, names_encoding)
        if name.endswith("/") or (name.endswith("\\") and not entry.file_size):
            continue
        contents.add(name, _place_or_link(entry, path, names_encoding))
        if not is_known:
            contents.undecoded.append(name)
    return ArchiveStore(path, "zip", path, contents, _unpacked)


def _place_or_link(entry, path, names_encoding):
    method = _ENCRYPTED if entry.flag_bits & _ENCRYPTED_FLAG else entry.compress_type
    place = Place(entry.header_offset, entry.compress_size, entry.file_size, entry.CRC, method)
    # Systems other than Unix have other numbers there, without this one.
    if not stat.S_ISLNK(entry.external_attr >> 16):
        return place
    try:
        return Link(link_target(_unpacked(path, place, _MAX_PATH), entry, names_encoding))
    except SkippedImageError:
        return Link("")


def _unpacked(file, place, limit):
    offset, stored, size, crc, method = place
    if method == _ENCRYPTED:
        raise SkippedImageError("it is encrypted")
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        name = zipfile.compressor_names.get(method, method)
        raise SkippedImageError(f"it is compressed by the method {name}, not by deflate")
    check_size(stored)
    header = bytes_at(file, offset, _LOCAL_HEADER.size)
    signature, name_size, extra_size = _LOCAL_HEADER.unpack(header)
    count, most = (stored, size) if limit is None else (min(stored, limit), limit)
    data = bytes_at(file, offset + len(header) + name_size + extra_size, count)
    if method == zipfile.ZIP_DEFLATED:
        data = _inflated(data, most)
    is_whole = limit is not None or (len(data) == size and zlib.crc32(data) == crc)
    if signature != _FILE_SIGNATURE or not is_whole:
        raise SkippedImageError("the archive is damaged: the checksum of the image is wrong")
    return data


def _inflated(data, size):
    try:
        # No more than the table of contents says: a bomb stays as small as that.
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size)
    except zlib.error as error:
        raise SkippedImageError(f"the archive is damaged: {error}") from None


def entry_name(entry, encoding=None):
    """Name of a file in an archive.

    Args:
        entry: `zipfile.ZipInfo` from a table of contents.
        encoding: Code page of names that do not say that they are UTF-8; None = not known.

    Returns:
        Relative path with forward slashes, and whether its letters are certain.

    Raises:
        ValueError: The name is not in this code page.
    """
    # `filename` has lost backslashes on some systems.
    name, is_known = entry.orig_filename.replace("\\", "/"), True
    if not entry.flag_bits & _UTF8_FLAG:
        name, is_known = _decoded(entry.orig_filename.encode("cp437"), entry.extra, encoding)
    return name.partition("\0")[0], is_known


def link_target(raw, entry, encoding=None):
    """What a link leads to, from its bytes `raw`; as `entry_name`, but nothing is refused."""
    try:
        return _decoded(raw, b"", "utf-8" if entry.flag_bits & _UTF8_FLAG else encoding)[0]
    except ValueError:
        return raw.decode("utf-8", "surrogateescape")


def wrong_encoding(raw, encoding):
    """The message about a name, bytes, that is not in the code page that the user has given."""
    return (
        f"The name {raw!r} is not in the code page {encoding}. Choose another `--names_encoding`."
    )


def _decoded(raw, extra, encoding):
    if raw.isascii():
        return raw.decode("ascii").replace("\\", "/"), True
    name = _unicode_path(raw, extra)
    if name is None:
        try:
            # Many tools write UTF-8 without saying so.
            name = raw.decode(encoding or "utf-8")
        except UnicodeDecodeError:
            if encoding:
                raise ValueError(wrong_encoding(raw, encoding)) from None
            return _SEPARATOR.sub(b"/", raw).decode("cp437"), False
    return name.replace("\\", "/"), True


def _unicode_path(raw, extra):
    """The name in UTF-8 that some tools add; None if there is none for this name."""
    while len(extra) >= _BLOCK.size:
        kind, size = _BLOCK.unpack_from(extra)
        block, extra = extra[_BLOCK.size :][:size], extra[_BLOCK.size + size :]
        if kind == _UNICODE_PATH and block[1:5] == struct.pack("<I", zlib.crc32(raw)):
            try:
                return block[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
    return None


def read_tables(file):
    """Entries of all archives in a file, in the order of the file.

    A program that unpacks itself may stand before the first one, and zeros after each.

    Args:
        file: Binary file, opened for reading.

    Returns:
        List of `zipfile.ZipInfo`, whose offsets count from the start of the file.

    Raises:
        ValueError: Something else stands before or after an archive.
        Exception: A table is damaged, which shows as various errors.
    """
    tables = []
    end = file.seek(0, io.SEEK_END)
    record_end = _record_end(file, end)
    if record_end is None:
        raise ValueError(_what_is_wrong_with_the_end(file, end))
    while record_end is not None:
        with zipfile.ZipFile(_Front(file, record_end)) as archive:
            table = archive.infolist()
            start = min([archive.start_dir, *(entry.header_offset for entry in table)])
        if not 0 <= start < record_end:
            raise ValueError("its first file lies before its start")
        tables.append(table)
        end, record_end = start, _record_end(file, start)
    file.seek(0)
    if end and file.read(len(_FILE_SIGNATURE)) == _FILE_SIGNATURE:
        raise ValueError(
            f"its first {end} bytes are the start of another archive, whose end is missing"
        )
    return [entry for table in reversed(tables) for entry in table]


class _Front(io.RawIOBase):
    """The first bytes of a file as a file."""

    def __init__(self, file, size):
        super().__init__()
        self._file, self._size = file, size

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._file.tell()

    def seek(self, offset, whence=io.SEEK_SET):
        if whence == io.SEEK_END:
            offset, whence = offset + self._size, io.SEEK_SET
        if whence == io.SEEK_SET and offset < 0:
            raise OSError("before the start")
        return self._file.seek(offset, whence)

    def readinto(self, buffer):
        data = self._file.read(max(0, min(len(buffer), self._size - self.tell())))
        buffer[: len(data)] = data
        return len(data)


def _record_end(file, end):
    """Where the archive ends that only zeros follow, up to `end`; None if there is none."""
    content_end = _content_end(file, end)
    for start, record_end in _end_records(file, end, content_end):
        # The record itself may end with zeros.
        if start < content_end <= record_end <= end:
            return record_end
    return None


def _end_records(file, end, content_end):
    """Yields where the records at the end of archives begin and end, the last one first."""
    begin = max(0, content_end - _END_RECORD.size - _MAX_COMMENT)
    file.seek(begin)
    data = file.read(min(end, content_end + _END_RECORD.size) - begin)
    start = len(data)
    while (start := data.rfind(_END_SIGNATURE, 0, start)) >= 0:
        record = data[start : start + _END_RECORD.size]
        if len(record) == _END_RECORD.size:
            comment_size = _END_RECORD.unpack(record)[1]
            yield begin + start, begin + start + _END_RECORD.size + comment_size


def _content_end(file, end):
    """Where the zeros begin that end at `end`."""
    while end > 0:
        begin = max(0, end - _READ_BYTES)
        file.seek(begin)
        if rest := file.read(end - begin).rstrip(b"\0"):
            return begin + len(rest)
        end = begin
    return 0


def _what_is_wrong_with_the_end(file, end):
    content_end = _content_end(file, end)
    for _, record_end in _end_records(file, end, content_end):
        if record_end < content_end:
            file.seek(record_end)
            return (
                f"after its end, at byte {record_end}, follow {end - record_end} bytes that are "
                f"not a zip archive but begin with {file.read(16)!r}"
            )
    return "its end is missing, or something else follows it"
