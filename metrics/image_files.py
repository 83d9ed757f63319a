"""Images in files, from whatever made them, as metrics read them: folder, zip archive, TFRecords.

Pixels are those that pytorch-fid, clean-fid and torch-fidelity see, which all use
`Image.open(file).convert("RGB")` of Pillow: an alpha channel is dropped without blending, CMYK and
palettes become RGB, of several frames the first one counts, and a rotation in EXIF data is not
applied. One thing differs: grayscale of 16 bits is scaled to 8, where those tools clip it to white.
"""

import hashlib
import io
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.sources import decoding, image_paths, is_image_name, read_in_order

# Raise it when the same files give other pixels.
_VERSION = 1

_READ_BYTES = 1 << 20


def open_images(path, resolution=0, max_label_size=0):
    """Opens images to be scored. What a path is follows from its content, not from its name.

    Args:
        path: Folder of images, also in sub-folders; or a zip archive of such a folder, which is
            not unpacked; or a folder of TFRecords that `dataset_tool.py` has made. Hidden files
            and files whose ending is not that of an image are left out.
        resolution: For TFRecords, see `TFRecordDataset`.
        max_label_size: For TFRecords, see `TFRecordDataset`.

    Returns:
        `ImageFiles`, or `TFRecordDataset`, which has the same attributes and methods.

    Raises:
        ValueError: Nothing of this kind, no images, or an image that cannot be read.
        OSError: A file that may not be read.
    """
    path = Path(path)
    if path.is_dir():
        if any(path.glob("*.tfrecords")):
            return TFRecordDataset(path, resolution, max_label_size)
        return ImageFiles(path, _Folder(path))
    if not path.exists():
        raise ValueError(f"There is no {path}. Expected a folder, a zip archive or TFRecords.")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is no zip archive, or a damaged one. Expected a folder of images, a zip "
            "archive of images, or a folder of TFRecords."
        )
    return ImageFiles(path, _Archive(path))


class ImageFiles:
    """Images of a folder or a zip archive, always RGB, in the order of their relative paths.

    Attributes:
        path: The path.
        name: Its last component.
        num_images: Number of images.
        shape: `(height, width, 3)` of all images, or None when they differ in size.

    Raises:
        ValueError: No images, or one whose header cannot be read.
    """

    def __init__(self, path, storage):
        self.path = Path(path)
        self.name = self.path.absolute().name
        self.num_images = storage.num_images
        if not self.num_images:
            raise ValueError(f"{path} holds no images.")
        self._storage = storage
        # All headers are read at once: errors show before the hours of work.
        sizes = {storage.size(i) for i in _progress(range(self.num_images), "Checking")}
        self.shape = (*sizes.pop(), 3) if len(sizes) == 1 else None
        self._fingerprint = None

    def iterate_images(
        self, batch_size, num_images=None, mirror=False, seed=0, start=0, order=None
    ):
        """Yields batches in order, again from the first image after the last one.

        Args:
            batch_size: Images per batch. The last one may be shorter, and so is one before an
                image of another size.
            num_images: Images in all; None = as many as there are.
            start: Position of the first image; from `num_images` of this object on, positions
                count on into the next round.
            mirror: Whether each image is flipped left to right with probability 1/2, by the same
                draws as in `TFRecordDataset.iterate_images`.
            seed: Decides which ones, together with the position: the batch size does not matter.
            order: Whole numbers `[num_images]`: which image has which position. None for that of
                the paths.

        Yields:
            uint8 `[n, height, width, 3]`.

        Raises:
            ValueError: An image that cannot be read; the message names it.
        """
        count = self.num_images if num_images is None else num_images
        flip = np.zeros(count, bool)
        if mirror:
            flip = np.random.PCG64(seed).advance(start).random_raw(count) >> np.uint64(63) == 1
        positions = (position % self.num_images for position in range(start, start + count))
        numbers = positions if order is None else (order[position] for position in positions)
        batch = []
        images = read_in_order(self._storage, numbers, num_threads=os.cpu_count() or 1)
        for flipped, (_, image) in zip(flip, images, strict=True):
            if batch and (len(batch) == batch_size or image.shape != batch[0].shape):
                yield np.stack(batch)
                batch = []
            batch.append(image[:, ::-1] if flipped else image)
        if batch:
            yield np.stack(batch)

    def fingerprint(self):
        """Identifies the content, whatever the path and the dates are: 64 hexadecimal digits.

        Sizes and CRC-32 of all image files count; names and order do not. A zip archive has the
        same fingerprint as the folder in it. Files in a folder are read whole for it.
        """
        if self._fingerprint is None:
            digest = hashlib.sha256(f"images {_VERSION}".encode())
            numbers = _progress(range(self.num_images), "Fingerprint")
            for checksum in sorted(map(self._storage.checksum, numbers)):
                digest.update(repr(checksum).encode())
            self._fingerprint = digest.hexdigest()
        return self._fingerprint


class _Storage:
    """Encoded images by number; subclasses know where they lie. May be used by many threads."""

    def read(self, index):
        """Decodes an image; uint8 `[H, W, 3]`."""
        with decoding(self.name(index)):
            with self.open(index) as file:
                # To its end, as Pillow may not: only there an archive compares its checksum.
                data = file.read()
            with Image.open(io.BytesIO(data)) as image:
                return _to_rgb(image)

    def size(self, index):
        """`(height, width)`, without decoding."""
        with decoding(self.name(index)), self.open(index) as file, Image.open(file) as image:
            return image.height, image.width


class _Folder(_Storage):
    def __init__(self, path):
        self._paths = image_paths(path)
        self.num_images = len(self._paths)

    def name(self, index):
        return str(self._paths[index])

    def open(self, index):
        return self._paths[index].open("rb")

    def checksum(self, index):
        """Size and CRC-32 of the file."""
        size = checksum = 0
        with self.open(index) as file:
            while block := file.read(_READ_BYTES):
                size += len(block)
                checksum = zlib.crc32(block, checksum)
        return size, checksum


class _Archive(_Storage):
    def __init__(self, path):
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        # A damaged table of contents shows as various errors.
        except Exception as error:
            raise ValueError(f"{path} is a damaged zip archive: {error}") from error
        found = {info.filename: info for info in self._archive.infolist() if _is_image(info)}
        self._entries = [found[name] for name in sorted(found)]
        self.num_images = len(self._entries)

    def name(self, index):
        return f"{self._path}/{self._entries[index].filename}"

    def open(self, index):
        return self._archive.open(self._entries[index])

    def checksum(self, index):
        entry = self._entries[index]
        return entry.file_size, entry.CRC


def _is_image(entry):
    # macOS keeps its own notes of each file in a folder of this name.
    ours = not entry.filename.startswith("__MACOSX/")
    return ours and not entry.is_dir() and is_image_name(entry.filename)


def _to_rgb(image):
    """Pixels of an opened image of Pillow; uint8 `[H, W, 3]`."""
    # Pillow before version 11 opens PNG files of 16 bits with the mode "I".
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        # As Pillow does with RGB of 16 bits. Its `convert` would clip.
        gray = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(gray[:, :, np.newaxis], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError(
            f"mode {image.mode} does not say which number is white. Convert it to 8 bits first."
        )
    # Has no effect on the colours, but Pillow warns of it.
    image.info.pop("transparency", None)
    return np.asarray(image.convert("RGB"))


def _progress(items, description):
    return tqdm(items, desc=description, unit="img", delay=1, leave=False, disable=None)
