"""Writes small data sets in one process, byte for byte as the original's `TFRecordExporter`."""

import contextlib
from pathlib import Path

import numpy as np

from msg_stylegan.data.assembly import write_labels
from msg_stylegan.data.dataset_folder import labels_name, records_name
from msg_stylegan.data.parts import (
    check_image,
    checked_labels,
    image_planes,
    image_records,
    level_resolutions,
)
from msg_stylegan.files import atomic_directory


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
        check_image(image, name, self.shape, self._first_name)
        if self.shape is None:
            self._start(image, name)
        records = image_records(image_planes(image), "raw", "all")
        for file, record in zip(self._levels, records, strict=True):
            file.write(record)
        self.num_images += 1

    def add_labels(self, labels):
        """Adds the labels of all images, to be called once, after the last image.

        Args:
            labels: float32 `[num_images, label_size]`, in the order of the images.

        Raises:
            ValueError: They do not fit the images.
        """
        self._labels = checked_labels(labels, self.num_images)

    def _start(self, image, name):
        self.shape = image.shape
        self._first_name = name
        for resolution in level_resolutions(image.shape[0], "all"):
            path = self._folder / records_name(self.directory.name, resolution)
            self._levels.append(path.open("wb"))

    def _finish(self, error_type, error, traceback):
        """Runs at the end of the block, before the folder gets its name or is removed."""
        try:
            # Closing is where a full disk shows, so every one of them counts.
            with contextlib.ExitStack() as stack:
                for file in self._levels:
                    stack.callback(file.close)
        except OSError:
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
            write_labels(self._folder / labels_name(self.directory.name), self._labels)
