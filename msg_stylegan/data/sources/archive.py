"""Images of zip and tar archives, which are not unpacked.

What an archive calls its files is never a path on the disk here: nothing is written by that name.
"""

import contextlib
import hashlib
import struct
import tarfile
import weakref
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.encoded_images import EncodedImages
from msg_stylegan.data.sources.image_names import is_image_name
from msg_stylegan.data.sources.storage import check_size
from msg_stylegan.data.sources.uncompressed_copy import remove_copy, uncompressed_copy

# Where an image lies and how: `offset` of its header (zip) or its data (tar), `stored` bytes that
# it takes there and bytes that it has in the end, the rest as zip has it.
_PLACE = np.dtype(
    [("offset", "u8"), ("stored", "u8"), ("size", "u8"), ("crc", "u4"), ("method", "u2")]
)
_ENCRYPTED, _SPARSE = 0xFFFF, 0xFFFE  # As methods, which zip does not have.

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 1


class _ArchiveSource(EncodedImages):
    """All images of an archive, sorted by their names; of two of one name the last one counts.

    Hidden files and folders, and files whose ending is not that of an image, are left out. Only the
    places of the images are kept: other processes need not read the table of contents again.
    """

    def __init__(self, path, file, places, preparation, labels, max_images, kind):
        self._file = str(file)
        self._num_bytes = Path(file).stat().st_size
        names = sorted(places)
        self._places = np.array([places[name] for name in names], _PLACE)
        facts = {
            "kind": kind,
            "contents_sha256": hashlib.sha256(self._places.tobytes()).hexdigest(),
        }
        super().__init__(path, names, preparation, labels, max_images, facts)

    def _place(self, index):
        offset, stored, size, crc, method = self._places[index].tolist()
        check_size(size)
        return offset, stored, size, crc, method

    def _bytes_at(self, offset, count):
        if offset + count > self._num_bytes:
            raise SkippedImageError("the archive is damaged: it ends before this image does")
        # A file that stays open would be in the way of threads and of `pickle`.
        with Path(self._file).open("rb") as file:
            file.seek(offset)
            return file.read(count)


class ZipSource(_ArchiveSource):
    """All images of a zip archive, sorted by their names.

    Args:
        path: Path of the archive.
        preparation: `ImagePreparation`.
        labels: See `read_labels`.
        max_images: Only so many, from the first one on; None = all.

    Raises:
        ValueError: The archive is damaged, or see `EncodedImages`.
        OSError: The archive cannot be read.
    """

    def __init__(self, path, preparation, labels=None, max_images=None):
        with Path(path).open("rb") as file:
            try:
                with zipfile.ZipFile(file) as archive:
                    places = dict(_zip_places(archive))
            # A damaged table of contents shows as various errors.
            except Exception as error:
                raise ValueError(f"{path} is a damaged zip archive: {error}") from error
        super().__init__(path, path, places, preparation, labels, max_images, "zip")

    def _data(self, index):
        offset, stored, size, crc, method = self._place(index)
        if method == _ENCRYPTED:
            raise SkippedImageError("it is encrypted")
        if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            name = zipfile.compressor_names.get(method, method)
            raise SkippedImageError(f"it is compressed by the method {name}, not by deflate")
        check_size(stored)
        header = self._bytes_at(offset, _LOCAL_HEADER.size)
        signature, name_size, extra_size = _LOCAL_HEADER.unpack(header)
        data = self._bytes_at(offset + len(header) + name_size + extra_size, stored)
        if method == zipfile.ZIP_DEFLATED:
            data = _inflated(data, size)
        if signature != b"PK\3\4" or len(data) != size or zlib.crc32(data) != crc:
            raise SkippedImageError("the archive is damaged: the checksum of the image is wrong")
        return data


class TarSource(_ArchiveSource):
    """All images of a tar archive, sorted by their names.

    A compressed archive has no place where to begin but its start. It is therefore unpacked into a
    temporary tar file, which goes with this object.

    Args:
        path: Path of the archive; it may be compressed by gzip, bzip2 or xz.
        preparation: `ImagePreparation`.
        labels: See `read_labels`.
        max_images: Only so many, from the first one on; None = all.

    Raises:
        ValueError: The archive is damaged, or see `EncodedImages`.
        OSError: The archive cannot be read, or there is no room to unpack it.
    """

    def __init__(self, path, preparation, labels=None, max_images=None):
        copy = uncompressed_copy(path)
        if copy is not None:
            weakref.finalize(self, remove_copy, *copy)
        file = path if copy is None else copy.path
        with Path(file).open("rb") as opened:
            try:
                places = _tar_places(opened)
            except Exception as error:
                raise ValueError(f"{path} is no tar archive, or a damaged one: {error}") from error
        super().__init__(path, file, places, preparation, labels, max_images, "tar")

    def _data(self, index):
        offset, stored, _, _, method = self._place(index)
        if method == _SPARSE:
            raise SkippedImageError("it is stored with holes")
        return self._bytes_at(offset, stored)


def _zip_places(archive):
    for entry in archive.infolist():
        name = _zip_name(entry)
        if entry.is_dir() or not _is_image(name):
            continue
        if entry.header_offset < 0:
            raise ValueError(f"{name} lies before its start")
        encrypted = entry.flag_bits & _ENCRYPTED_FLAG
        method = _ENCRYPTED if encrypted else entry.compress_type
        yield name, (entry.header_offset, entry.compress_size, entry.file_size, entry.CRC, method)


def _zip_name(entry):
    name = entry.filename
    if not entry.flag_bits & _UTF8_FLAG:
        # Many tools write UTF-8 without saying so.
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return _relative(name.replace("\\", "/"))


def _tar_places(file):
    places = {}
    with tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as archive:
        end = -1
        while (entry := archive.next()) is not None:
            # It would keep them all.
            archive.members.clear()
            if archive.offset <= end or entry.size < 0:
                raise ValueError("its files overlap")
            end = archive.offset
            name = _relative(entry.name)
            if entry.islnk() and _relative(entry.linkname) in places:
                places[name] = places[_relative(entry.linkname)]
            elif entry.isreg():
                method = _SPARSE if entry.issparse() else 0
                places[name] = (entry.offset_data, entry.size, entry.size, 0, method)
        # `tarfile` takes a damaged header for the end.
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise ValueError(f"there is neither a file nor an end mark at byte {archive.offset}")
    return {name: place for name, place in places.items() if _is_image(name)}


def _relative(name):
    """A name in an archive without `./` and `/` before it."""
    return PurePosixPath(name).as_posix().lstrip("/")


def _is_image(name):
    # macOS keeps its own notes of each file in a folder of this name.
    return is_image_name(name) and not name.startswith("__MACOSX/")


def _inflated(data, size):
    try:
        # No more than the table of contents says: a bomb stays as small as that.
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size)
    except zlib.error as error:
        raise SkippedImageError(f"the archive is damaged: {error}") from None
