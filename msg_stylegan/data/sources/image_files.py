"""Images in files of any kind: what holds them, and the source that decodes and prepares them."""

import dataclasses
import hashlib
import re
import tarfile
import zipfile
from pathlib import Path

from tqdm import tqdm

from msg_stylegan.data.decoding.picture_reader import is_grayscale
from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.sources.arrays import Source
from msg_stylegan.data.sources.file_stores import (
    FolderStore,
    ListStore,
    RemoteFolderStore,
    is_remote,
)
from msg_stylegan.data.sources.font import FontStore, is_font
from msg_stylegan.data.sources.labels import LABELS_NAME, read_labels
from msg_stylegan.data.sources.selection import left_out, printable
from msg_stylegan.data.sources.tar_archive import is_compressed, open_tar
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
    """`EncodedImages` of the store that `open_store` returns for `path` and `names_encoding`."""
    return EncodedImages(open_store(path, names_encoding), preparation, labels, max_images)


def open_store(path, names_encoding=None):
    """Opens what holds encoded images. What a path is follows from its content.

    Args:
        path: Folder of images, also in sub-folders and on an object store (`gs://bucket/photos`);
            zip or tar archive of such a folder, or a folder without images that holds just one;
            font with colour bitmaps; or text file with the path of one image per line.
        names_encoding: Code page of names in an archive that are not UTF-8; None = unknown.

    Returns:
        A store: a small object that can be pickled, with
            `path`: Text of the path.
            `names`: List of the images' relative paths with forward slashes, sorted; of a list in
                its order; of a font the names of its glyphs, in its order.
            `name(i)`: What messages call an image.
            `data(i)`: Its bytes. Raises `SkippedImageError` if they cannot be had.
            `other_names`: List of the other files that are not hidden; not in copies by `pickle`.
            `read_member(name)`: The bytes of one of these, with the errors of `data`.
            `facts`: Dictionary for the manifest.
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
        raise ValueError(f"{path} is not an archive: `--names_encoding` is for names in archives.")
    _check_encoding(names_encoding)
    return opener(path, names_encoding)


def _only_archive(folder, name, names_encoding):
    """The store of an archive, which whoever gives its folder means."""
    store = open_store(Path(folder.path, name), names_encoding)
    num_others = len(folder.other_names) - 1
    store.notices[:0] = [
        f"It was taken as the only archive in a folder without images, {folder.path}.",
        *left_out(num_others, "other file", "only the archive counts in this folder"),
    ]
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
            f"There is no {path}. Expected a folder of images, a zip or tar archive of images, a "
            "font with colour bitmaps, or a text file with their paths."
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
    if is_font(start):
        return FontStore
    if is_compressed(path) or tarfile.is_tarfile(path):
        return open_tar
    if start.startswith(b"PK\3\4") or zipfile.is_zipfile(path) or path.suffix.lower() == ".zip":
        return open_zip
    return open_tar if path.suffix.lower() in _TAR_ENDINGS else ListStore


class EncodedImages(Source):
    """A source of image files, decoded and prepared; a store has their bytes.

    A copy by `pickle` reads the same images, but has no labels.

    When the preparation leaves the resolution open, the first image that can be read decides, and
    all others must have it without resizing. When it leaves the channels open, headers are read up
    to the first image in colour, so only a source without any colours is grayscale.

    Args:
        store: What `open_store` returns.
        preparation: `ImagePreparation`.
        labels: Where labels come from, as `read_labels` takes it; None for no labels.
        max_images: Only so many images, from the first one on; None = all. Classes remain those of
            all images.

    Attributes:
        warnings: List of texts: what the store has left out, and where labels come from.

    Raises:
        ValueError: No images, none that can be read, labels that do not fit, or a wrong size.
    """

    def __init__(self, store, preparation, labels=None, max_images=None):
        if max_images is not None and max_images < 1:
            raise ValueError(f"`max_images` must be 1 or more. Received: {max_images}")
        if not store.names:
            known = ".png, .jpg, .jpeg, .webp, .bmp, ..."
            raise ValueError(" ".join([f"{store.path} holds no images ({known}).", *store.notices]))
        self._store = store
        try:
            found = read_labels(labels, store)
        except ValueError as error:
            # What was left out, or looks wrong, may be the reason.
            raise ValueError(" ".join([str(error), *store.notices])) from error
        self.warnings = [*(f"{store.path}: {notice}" for notice in store.notices), *found.notices]
        self.labels, self.class_names = found.rows, found.class_names
        names = store.names[:max_images]
        if self.labels is not None:
            self.labels = self.labels[:max_images]
        self.num_images = len(names)
        self._resizes = preparation.resolution is not None
        self._reader = preparation.reader
        self._preparation = self._decided(preparation)
        listing = "\0".join(names).encode("utf-8", "surrogatepass")
        self.description = {
            **store.facts,
            "path": printable(store.path),
            "num_images": self.num_images,
            "names_sha256": hashlib.sha256(listing).hexdigest(),
            "labels": found.origin,
            **self._preparation.description,
        }

    def name(self, index):
        return self._store.name(index)

    def read(self, index):
        """Decodes and prepares an image.

        Returns:
            uint8 `[r, r, C]`.

        Raises:
            SkippedImageError: The file is broken, too small, or cannot be decoded.
            ValueError: The image would need resizing, and no resolution was given.
            OSError: The storage fails.
        """
        side = self._preparation.resolution
        image = self._open(index)
        fits = self._preparation.natural_side(*image.size) == side
        if self._resizes or fits or min(image.size) < self._preparation.min_size:
            return self._preparation.prepare(image)
        width, height = image.size
        raise ValueError(
            f"{self.name(index)} is {width}x{height}, but the first image gives {side}x{side}. "
            f"Choose a resolution to resize all images, for example --resolution={side}."
        )

    def _open(self, index):
        return self._reader.open(self._store.data(index))

    def _decided(self, preparation):
        """The preparation with a resolution and a number of channels."""
        resolution, channels = preparation.resolution, preparation.channels
        if resolution is not None and channels is not None:
            return preparation
        reason = f"All are smaller than {preparation.min_size} pixels."
        readable = False
        for index in tqdm(range(self.num_images), "Checking", unit=" images", delay=1, leave=False):
            try:
                image = self._open(index)
            except SkippedImageError as error:
                reason = f"For example {self.name(index)}: {error}."
                continue
            if min(image.size) < preparation.min_size:
                continue
            readable = True
            resolution = resolution or self._natural_resolution(index, preparation, image.size)
            channels = channels or (None if is_grayscale(image) else 3)
            if channels is not None:
                break
        if not readable:
            raise ValueError(f"{self._store.path}: no image can be used. {reason}")
        return dataclasses.replace(preparation, resolution=resolution, channels=channels or 1)

    def _natural_resolution(self, index, preparation, size):
        side = preparation.natural_side(*size)
        try:
            if side is not None:
                return dataclasses.replace(preparation, resolution=side).resolution
        except ValueError:
            pass
        raise ValueError(
            f"{self.name(index)} is {size[0]}x{size[1]}, which gives no square whose side is a "
            "power of two. Choose a resolution to resize all images, for example --resolution=256."
        )
