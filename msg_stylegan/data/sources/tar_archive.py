"""Images of tar archives, which are not unpacked unless they are compressed."""

import contextlib
import tarfile
import weakref
from pathlib import Path

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.archive import ArchiveStore, relative_name
from msg_stylegan.data.sources.uncompressed_copy import remove_copy, uncompressed_copy

_SPARSE = 0xFFFE  # As the method of a place.


def open_tar(path):
    """The `ArchiveStore` of a tar archive; of two files of one name the last one counts.

    A compressed archive has no place where to begin but its start. It is therefore unpacked into a
    temporary tar file, which goes with the store.

    Args:
        path: Path of the archive; it may be compressed by gzip, bzip2 or xz.

    Raises:
        ValueError: The archive is damaged.
        OSError: The archive cannot be read, or there is no room to unpack it.
    """
    copy = uncompressed_copy(path)
    file = path if copy is None else copy.path
    with contextlib.ExitStack() as stack:
        if copy is not None:
            stack.callback(remove_copy, *copy)
        try:
            with Path(file).open("rb") as opened:
                places = _places(opened)
        except Exception as error:
            raise ValueError(f"{path} is no tar archive, or a damaged one: {error}") from error
        store = ArchiveStore(path, file, "tar", places, _unpacked)
        weakref.finalize(store, stack.pop_all().close)
    return store


def _unpacked(bytes_at, offset, stored, size, crc, method):
    if method == _SPARSE:
        raise SkippedImageError("it is stored with holes")
    return bytes_at(offset, stored)


def _places(file):
    places = {}
    with tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as archive:
        end = -1
        while (entry := archive.next()) is not None:
            # It would keep them all.
            archive.members.clear()
            if archive.offset <= end or entry.size < 0:
                raise ValueError("its files overlap")
            end = archive.offset
            name = relative_name(entry.name)
            if entry.islnk() and relative_name(entry.linkname) in places:
                places[name] = places[relative_name(entry.linkname)]
            elif entry.isreg():
                method = _SPARSE if entry.issparse() else 0
                places[name] = (entry.offset_data, entry.size, entry.size, 0, method)
        # `tarfile` takes a damaged header for the end.
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise ValueError(f"there is neither a file nor an end mark at byte {archive.offset}")
    return places
