"""Images of zip archives, which are not unpacked."""

import contextlib
import struct
import zipfile
import zlib
from pathlib import Path

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.archive import ArchiveStore, relative_name
from msg_stylegan.data.sources.storage import check_size

_ENCRYPTED = 0xFFFF  # As a method, which zip does not have.

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 1


def open_zip(path):
    """The `ArchiveStore` of a zip archive; of two files of one name the last one counts.

    Args:
        path: Path of the archive.

    Raises:
        ValueError: The archive is damaged.
        OSError: The archive cannot be read.
    """
    with Path(path).open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                places = dict(_places(archive))
        # A damaged table of contents shows as various errors.
        except Exception as error:
            raise ValueError(f"{path} is a damaged zip archive: {error}") from error
    return ArchiveStore(path, path, "zip", places, _unpacked)


def _unpacked(bytes_at, offset, stored, size, crc, method):
    if method == _ENCRYPTED:
        raise SkippedImageError("it is encrypted")
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        name = zipfile.compressor_names.get(method, method)
        raise SkippedImageError(f"it is compressed by the method {name}, not by deflate")
    check_size(stored)
    header = bytes_at(offset, _LOCAL_HEADER.size)
    signature, name_size, extra_size = _LOCAL_HEADER.unpack(header)
    data = bytes_at(offset + len(header) + name_size + extra_size, stored)
    if method == zipfile.ZIP_DEFLATED:
        data = _inflated(data, size)
    if signature != b"PK\3\4" or len(data) != size or zlib.crc32(data) != crc:
        raise SkippedImageError("the archive is damaged: the checksum of the image is wrong")
    return data


def _places(archive):
    for entry in archive.infolist():
        name = _name(entry)
        if entry.is_dir():
            continue
        if entry.header_offset < 0:
            raise ValueError(f"{name} lies before its start")
        encrypted = entry.flag_bits & _ENCRYPTED_FLAG
        method = _ENCRYPTED if encrypted else entry.compress_type
        yield name, (entry.header_offset, entry.compress_size, entry.file_size, entry.CRC, method)


def _name(entry):
    name = entry.filename
    if not entry.flag_bits & _UTF8_FLAG:
        # Many tools write UTF-8 without saying so.
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return relative_name(name.replace("\\", "/"))


def _inflated(data, size):
    try:
        # No more than the table of contents says: a bomb stays as small as that.
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size)
    except zlib.error as error:
        raise SkippedImageError(f"the archive is damaged: {error}") from None
