"""Tables of contents of zip archives, of which several may have been joined to one file."""

import io
import struct
import zipfile

_END_RECORD = struct.Struct("<4s16xH")
_END_SIGNATURE = b"PK\5\6"
_FILE_SIGNATURE = b"PK\3\4"
_MAX_COMMENT = 0xFFFF
_READ_BYTES = 1 << 20


def read_tables(file):
    """Entries of all archives in a file, in the order of the file.

    A program that unpacks itself may stand before the first one, zeros may stand behind each.

    Args:
        file: Binary file, opened for reading.

    Returns:
        List of `zipfile.ZipInfo`, whose offsets count from the start of the file.

    Raises:
        ValueError: Something else stands before or behind an archive.
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
    """Where the archive ends that is followed by zeros only, up to `end`; None without one."""
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
                f"behind its end, at byte {record_end}, follow {end - record_end} bytes that are "
                f"no zip archive but begin with {file.read(16)!r}"
            )
    return "its end is missing, or something else follows it"
