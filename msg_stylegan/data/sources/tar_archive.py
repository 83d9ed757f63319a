"""Images of tar archives, which are not unpacked unless they are compressed."""

import contextlib
import tarfile
import weakref
from pathlib import Path

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.archive import ArchiveFile, ArchiveStore, damaged_archive
from msg_stylegan.data.sources.archive_contents import Contents, Link, Place
from msg_stylegan.data.sources.uncompressed_copy import remove_copy, uncompressed_copy
from msg_stylegan.data.sources.zip_names import wrong_encoding
from msg_stylegan.mistaken_file import what_it_is

_SPARSE = 0xFFFE  # As the method of a place.
_READ_BYTES = 1 << 20


def open_tar(path, names_encoding=None):
    """The `ArchiveStore` of a tar archive, or of several that were joined.

    A compressed archive has no place where to begin but its start. It is therefore unpacked into a
    temporary tar file, which goes with the store.

    Args:
        path: Path of the archive; it may be compressed by gzip, bzip2 or xz.
        names_encoding: Code page of the names; None = UTF-8.

    Raises:
        ValueError: The archive is damaged, or something else follows it.
        OSError: The archive cannot be read, or there is no room to unpack it.
    """
    copy = uncompressed_copy(path)
    file = path if copy is None else copy.path
    with contextlib.ExitStack() as stack:
        if copy is not None:
            stack.callback(remove_copy, *copy)
        try:
            with Path(file).open("rb") as opened:
                contents = _read_contents(opened, names_encoding)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: {wrong_encoding(error.object, names_encoding)}") from None
        except Exception as error:
            raise damaged_archive(path, "tar", error, copy and copy.path) from error
        store = ArchiveStore(path, "tar", ArchiveFile(file), contents, _unpacked)
        # Nothing but zeros is an archive of no files.
        if not store.names + store.other_names and (what := what_it_is(file, expected="tar")):
            store.notices.append(what)
        weakref.finalize(store, stack.pop_all().close)
    return store


def _unpacked(file, place, limit):
    if place.method == _SPARSE:
        raise SkippedImageError("it is stored with holes")
    count = place.stored if limit is None else min(place.stored, limit)
    return file.bytes_at(place.offset, count)


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
            where = "behind its end" if end == start else "in it"
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
        if not entry.name.isascii() and not _is_unicode(entry.name):
            contents.undecoded.append(entry.name)


def _is_unicode(name):
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _next_start(file):
    """Where the next archive begins, behind any number of zeros; None at the end of the file."""
    while block := file.read(_READ_BYTES):
        if rest := block.lstrip(b"\0"):
            return file.tell() - len(rest)
    return None
