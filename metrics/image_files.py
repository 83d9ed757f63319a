"""Images in files, from whatever made them, as metrics read them: folder, archive, list, TFRecords.

Files become pixels by the rules of the data set tool, see `PictureReader`. Plain RGB and grayscale
files have the pixels that pytorch-fid, clean-fid and torch-fidelity see. These tools drop an alpha
channel without blending, do not turn rotated photographs upright, ignore colour profiles and clip
grayscale of 16 bits to white. The pixels of such files differ on purpose: they are those of a data
set made from the same files.
"""

import collections
import concurrent.futures
import hashlib
import os
import sys
import zlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from msg_stylegan.command_names import called
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.dataset_folder import find_levels
from msg_stylegan.data.decoding.picture_reader import VERSION, PictureReader, upright_size
from msg_stylegan.data.decoding.remarks import (
    SkippedImageError,
    add_image_remarks,
    remarks_of_image,
    sentences,
)
from msg_stylegan.data.sources import open_store

# Bounds of the memory for decoded images: of those that are read ahead, and of a batch.
_READ_AHEAD_BYTES = 2**30
_BATCH_BYTES = 2**28

# What a pixel takes while it is decoded, in Pillow and as an array.
_DECODING_BYTES = 8


def open_images(path, resolution=0, max_label_size=0, reader=None, skip_broken=False):
    """Opens images to be scored. What a path is follows from its content, not from its name.

    Args:
        path: A folder of TFRecords, or see `open_store`.
        resolution: For TFRecords, side of the images to return; 0 for the stored one.
        max_label_size: For TFRecords, numbers per label: 0 for none, -1 for all.
        reader: For files, `PictureReader`; None for one with the usual rules.
        skip_broken: For files, see `ImageFiles`.

    Returns:
        `ImageFiles`, or `TFRecordDataset`, which has the same attributes and methods.

    Raises:
        ValueError: Nothing of this kind, no images, or an image that cannot be read.
        OSError: A file that may not be read.
    """
    if Path(path).is_dir() and find_levels(path):
        return TFRecordDataset(path, resolution, max_label_size)
    return ImageFiles(open_store(path), reader or PictureReader(), skip_broken)


class ImageFiles:
    """Images of a store, always RGB, in the order of the store.

    What is left out, and what is odd about images, is reported on stderr, once.

    Args:
        store: See `open_store`.
        reader: `PictureReader`.
        skip_broken: Whether images that cannot be used are left out instead of being an error. To
            find them, all images are decoded at once.

    Attributes:
        path: The path, a text.
        name: Its last component.
        num_images: Number of images.
        shape: `(height, width, 3)` of all images, or None when they differ in size.
        uneven: What to say of images that differ in size or are not square; None if none do.

    Raises:
        ValueError: No images, or one that cannot be used, if its header shows that.
    """

    def __init__(self, store, reader, skip_broken=False):
        self.path = store.path
        self.name = Path(store.path).absolute().name
        self._store, self._reader = store, reader
        self._num_threads = os.cpu_count() or 1
        for notice in store.notices:
            _tell(f"{self.path}: {notice}")
        # All headers are read at once: errors show before the hours of work.
        headers, reasons = self._looked_through(self._header, range(len(store.names)), skip_broken)
        self._num_threads = _num_threads(size for size, _ in headers.values())
        if skip_broken:
            sound, more = self._looked_through(self._decode, headers, skip_broken)
            headers, reasons = {index: headers[index] for index in sound}, reasons | more
        if reasons:
            first = min(reasons)
            _tell(
                f"{self.path}: {len(reasons)} of {len(store.names)} images cannot be used and are "
                f"left out. The first one: {store.name(first)}: {reasons[first]}."
            )
        if not headers:
            raise ValueError(f"{self.path} holds no images{' that can be used' * bool(reasons)}.")
        self._indices = list(headers)
        self.num_images = len(headers)
        sizes = {size for size, _ in headers.values()}
        self.shape = (*sizes.pop(), 3) if len(sizes) == 1 else None
        self.uneven = unevenness(
            self.path, [(store.name(index), size) for index, (size, _) in headers.items()]
        )
        rules = VERSION, reader.background, reader.value_range
        content = repr([rules, *sorted(checksum for _, checksum in headers.values())])
        self._fingerprint = hashlib.sha256(content.encode()).hexdigest()
        self._unread = set(range(self.num_images))
        self._remarks = {}

    def iterate_images(self, batch_size, order=None):
        """Yields batches of images.

        Args:
            batch_size: Images per batch. The last one may be shorter, and so is one before an
                image of another size, and one of very large images.
            order: Numbers of images, any of them any number of times; None for each once, in the
                order of the paths.

        Yields:
            uint8 `[n, height, width, 3]`.

        Raises:
            ValueError: An image that cannot be read; the message names it.
        """
        batch = []
        for image in self._images(range(self.num_images) if order is None else order):
            is_full = len(batch) == batch_size or len(batch) * image.nbytes >= _BATCH_BYTES
            if batch and (is_full or image.shape != batch[0].shape):
                yield np.stack(batch)
                batch = []
            batch.append(image)
        if batch:
            yield np.stack(batch)

    def fingerprint(self):
        """Identifies the content, whatever the path and the dates are: 64 hexadecimal digits.

        Sizes and CRC-32 of all image files count, and the rules of reading; names and order do not,
        nor whether the files lie in a folder or in an archive.
        """
        return self._fingerprint

    def _images(self, numbers):
        """Yields the images of these numbers, uint8 `[H, W, 3]`."""

        def read(number):
            return self._named(self._read, self._indices[number])

        numbers = [int(number) for number in numbers]
        images = _results_ahead(read, numbers, self._num_threads)
        for number, (image, found) in zip(numbers, images, strict=True):
            if number in self._unread:
                self._unread.remove(number)
                add_image_remarks(self._remarks, self._indices[number], found)
                if not self._unread:
                    for text in sentences(self._remarks, self._store.name):
                        _tell(f"{self.path}: {text}")
            yield image

    def _read(self, index):
        """Pixels, uint8 `[H, W, 3]`, and `remarks_of_image`."""
        with remarks_of_image() as found:
            image = self._reader.pixels(self._reader.open(self._store.data(index)))
        return np.asarray(image.convert("RGB")), found

    def _header(self, index):
        """`(height, width)`, and size and CRC-32 of the file."""
        data = self._store.data(index)
        width, height = upright_size(self._reader.open(data))
        return (height, width), (len(data), zlib.crc32(data))

    def _decode(self, index):
        """Reads an image without keeping it."""
        self._read(index)

    def _looked_through(self, function, indices, skip_broken):
        """Calls a function for images.

        Returns:
            Dictionary of its results by index, and one of the reasons of images that cannot be
            used, which are errors unless they are to be skipped.
        """

        def look(index):
            try:
                return function(index) if skip_broken else self._named(function, index)
            except SkippedImageError as error:
                return error

        bar = {"desc": "Checking", "unit": "img", "delay": 1, "leave": False, "disable": None}
        found = _results_ahead(look, indices, self._num_threads)
        results = dict(zip(indices, tqdm(found, total=len(indices), **bar), strict=True))
        reasons = {i: error for i, error in results.items() if isinstance(error, SkippedImageError)}
        return {i: result for i, result in results.items() if i not in reasons}, reasons

    def _named(self, function, index):
        try:
            return function(index)
        except SkippedImageError as error:
            raise ValueError(
                f"{self._store.name(index)} cannot be used: {error}. --skip_broken goes on without "
                "such images."
            ) from error


def _num_threads(sizes):
    """Threads that may decode images of such sizes."""
    largest = _DECODING_BYTES * max((height * width for height, width in sizes), default=1)
    return max(1, min(os.cpu_count() or 1, _READ_AHEAD_BYTES // (2 * largest)))


def _tell(text):
    tqdm.write(f"notice: {text}", file=sys.stderr)


def check_sizes(metric, reals, fakes, notice):
    """Refuses images of sizes that a metric cannot use, and points out those that are stretched.

    Args:
        metric: `Metric`.
        reals: `TFRecordDataset` or `ImageFiles`; None if there are none.
        fakes: The same.
        notice: Function that tells the user something that is not an error.

    Raises:
        ValueError: The metric compares pixels, and the sizes differ.
    """
    for what, images in (("reals", reals), ("fakes", fakes)):
        # Data sets have squares of one size.
        uneven = getattr(images, "uneven", None)
        if uneven and what in metric.squares:
            raise ValueError(f"Pixels are compared between squares of one size only, but {uneven}")
        if uneven and metric.networks:
            notice(f"feature networks stretch all images to their own size, and {uneven}")
    if len(metric.squares) == 2 and reals and fakes and reals.shape[:2] != fakes.shape[:2]:
        raise ValueError(
            f"Pixels are compared between images of one size only, but those of {reals.path} are "
            f"{_text(reals.shape)} and those of {fakes.path} {_text(fakes.shape)}. "
            f"{_advice(fakes.path, reals.shape[0])}"
        )


def unevenness(path, names_and_sizes):
    """What to say of images that differ in size or are not square, and what to do.

    Args:
        path: What messages call the set.
        names_and_sizes: List of the name and `(height, width)` of each image.

    Returns:
        Two sentences; None if all images are squares of one size.
    """
    name, size = names_and_sizes[0]
    other = next((entry for entry in names_and_sizes if entry[1] != size), None)
    if other:
        what = f"differ in size: {name} is {_text(size)}, {other[0]} is {_text(other[1])}"
    elif size[0] != size[1]:
        what = f"are not square: {name} is {_text(size)}, as all are"
    else:
        return None
    side = min(min(size) for _, size in names_and_sizes)
    return f"the images of {path} {what}. {_advice(path, side)}"


def _advice(path, side):
    resolution = max(4, 1 << (side.bit_length() - 1))
    return (
        f"`{called('dataset')} create_from_images OUT {path} --resolution={resolution}` makes "
        "squares of one size of them; then give OUT."
    )


def _text(shape):
    return f"{shape[1]}x{shape[0]}"


def _results_ahead(function, tasks, num_threads):
    """Yields `function(task)` for all tasks, in order.

    Args:
        function: May be called by several threads at a time.
        tasks: Iterable.
        num_threads: Number of threads; up to twice as many results are held in memory.
    """
    pending = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
        try:
            for task in tasks:
                pending.append(pool.submit(function, task))
                if len(pending) >= 2 * num_threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            # After an error nobody wants the rest.
            for future in pending:
                future.cancel()
