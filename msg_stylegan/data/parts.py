"""Parts of a data set: the records of a few successive images, made by one process in one go."""

import contextlib
import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from msg_stylegan.data import pyramid, record_format
from msg_stylegan.data.decoding.remarks import (
    SkippedImageError,
    add_image_remarks,
    remarks_of_image,
)
from msg_stylegan.files import atomic_path, write_json

LEVELS = ("all", "top")

# An interruption can cost a part, and parts wait on the disk for their turn: small enough for both,
# large enough that starting one costs nothing. Bytes of pixels are counted, not of records.
_PART_IMAGES = 256
_PART_BYTES = 32 << 20
_BUFFER_BYTES = 256 << 10


@dataclasses.dataclass(frozen=True)
class Part:
    """The images at the positions `begin` to `end` (exclusive) of the order, all of one shard."""

    number: int
    shard: int
    begin: int
    end: int


def images_per_part(shape):
    """Images of the given shape in a part."""
    return int(min(max(_PART_BYTES // np.prod(shape), 1), _PART_IMAGES))


def plan_parts(num_images, num_shards, part_images):
    """Cuts the positions of all images into shards of equal size, and these into parts.

    Returns:
        List of `Part`, in order.
    """
    parts = []
    for shard in range(num_shards):
        positions = shard_positions(num_images, num_shards, shard)
        for first in positions[::part_images]:
            end = min(first + part_images, positions.stop)
            parts.append(Part(len(parts), shard, first, end))
    return parts


def shard_positions(num_images, num_shards, shard):
    """Positions of the images of a shard in the order: a range."""
    return range(num_images * shard // num_shards, num_images * (shard + 1) // num_shards)


def image_planes(image):
    """Transposes uint8 `[r, r, C]` to `[C, r, r]`, contiguous in memory."""
    # `np.stack` would keep the order in memory of an image that a source has turned.
    return np.ascontiguousarray(np.stack([image[:, :, c] for c in range(image.shape[2])]))


@dataclasses.dataclass(frozen=True)
class PartMaker:
    """Makes the files of parts. Can be pickled, to be sent to a process.

    A part has one file of records per level, and a JSON file that is written last: it exists only
    when the part is finished. The files of a part depend on nothing but its positions.

    Attributes:
        request: The `Request` that says which images, and how they are stored.
        shape: Shape of all images, `(r, r, C)`.
        first_name: Name of the image that determined the shape, for error messages.
        folder: Existing folder for the files of `make`; only that needs it.
    """

    request: object
    shape: tuple
    first_name: str
    folder: Path | None = None

    def make(self, part):
        """Reads the images of a part and writes its files, if they are not there already.

        Raises:
            ValueError: An image cannot be part of this data set.
            OSError: The files cannot be written.
        """
        if result_path(self.folder, part).exists():
            return
        with contextlib.ExitStack() as stack:
            paths = [
                stack.enter_context(atomic_path(path))
                for path in record_paths(self.folder, part, self.resolutions)
            ]
            files = [stack.enter_context(path.open("wb", _BUFFER_BYTES)) for path in paths]
            result = self.write_records(range(part.begin, part.end), files)
        write_json(result_path(self.folder, part), result)

    def write_records(self, positions, files):
        """Writes the records of images.

        Args:
            positions: Positions in the order.
            files: One for each level to be stored, from the largest on, with a method `write`.

        Returns:
            Dictionary: "skipped", a list of `[position, reason]`; "digests" of the pixels of all
            other images; "remarks" on these, see `add_remarks`.
        """
        skipped, digests, remarks = [], [], {}
        for position in positions:
            try:
                with remarks_of_image() as found:
                    planes = image_planes(self.read(position))
            except SkippedImageError as error:
                skipped.append([position, str(error)])
                continue
            add_image_remarks(remarks, position, found)
            # Half of a SHA-256: on today's processors the fastest of the sound hashes.
            digests.append(hashlib.sha256(planes).digest()[:16].hex())
            images = pyramid.image_pyramid(planes) if self.request.levels == "all" else [planes]
            for file, image in zip(files, images, strict=True):
                example = record_format.encode_example(image, self.request.encoding)
                file.write(record_format.frame(example))
        return {"skipped": skipped, "digests": digests, "remarks": remarks}

    @property
    def resolutions(self):
        """Sides of the stored levels, from the largest on."""
        side = self.shape[0]
        return pyramid.pyramid_resolutions(side) if self.request.levels == "all" else [side]

    def read(self, position):
        """Reads and checks one image by its position; uint8 `[r, r, C]`."""
        index = int(self.request.order[position])
        image = self.request.read(index)
        check_image(image, self.request.source.name(index), self.shape, self.first_name)
        return image


def record_paths(folder, part, resolutions):
    """Files of the records of a part, one per level."""
    return [folder / f"{part.number:07d}-{resolution}.records" for resolution in resolutions]


def result_path(folder, part):
    """File that says that a part is finished: what `PartMaker.write_records` returned."""
    return folder / f"{part.number:07d}.json"


def check_image(image, name, shape=None, first_name=None):
    """Checks one image, and that it is like the first one.

    Args:
        image: To be uint8 `[r, r, C]`, `r` a power of two and `C` 1 or 3.
        name: Where the image comes from, for error messages.
        shape: Shape of the first image of the data set; None = this is the first one.
        first_name: Where that image comes from.

    Raises:
        ValueError: The image cannot be part of this data set.
    """
    if image.dtype != np.uint8 or image.ndim != 3:
        raise ValueError(
            f"{name}: expected uint8 [height, width, channels]. "
            f"Received: {image.dtype} {list(image.shape)}"
        )
    height, width, channels = image.shape
    if channels not in (1, 3):
        raise ValueError(f"{name}: expected 1 channel (grayscale) or 3 (RGB). Received: {channels}")
    if height != width:
        raise ValueError(f"{name}: images must be square. This one is {width}x{height}.")
    if not pyramid.is_pyramid_resolution(height):
        raise ValueError(
            f"{name}: the side must be a power of two (8, 16, 32, ..., 1024). "
            f"This image is {width}x{height}."
        )
    if shape is not None and image.shape != tuple(shape):
        raise ValueError(
            f"{name}: all images must be alike. This one is {_describe(image.shape)}, but "
            f"{first_name} is {_describe(shape)}."
        )


def checked_labels(labels, num_images):
    """Returns labels as float32 `[num_images, label_size]`.

    Raises:
        ValueError: They are not finite numbers, or not one row per image.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.shape[0] != num_images or labels.shape[1] < 1:
        raise ValueError(
            f"Expected labels of the shape [{num_images}, label_size], one row per image. "
            f"Received: {list(labels.shape)}"
        )
    labels = labels.astype(np.float32)
    if not np.all(np.isfinite(labels)):
        raise ValueError("Labels must be finite numbers.")
    return labels


def _describe(shape):
    return f"{shape[1]}x{shape[0]} " + ("grayscale" if shape[2] == 1 else "RGB")
