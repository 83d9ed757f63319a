"""Images in files of any kind: what folders, archives and lists have in common."""

import dataclasses
import hashlib

from tqdm import tqdm

from msg_stylegan.data.decoding.picture_reader import is_grayscale
from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.image_names import printable
from msg_stylegan.data.sources.labels import read_labels


class EncodedImages:
    """A source of image files, decoded and prepared; a store has their bytes.

    A copy by `pickle` reads the same images, but has no labels.

    When the preparation leaves the resolution open, the first image that can be read decides, and
    all others must have it without resizing. When it leaves the channels open, headers are read up
    to the first image in colour, so that only a source without any colours is grayscale.

    Args:
        store: What `open_store` returns. Classes follow from its names.
        preparation: `ImagePreparation`.
        labels: See `read_labels`.
        max_images: Only so many, from the first one on; None = all. Classes remain those of all.

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
            # What is left out, or looks wrong, may be the reason.
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

    def __getstate__(self):
        # Copies are for other processes to read images with; labels can be much larger than names.
        return {**self.__dict__, "labels": None}

    def name(self, index):
        return self._store.name(index)

    def read(self, index):
        """Decodes and prepares an image.

        Returns:
            uint8 `[r, r, C]`.

        Raises:
            SkippedImageError: The file is broken, too small, or nothing that can be decoded.
            ValueError: The image would need resizing, and no resolution was given.
            OSError: The storage fails.
        """
        side = self._preparation.resolution
        image = self._opened(index)
        fits = self._preparation.natural_side(*image.size) == side
        if self._resizes or fits or min(image.size) < self._preparation.min_size:
            return self._preparation.prepare(image)
        width, height = image.size
        raise ValueError(
            f"{self.name(index)} is {width}x{height}, but the first image gives {side}x{side}. "
            f"Choose a resolution to resize all images, for example --resolution={side}."
        )

    def _opened(self, index):
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
                image = self._opened(index)
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
