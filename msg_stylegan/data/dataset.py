"""A data set on disk: its facts, images and labels, by record number.

Follows `TFRecordDataset` of the original, of which it reads all files.
"""

import copy
import hashlib
import os
from pathlib import Path

import numpy as np

from msg_stylegan.command_names import called
from msg_stylegan.data import pyramid
from msg_stylegan.data.dataset_folder import (
    MANIFEST_NAME,
    content_fingerprint,
    find_levels,
    open_labels,
    read_manifest,
)
from msg_stylegan.data.how_to_make import how_to_make
from msg_stylegan.data.record_file import RecordFiles
from msg_stylegan.mistaken_file import what_it_is

_FULL_HASH_BYTES = 64 << 20
_BLOCK_BYTES = 64 << 10
_NUM_BLOCKS = 1000

_BATCH_BYTES = 16 << 20


class TFRecordDataset:
    """The images and labels in a folder of multi-resolution TFRecords.

    Images are not kept in memory. Several threads may read at once.

    Args:
        path: Folder of a data set, made here or by the original system.
        resolution: Side of the images to return, at most the stored one; 0 = the stored one.
        max_label_size: Numbers per label to return: 0 = none, -1 = all, n = the first n.

    Attributes:
        path: `pathlib.Path` of the folder.
        name: Last component of the path.
        num_images: Number of images.
        resolution: Side of the images as returned.
        stored_resolution: Side of the largest level on disk.
        num_channels: 1 (grayscale) or 3 (RGB).
        encoding: How the images are stored: "raw", "png" or "jpeg".
        shape: `(resolution, resolution, num_channels)`.
        label_size: Numbers per label as returned.
        stored_label_size: Numbers per label on disk.

    Raises:
        ValueError: The folder is not a data set, or does not have what is asked for.
    """

    def __init__(self, path, resolution=0, max_label_size=0):
        self.path = Path(path)
        self.name = self.path.absolute().name
        levels = self._find_levels()
        self._manifest = read_manifest(self.path)
        self.stored_resolution = max(levels)
        full = self._open_level(levels, self.stored_resolution)
        self.num_images = full.num_records
        self.num_channels = full.shape[0]

        self.resolution = self._effective_resolution(resolution)
        # Unlike in the original, a lower resolution is really read or computed.
        self._records = full
        if self.resolution != self.stored_resolution and self.resolution in levels:
            self._records = self._open_level(levels, self.resolution)
            self._check_alike(self._records, full)
            full.close()
        self.encoding = self._records.encoding

        self._labels_path = next(iter(sorted(self.path.glob("*.labels"))), None)
        self.stored_label_size = 0
        if self._labels_path is not None:
            self._labels = open_labels(self._labels_path, self.num_images)
            self.stored_label_size = self._labels.shape[1]
        self.label_size = self._effective_label_size(max_label_size)
        self.shape = (self.resolution, self.resolution, self.num_channels)
        self._fingerprint = None
        # Numbers of the records in use, or None for all.
        self._chosen = None

    def subset(self, num_images, seed):
        """The same data set with some of its images only, chosen at random.

        Args:
            num_images: How many, at most those that there are.
            seed: Decides which ones. Those of a smaller number are among those of a larger one.

        Returns:
            A `TFRecordDataset` that shares the open files of this one.
        """
        if not 1 <= num_images <= self.num_images:
            raise ValueError(
                f"`num_images` must be from 1 to {self.num_images}, the images of {self.path}. "
                f"Received: {num_images}"
            )
        result = copy.copy(self)
        # Not `Generator.permutation`: what it gives may change with the version of numpy.
        bits = np.random.PCG64(np.random.SeedSequence([seed, self.num_images]))
        order = np.argsort(bits.random_raw(self.num_images), kind="stable")
        result._chosen = np.sort(self._record_numbers(order[:num_images]))
        result.num_images = num_images
        result._fingerprint = None
        return result

    @property
    def record_numbers(self):
        """Numbers of the images in the whole data set, int64 `[num_images]`."""
        return self._record_numbers(np.arange(self.num_images))

    def at_resolution(self, resolution):
        """The same images and labels with another side."""
        if resolution == self.resolution:
            return self
        result = TFRecordDataset(self.path, resolution, self.label_size)
        result._chosen, result.num_images = self._chosen, self.num_images
        return result

    def read_images(self, indices):
        """Reads images by record number; uint8 `[N, resolution, resolution, num_channels]`."""
        images = self._records.read(self._record_numbers(indices))  # [NCHW]
        if images.shape[2] != self.resolution:
            levels = [pyramid.downsample(image, self.resolution) for image in images]
            empty = np.empty((0, self.num_channels, self.resolution, self.resolution), np.uint8)
            images = np.stack(levels) if levels else empty
        result = np.empty((len(images), *self.shape), np.uint8)
        # Channel by channel, this is five times as fast as copying the transposed array at once.
        for channel in range(self.num_channels):
            result[..., channel] = images[:, channel]  # [NHW]
        return result

    def read_labels(self, indices):
        """Reads labels by record number; float32 `[N, label_size]`."""
        indices = self._record_numbers(indices)
        if self.label_size == 0:
            return np.zeros((len(indices), 0), np.float32)
        return np.asarray(self._labels[indices, : self.label_size], np.float32)

    def iterate_images(self, batch_size, order=None):
        """Yields batches of images.

        Args:
            batch_size: Images per batch; the last one may be shorter.
            order: Record numbers, any of them any number of times; None for each once, in order.

        Yields:
            uint8 `[n, resolution, resolution, num_channels]`.
        """
        order = np.arange(self.num_images) if order is None else order
        for start in range(0, len(order), batch_size):
            yield self.read_images(order[start : start + batch_size])

    def fingerprint(self):
        """Identifies the content that this object returns, whatever its path and dates.

        If there is a manifest, its checksums of the files count, and nothing is read. Otherwise,
        files of up to 64 MiB in all are hashed whole. Of larger ones the sizes, the first and the
        last block and 1000 blocks evenly between them count, each of 64 KiB: a data set that was
        made again differs, one pixel changed by hand may not.

        Returns:
            SHA-256, as 64 hexadecimal digits.
        """
        if self._fingerprint is None:
            paths = self._records.paths
            if self.label_size:
                paths = [*paths, self._labels_path]
            if self._manifest is None:
                self._fingerprint = _sampled_fingerprint(self.shape, self.label_size, paths)
            else:
                sha256s = [self._listed(path)["sha256"] for path in paths]
                self._fingerprint = content_fingerprint(self.shape, self.label_size, sha256s)
            if self._chosen is not None:
                text = f"{self._fingerprint} {self._chosen.tolist()}"
                self._fingerprint = hashlib.sha256(text.encode()).hexdigest()
        return self._fingerprint

    def _record_numbers(self, indices):
        """Numbers in the files of images that are named by number, int64 `[N]` both."""
        indices = np.asarray(indices, np.int64).reshape(-1)
        if len(indices) and not 0 <= indices.min() <= indices.max() < self.num_images:
            raise IndexError(f"Image {indices.min()} or {indices.max()} of {self.num_images}.")
        return indices if self._chosen is None else self._chosen[indices]

    def _find_levels(self):
        if not self.path.is_dir():
            raise ValueError(
                f"There is no folder {self.path}. Make the data set by `{how_to_make(self.path)}`."
            )
        levels = find_levels(self.path)
        if not levels:
            raise ValueError(
                f"{self.path} has no .tfrecords file. Expected a data set made "
                f"by `{called('dataset')}`."
            )
        return levels

    def _open_level(self, levels, resolution):
        paths = levels[resolution]
        if self._manifest is not None:
            # All images of a shard may have been skipped. Without a manifest, an empty file is
            # damaged.
            paths = [path for path in paths if self._listed(path)["records"]]
            if not paths:
                raise ValueError(f"{self.path} has no images, according to its {MANIFEST_NAME}.")
        records = RecordFiles(paths)
        channels, height, width = records.shape
        if (height, width) != (resolution, resolution) or not pyramid.is_pyramid_resolution(height):
            raise ValueError(f"{paths[0]}: images of {width}x{height} cannot be used.")
        if channels not in (1, 3):
            raise ValueError(f"{paths[0]}: images with {channels} channels cannot be used.")
        return records

    def _listed(self, path):
        """The entry of a file in the manifest."""
        facts = self._manifest["files"].get(path.name)
        size = path.stat().st_size
        if facts is None or facts["bytes"] != size:
            expected = "is not listed" if facts is None else f"is listed with {facts['bytes']}"
            advice = (
                what_it_is(path)
                or f"Run `{called('dataset')} verify {self.path}`; the data set must be made again."
            )
            raise ValueError(
                f"{path} has {size} bytes, but {expected} in {MANIFEST_NAME}. {advice}"
            )
        return facts

    def _check_alike(self, records, full):
        if records.num_records != full.num_records:
            raise ValueError(
                f"{records.paths[0]} holds {records.num_records} records, but {full.paths[0]} "
                f"holds {full.num_records}. Run `{called('dataset')} verify {self.path}`."
            )
        if records.shape[0] != full.shape[0]:
            raise ValueError(f"The files in {self.path} differ in their number of channels.")

    def _effective_resolution(self, resolution):
        if resolution == 0:
            return self.stored_resolution
        if not pyramid.is_pyramid_resolution(resolution):
            raise ValueError(
                f"`dataset.resolution` must be a power of two, or 0. Received: {resolution}"
            )
        if resolution > self.stored_resolution:
            raise ValueError(
                f"{self.path} holds images of {self.stored_resolution}x{self.stored_resolution}, "
                f"but {resolution}x{resolution} are wanted. In a training, give "
                f"`dataset.resolution` at most {self.stored_resolution}, or 0."
            )
        return resolution

    def _effective_label_size(self, max_label_size):
        if max_label_size < -1:
            raise ValueError(
                "`dataset.max_label_size` must be 0 (none), -1 (all) or a positive number. "
                f"Received: {max_label_size}"
            )
        if max_label_size > self.stored_label_size:
            raise ValueError(
                f"`dataset.max_label_size` is {max_label_size}, but {self.path} has "
                f"{self.stored_label_size or 'no'} numbers per label. Use -1 for all of them."
            )
        return self.stored_label_size if max_label_size == -1 else max_label_size


def _sampled_fingerprint(shape, label_size, paths):
    sizes = [path.stat().st_size for path in paths]
    digest = hashlib.sha256(repr((shape, label_size, sizes)).encode())
    for path, size in zip(paths, sizes, strict=True):
        _hash_file(digest, path, size, whole=sum(sizes) <= _FULL_HASH_BYTES)
    return digest.hexdigest()


def _hash_file(digest, path, size, whole):
    with path.open("rb") as file:
        if whole:
            while block := file.read(1 << 20):
                digest.update(block)
            return
        last = max(size - _BLOCK_BYTES, 0)
        for offset in sorted({last * k // (_NUM_BLOCKS + 1) for k in range(_NUM_BLOCKS + 2)}):
            file.seek(offset, os.SEEK_SET)
            digest.update(file.read(_BLOCK_BYTES))


def label_batches(dataset, num_images=None):
    """Yields the labels of a data set in order, float32 `[n, label_size]`, a few MiB at a time.

    Args:
        dataset: `TFRecordDataset` with labels.
        num_images: How many labels, from the first on; None = those of all images.
    """
    stop = dataset.num_images if num_images is None else num_images
    size = max(1, _BATCH_BYTES // (4 * dataset.label_size))
    for start in range(0, stop, size):
        yield dataset.read_labels(np.arange(start, min(start + size, stop)))


def classes_of(dataset):
    """Class of each image, int64 `[N]`; None without labels or if one is not one-hot."""
    if not dataset.label_size:
        return None
    classes = []
    for labels in label_batches(dataset):
        ones, zeros = np.count_nonzero(labels == 1, axis=1), np.count_nonzero(labels == 0, axis=1)
        if np.any(ones != 1) or np.any(zeros != dataset.label_size - 1):
            return None
        classes.append(labels.argmax(axis=1))
    return np.concatenate(classes)


def class_names_of(dataset):
    """Names of the classes, or of the entries of a label: list of `label_size`, or None."""
    names = (read_manifest(dataset.path) or {}).get("class_names")
    return names if names and len(names) == dataset.label_size else None
