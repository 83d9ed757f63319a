"""Finds out what kind of source of image files a path is."""

import tarfile
import zipfile
from pathlib import Path

from msg_stylegan.data.sources.archive import TarSource, ZipSource
from msg_stylegan.data.sources.folder import FolderSource
from msg_stylegan.data.sources.image_list import ListSource
from msg_stylegan.data.sources.remote_folder import RemoteFolderSource, is_remote
from msg_stylegan.data.sources.uncompressed_copy import is_compressed


def open_source(path, preparation, labels=None, max_images=None):
    """Opens a source of image files. What a path is follows from its content.

    Args:
        path: Folder of images, also in sub-folders and on an object store (`gs://bucket/photos`);
            zip or tar archive of such a folder; or text file with the path of one image per line.
        preparation: `ImagePreparation`.
        labels: See `read_labels`.
        max_images: Only so many, from the first one on; None = all.

    Returns:
        `FolderSource`, `RemoteFolderSource`, `ZipSource`, `TarSource` or `ListSource`.

    Raises:
        ValueError: Nothing of this kind, no images, none that can be read, labels that do not fit.
        OSError: A file that cannot be read.
    """
    kind = RemoteFolderSource if is_remote(path) else _kind(Path(path))
    return kind(path, preparation, labels, max_images)


def _kind(path):
    if path.is_dir():
        return FolderSource
    if not path.is_file():
        raise ValueError(
            f"There is no {path}. Expected a folder of images, a zip or tar archive of images, or "
            "a text file with their paths."
        )
    # A tar archive may end with a zip archive in it, by which it would pass for one.
    if is_compressed(path) or tarfile.is_tarfile(path):
        return TarSource
    if zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
        return ZipSource
    return TarSource if path.suffix.lower() == ".tar" else ListSource
