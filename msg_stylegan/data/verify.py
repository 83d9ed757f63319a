"""Checks a whole data set: every checksum, every record, and all levels against each other."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from msg_stylegan.data import pyramid
from msg_stylegan.data.records import FOOTER_SIZE, HEADER_SIZE, RecordError, parse_example

_TRUNCATED = "the file ends inside it"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a sound data set holds.

    Attributes:
        num_images: Number of images, on every level.
        resolution: Side of the largest level.
        num_channels: 1 or 3.
        label_size: Numbers per label; 0 = no labels.
    """

    num_images: int
    resolution: int
    num_channels: int
    label_size: int


def verify(directory):
    """Reads all of a data set and checks it.

    Found are: wrong checksums, truncated or foreign files, wrong shapes, missing levels, levels
    with different numbers of images, levels that are not the 2x2 means of the full resolution, and
    labels of the wrong type or number. The labels have no checksum in this format.

    Args:
        directory: Folder of the data set.

    Returns:
        `Facts`.

    Raises:
        RecordError: The data set is not sound. The message names the first problem: the file and,
            where it applies, the record number (counted from 0) and its position in bytes.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise RecordError(f"There is no folder {directory}.")
    levels = _open_levels(directory)
    num_images, num_channels = _check_records(levels)
    label_paths = sorted(directory.glob("*.labels"))
    if len(label_paths) > 1:
        raise RecordError(f"There are two files of labels: {label_paths[0]}, {label_paths[1]}.")
    label_size = _check_labels(label_paths[0], num_images) if label_paths else 0
    return Facts(
        num_images=num_images,
        resolution=levels[0].resolution,
        num_channels=num_channels,
        label_size=label_size,
    )


class _Level:
    """One file, read from the first to the last record with all checksums."""

    def __init__(self, path, resolution):
        self.path = path
        self.resolution = resolution
        self.record = -1
        self.offset = 0
        self._next_offset = 0
        self._payloads = iter(tf.data.TFRecordDataset(str(path)))

    def next_image(self):
        """Returns the next image, uint8 `[C, H, W]`, or None after the last."""
        self.record += 1
        self.offset = self._next_offset
        try:
            payload = next(self._payloads).numpy()
            shape, start = parse_example(payload)
        except StopIteration:
            # TensorFlow takes a last, incomplete header for the end of the file.
            if self._next_offset != self.path.stat().st_size:
                raise self.error(_TRUNCATED) from None
            return None
        except tf.errors.DataLossError as error:
            truncated = "truncated" in error.message
            reason = _TRUNCATED if truncated else "its checksum is wrong"
            raise self.error(reason) from None
        except RecordError as error:
            raise self.error(str(error)) from None
        self._next_offset += HEADER_SIZE + len(payload) + FOOTER_SIZE
        if shape[1:] != (self.resolution, self.resolution):
            raise self.error(
                f"its image is {shape[2]}x{shape[1]} instead of {self.resolution}x{self.resolution}"
            )
        return np.frombuffer(payload, np.uint8, shape[0] * shape[1] * shape[2], start).reshape(
            shape
        )

    def estimated_records(self):
        """Number of records of the file if all are as long as the ones so far."""
        return self.path.stat().st_size * (self.record + 1) // self._next_offset

    def error(self, reason):
        return RecordError(f"{self.path}, record {self.record} at byte {self.offset}: {reason}")


def _open_levels(directory):
    """The levels from full resolution down to 4x4, by their file names."""
    levels = {}
    for path in sorted(directory.glob("*.tfrecords")):
        match = re.search(r"-r(\d\d)\.tfrecords$", path.name)
        if not match:
            raise RecordError(f"{path}: the name does not end in -rNN.tfrecords.")
        resolution = 2 ** int(match[1])
        if resolution in levels:
            raise RecordError(f"{path} and {levels[resolution].path} are the same level.")
        levels[resolution] = _Level(path, resolution)
    if not levels:
        raise RecordError(f"{directory} holds no .tfrecords file.")
    largest = max(levels)
    if not pyramid.is_pyramid_resolution(largest):
        raise RecordError(f"{levels[largest].path}: the smallest level of a data set is -r02, 4x4.")
    expected = pyramid.pyramid_resolutions(largest)
    missing = sorted(set(expected) - set(levels))
    if missing:
        numbers = ", ".join(f"-r{resolution.bit_length() - 1:02d}" for resolution in missing)
        raise RecordError(f"{directory} lacks levels: there is no file {numbers}.")
    extra = sorted(set(levels) - set(expected))
    if extra:
        raise RecordError(f"{levels[extra[0]].path} is below the smallest level, 4x4.")
    return [levels[resolution] for resolution in expected]


def _check_records(levels):
    """Checks all records of all levels side by side; returns `(num_images, num_channels)`."""
    full = levels[0]
    num_channels = None
    with tqdm(desc="Checking", unit=" images") as progress:
        while True:
            images = [level.next_image() for level in levels]
            if all(image is None for image in images):
                break
            for level, image in zip(levels, images, strict=True):
                if image is None:
                    raise RecordError(_end_of(level))
                if image.shape[0] not in (1, 3):
                    raise level.error(f"its image has {image.shape[0]} channels")
                num_channels = num_channels or image.shape[0]
                if image.shape[0] != num_channels:
                    raise level.error(
                        f"its image has {image.shape[0]} channels, earlier ones {num_channels}"
                    )
            expected = pyramid.image_pyramid(images[0])
            for level, image, mean in zip(levels, images, expected, strict=True):
                if not np.array_equal(image, mean):
                    raise level.error(f"its image is not the 2x2 mean of that in {full.path}")
            if full.record == 0:
                progress.total = full.estimated_records()
            progress.update()
    if full.record == 0:
        raise RecordError(_end_of(full))
    return full.record, num_channels


def _end_of(level):
    if level.record == 0:
        return f"{level.path} is empty."
    return f"{level.path} ends after {level.record} records, others go on."


def _check_labels(path, num_images):
    try:
        labels = np.load(path, mmap_mode="r")
    except Exception as error:
        # A damaged header of this format can fail in many ways.
        raise RecordError(f"{path} is not a file of labels: {error}") from error
    if labels.dtype != np.float32:
        raise RecordError(f"{path} holds {labels.dtype} numbers instead of float32.")
    if labels.ndim != 2 or labels.shape[0] != num_images:
        raise RecordError(
            f"{path} has the shape {list(labels.shape)}, expected {num_images} rows of numbers."
        )
    for begin in range(0, num_images, 65536):
        finite = np.isfinite(labels[begin : begin + 65536]).all(axis=1)
        if not finite.all():
            raise RecordError(f"{path}, row {begin + int(np.argmin(finite))}: not a finite number.")
    return labels.shape[1]
