"""Writes multi-resolution TFRecords, byte for byte as the original's `TFRecordExporter`."""

import contextlib
from pathlib import Path

import numpy as np
import tensorflow as tf

from msg_stylegan.data import pyramid, records
from msg_stylegan.files import atomic_directory

RECORDS_SUFFIX = ".tfrecords"
LABELS_SUFFIX = ".labels"


def records_name(name, resolution):
    """File name of one level: `<name>-rNN.tfrecords`, NN the binary logarithm of its side."""
    return f"{name}-r{int(resolution).bit_length() - 1:02d}{RECORDS_SUFFIX}"


def labels_name(name):
    """File name of the labels of all levels."""
    return f"{name}-rxx{LABELS_SUFFIX}"


def shuffled_order(num_images):
    """The order in which the original writes the images of a shuffled data set, int64 `[N]`."""
    order = np.arange(num_images)
    np.random.RandomState(123).shuffle(order)
    return order


class DatasetWriter:
    """Context manager that writes a data set, which appears whole when the block succeeds.

    The folder gets one `<folder>-rNN.tfrecords` per level, full resolution down to 4x4, and
    `<folder>-rxx.labels` if there are labels. After an error or Ctrl-C nothing is left of it.
    Images may be 4x4, as in the original, but networks need 8x8 or more.

    Args:
        directory: Folder to make. It must not exist, or must be empty.

    Raises:
        FileExistsError: The folder exists and is not empty.
        ValueError: On leaving the block: no image was added.
    """

    def __init__(self, directory):
        # `Path` drops a trailing slash, which gave nameless files in the original.
        self.directory = Path(directory).absolute()
        self.num_images = 0
        self.shape = None
        self._first_name = None
        self._levels = []
        self._labels = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._folder = stack.enter_context(atomic_directory(self.directory))
            stack.push(self._finish)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def add_image(self, image, name=None):
        """Adds one image on all levels.

        Args:
            image: uint8 `[r, r, C]`, `r` a power of two and `C` 1 or 3, equal for all images.
            name: Where the image comes from, for error messages.

        Raises:
            ValueError: The image cannot be part of this data set.
        """
        name = name or f"image {self.num_images}"
        image = np.asarray(image)
        self._check(image, name)
        if self.shape is None:
            self._start(image, name)
        planes = [image[:, :, channel] for channel in range(image.shape[2])]
        levels = pyramid.image_pyramid(np.stack(planes))  # [CHW]
        for writer, level in zip(self._levels, levels, strict=True):
            writer.write(records.encode_example(level))
        self.num_images += 1

    def add_labels(self, labels):
        """Adds the labels of all images, to be called once, after the last image.

        Args:
            labels: float32 `[num_images, label_size]`, in the order of the images.

        Raises:
            ValueError: They do not fit the images.
        """
        labels = np.asarray(labels)
        if labels.ndim != 2 or labels.shape[0] != self.num_images or labels.shape[1] < 1:
            raise ValueError(
                f"Expected labels of the shape [{self.num_images}, label_size], one row per image. "
                f"Received: {list(labels.shape)}"
            )
        labels = labels.astype(np.float32)
        if not np.all(np.isfinite(labels)):
            raise ValueError("Labels must be finite numbers.")
        self._labels = labels

    def _check(self, image, name):
        if image.dtype != np.uint8 or image.ndim != 3:
            raise ValueError(
                f"{name}: expected uint8 [height, width, channels]. "
                f"Received: {image.dtype} {list(image.shape)}"
            )
        height, width, channels = image.shape
        if channels not in (1, 3):
            raise ValueError(
                f"{name}: expected 1 channel (grayscale) or 3 (RGB). Received: {channels}"
            )
        if height != width:
            raise ValueError(f"{name}: images must be square. This one is {width}x{height}.")
        if not pyramid.is_pyramid_resolution(height):
            raise ValueError(
                f"{name}: the side must be a power of two (8, 16, 32, ..., 1024). "
                f"This image is {width}x{height}."
            )
        if self.shape is not None and image.shape != self.shape:
            raise ValueError(
                f"{name}: all images must be alike. This one is {_describe(image.shape)}, but "
                f"{self._first_name} is {_describe(self.shape)}."
            )

    def _start(self, image, name):
        self.shape = image.shape
        self._first_name = name
        for resolution in pyramid.pyramid_resolutions(image.shape[0]):
            path = self._folder / records_name(self.directory.name, resolution)
            self._levels.append(tf.io.TFRecordWriter(str(path)))

    def _finish(self, error_type, error, traceback):
        """Runs at the end of the block, before the folder gets its name or is removed."""
        try:
            # Closing is where a full disk shows, so every one of them counts.
            with contextlib.ExitStack() as stack:
                for writer in self._levels:
                    stack.callback(writer.close)
        except tf.errors.OpError:
            # The error that ended the block comes first.
            if error_type is None:
                raise
        if error_type is not None:
            return
        if self.num_images == 0:
            raise ValueError(f"No image was added to {self.directory}.")
        if self._labels is not None:
            if len(self._labels) != self.num_images:
                raise ValueError("Labels must be added after the last image.")
            # `np.save` would add ".npy" to a path, but writes to an open file as it is.
            with (self._folder / labels_name(self.directory.name)).open("wb") as file:
                np.save(file, self._labels)


def _describe(shape):
    return f"{shape[1]}x{shape[0]} " + ("grayscale" if shape[2] == 1 else "RGB")
