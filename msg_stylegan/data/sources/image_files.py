"""Finds out what kind of source of image files a path is."""

import re
import tarfile
import zipfile
from pathlib import Path

from msg_stylegan.data.sources.encoded_images import EncodedImages
from msg_stylegan.data.sources.folder import FolderStore
from msg_stylegan.data.sources.image_list import ListStore
from msg_stylegan.data.sources.image_names import printable
from msg_stylegan.data.sources.labels import LABELS_NAME
from msg_stylegan.data.sources.remote_folder import RemoteFolderStore, is_remote
from msg_stylegan.data.sources.selection import left_out
from msg_stylegan.data.sources.tar_archive import open_tar
from msg_stylegan.data.sources.uncompressed_copy import is_compressed
from msg_stylegan.data.sources.zip_archive import open_zip

_TAR_ENDINGS = (".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz")
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$", re.IGNORECASE)
_UNREAD_ARCHIVES = {
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x1f\x9d": "compress (.Z)",
}


def open_source(path, preparation, labels=None, max_images=None, names_encoding=None):
    """Opens a source of image files: `EncodedImages` of what `open_store` returns.

    Args:
        path: See `open_store`.
        preparation: `ImagePreparation`.
        labels: See `read_labels`.
        max_images: Only so many, from the first one on; None = all.
        names_encoding: See `open_store`.
    """
    return EncodedImages(open_store(path, names_encoding), preparation, labels, max_images)


def open_store(path, names_encoding=None):
    """Opens what holds encoded images. What a path is follows from its content.

    Args:
        path: Folder of images, also in sub-folders and on an object store (`gs://bucket/photos`);
            zip or tar archive of such a folder, or a folder without images that holds just one; or
            text file with the path of one image per line.
        names_encoding: Code page of names in an archive that are not UTF-8; None = not known.

    Returns:
        A store: a small object that can be pickled, with
            `path`: Text of the path.
            `names`: List of the images' relative paths with forward slashes; sorted, but for lists.
            `name(i)`: What messages call an image.
            `data(i)`: Its bytes. Raises `SkippedImageError` if they cannot be had.
            `other_names`: List of the other files that are not hidden; not in copies by `pickle`.
            `read_member(name)`: The bytes of one of these, with the errors of `data`.
            `facts`: Dictionary of what the manifest shall say.
            `notices`: List of sentences: what was left out.

    Raises:
        ValueError: Nothing of this kind, a damaged archive, or one in another code page.
        OSError: A file that cannot be read.
    """
    opener = RemoteFolderStore if is_remote(path) else _opener(Path(path))
    store = None
    if opener is FolderStore:
        store = FolderStore(path)
        archives = [name for name in store.other_names if _ARCHIVE.search(name)]
        if not store.names and len(archives) == 1:
            return _only_archive(store, archives[0], names_encoding)
    if names_encoding is None:
        return store or opener(path)
    if opener not in (open_zip, open_tar):
        raise ValueError(f"{path} is no archive: `--names_encoding` is for names in archives.")
    _check_encoding(names_encoding)
    return opener(path, names_encoding)


def _only_archive(folder, name, names_encoding):
    """The store of the archive that somebody means who gives the folder."""
    store = open_store(Path(folder.path, name), names_encoding)
    num_others = len(folder.other_names) - 1
    store.notices.insert(
        0, f"It was taken as the only archive in a folder without images, {folder.path}."
    )
    store.notices[1:1] = left_out(
        num_others, "other file", "only the archive counts in this folder"
    )
    if LABELS_NAME in folder.other_names:
        path = printable(f"{folder.path}/{LABELS_NAME}")
        store.notices.append(f"Labels beside the archive count only with `--labels {path}`.")
    return store


def _check_encoding(name):
    try:
        b"a".decode(name)
    except (LookupError, ValueError):
        raise ValueError(
            f"`--names_encoding` must be a code page of letters, such as cp932. Received: {name}"
        ) from None


def _opener(path):
    if path.is_dir():
        return FolderStore
    if not path.is_file():
        raise ValueError(
            f"There is no {path}. Expected a folder of images, a zip or tar archive of images, or "
            "a text file with their paths."
        )
    with path.open("rb") as file:
        start = file.read(8)
    for magic, kind in _UNREAD_ARCHIVES.items():
        if start.startswith(magic):
            raise ValueError(
                f"{path} is an archive of the kind {kind}, which is not read. Unpack it and give "
                "the folder of images, or pack that as zip or tar."
            )
    # A tar archive may end with a zip archive in it, by which it would pass for one.
    if is_compressed(path) or tarfile.is_tarfile(path):
        return open_tar
    if start.startswith(b"PK\3\4") or zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
        return open_zip
    return open_tar if path.suffix.lower() in _TAR_ENDINGS else ListStore
