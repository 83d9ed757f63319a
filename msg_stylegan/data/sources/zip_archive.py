"""Images of zip archives, which are not unpacked."""

import stat
import struct
import zipfile
import zlib
from pathlib import Path

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.archive import ArchiveFile, ArchiveStore, damaged_archive
from msg_stylegan.data.sources.archive_contents import Contents, Link, Place
from msg_stylegan.data.sources.joined_zips import read_tables
from msg_stylegan.data.sources.storage import check_size
from msg_stylegan.data.sources.zip_names import entry_name, link_target

_ENCRYPTED = 0xFFFF  # As a method, which zip does not have.
_ENCRYPTED_FLAG = 1
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_MAX_PATH = 4096  # Bytes of the longest path of Linux.


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
    file = ArchiveFile(path)
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
        contents.add(name, _place_or_link(entry, file, names_encoding))
        if not is_known:
            contents.undecoded.append(name)
    return ArchiveStore(path, "zip", file, contents, _unpacked)


def _place_or_link(entry, file, names_encoding):
    method = _ENCRYPTED if entry.flag_bits & _ENCRYPTED_FLAG else entry.compress_type
    place = Place(entry.header_offset, entry.compress_size, entry.file_size, entry.CRC, method)
    # Systems other than Unix have other numbers there, without this one.
    if not stat.S_ISLNK(entry.external_attr >> 16):
        return place
    try:
        return Link(link_target(_unpacked(file, place, _MAX_PATH), entry, names_encoding))
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
    header = file.bytes_at(offset, _LOCAL_HEADER.size)
    signature, name_size, extra_size = _LOCAL_HEADER.unpack(header)
    count, most = (stored, size) if limit is None else (min(stored, limit), limit)
    data = file.bytes_at(offset + len(header) + name_size + extra_size, count)
    if method == zipfile.ZIP_DEFLATED:
        data = _inflated(data, most)
    is_whole = limit is not None or (len(data) == size and zlib.crc32(data) == crc)
    if signature != b"PK\3\4" or not is_whole:
        raise SkippedImageError("the archive is damaged: the checksum of the image is wrong")
    return data


def _inflated(data, size):
    try:
        # No more than the table of contents says: a bomb stays as small as that.
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size)
    except zlib.error as error:
        raise SkippedImageError(f"the archive is damaged: {error}") from None
