"""Files of image records: random access for training, and a walk with all checksums.

Follows `TFRecordDataset` of the original, of which it reads all files.
"""

import array
import os
import struct
import threading
import weakref
from pathlib import Path

import numpy as np

from msg_stylegan.command_names import called
from msg_stylegan.data.record_format import (
    FOOTER_SIZE,
    HEADER_SIZE,
    RecordError,
    decode_example,
    masked_crc32c,
    parse_example,
    pixel_bounds,
)
from msg_stylegan.mistaken_file import what_it_is


class RecordFile:
    """Random access to the images of one `.tfrecords` file.

    Uncompressed records of images of one shape have equal lengths, so record `i` lies at
    `i * stride` and nothing has to be kept in memory. Files with other records (encoded images,
    unusual writers) are scanned once for an index of 8 bytes per record. Reads are positioned, so
    any number of threads may read at once. The checksums of raw pixels are left to `verify`; those
    of encoded images cost little compared with the decoding and are checked.

    Args:
        path: Path of the file.

    Attributes:
        num_records: Number of images.
        shape: `(C, H, W)` of all images.
        encoding: "raw", or how the first image is encoded.

    Raises:
        RecordError: The file is empty, damaged or holds something else.
    """

    def __init__(self, path):
        self.path = Path(path)
        # Not memory-mapped: the pages would count as memory of the process.
        self._file = self.path.open("rb", buffering=0)
        self._lock = threading.Lock()
        self.close = weakref.finalize(self, self._file.close)
        self.num_bytes = os.fstat(self._file.fileno()).st_size
        if self.num_bytes == 0:
            raise RecordError(f"{self.path} is empty. Download it again, or make it again.")

        try:
            self._header = self._read_header(0, record=0)
        except RecordError as error:
            raise _known_content(self.path) or error from None
        self._stride = _record_size(self._header)
        self._offsets, self.num_records = None, 1
        record = self._read_record(0)
        example = self._parse(record, 0)
        self.shape, self.encoding = example.shape, example.encoding
        # Encoded images differ in length, and the last one may look as if they did not.
        if self.encoding == "raw" and self._is_uniform():
            self.num_records = self.num_bytes // self._stride
        else:
            self._offsets = self._scan()
            self.num_records = len(self._offsets)
        # What surrounds the pixels in the first record, and most likely in all others.
        self._surroundings = None
        if self._offsets is None and self.encoding == "raw":
            self._surroundings = _surroundings(record)

    def read(self, indices):
        """Reads images.

        Args:
            indices: Record numbers, counted from 0.

        Returns:
            uint8 `[N, C, H, W]`.

        Raises:
            IndexError: There is no such record.
            RecordError: A record is damaged or has another shape.
        """
        indices = np.asarray(indices, np.int64).reshape(-1)
        images = np.empty((len(indices), *self.shape), np.uint8)
        for image, index in zip(images, indices.tolist(), strict=True):
            self.read_into(image, index)
        return images

    def read_into(self, image, index):
        """Reads one image into an array, uint8 `[C, H, W]` without gaps; errors as `read`."""
        if self._surroundings is not None:
            prefix, suffix = map(bytearray, self._surroundings)
            # One system call puts the pixels where they belong.
            self._read_at(self.offset(index), [prefix, image.reshape(-1), suffix], index)
            if (prefix, suffix) == self._surroundings:
                return
        # An encoded image, another order of the features, or a damaged record.
        record = self._read_record(index)
        example = self._parse(record, index)
        if example.shape != self.shape:
            raise self._error(
                index, f"Its shape is {example.shape}, the first one has {self.shape}."
            )
        payload = memoryview(record)[HEADER_SIZE:-FOOTER_SIZE]
        crc = int.from_bytes(record[-FOOTER_SIZE:], "little")
        if example.encoding != "raw" and masked_crc32c(payload) != crc:
            raise self._error(index, "Its checksum is wrong.")
        try:
            image[:] = decode_example(example)
        except RecordError as error:
            raise self._error(index, str(error)) from None

    def offset(self, index):
        """Position of a record in the file, in bytes."""
        if not 0 <= index < self.num_records:
            raise IndexError(f"Record {index} of {self.num_records} in {self.path}.")
        return index * self._stride if self._offsets is None else int(self._offsets[index])

    def _read_record(self, index):
        offset = self.offset(index)
        header = self._read_header(offset, index)
        if self._offsets is None and header != self._header:
            raise self._error(index, "Its length differs from the first one's.")
        record = bytearray(_record_size(header))
        self._read_at(offset, [record], index)
        return record

    def _read_header(self, offset, record):
        header = bytearray(HEADER_SIZE)
        self._read_at(offset, [header], record, offset)
        length, crc = struct.unpack("<QI", header)
        if crc != masked_crc32c(header[:8]):
            raise self._error(record, "The checksum of its length is wrong.", offset)
        if offset + _record_size(header) > self.num_bytes:
            raise self._error(record, f"The file ends inside it (its length is {length}).", offset)
        return bytes(header)

    def _is_uniform(self):
        if self.num_bytes % self._stride:
            return False
        last = bytearray(HEADER_SIZE)
        self._read_at(self.num_bytes - self._stride, [last], "last")
        return last == self._header

    def _scan(self):
        offsets = array.array("q")
        offset = 0
        while offset < self.num_bytes:
            header = self._read_header(offset, len(offsets))
            offsets.append(offset)
            offset += _record_size(header)
        return np.asarray(offsets, np.int64)

    def _parse(self, record, index):
        try:
            return parse_example(memoryview(record)[HEADER_SIZE:-FOOTER_SIZE])
        except RecordError as error:
            raise self._error(index, str(error)) from None

    def _read_at(self, offset, buffers, record, error_offset=None):
        """Fills the buffers with the bytes from `offset` on."""
        views = [memoryview(buffer) for buffer in buffers if len(buffer)]
        missing = sum(len(view) for view in views)
        while missing:
            count = self._read_some(offset, views)
            if not count:
                raise self._error(record, "The file ends inside it.", error_offset)
            offset += count
            missing -= count
            while missing and count >= len(views[0]):
                count -= len(views.pop(0))
            views[0] = views[0][count:]

    def _read_some(self, offset, views):
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), views, offset)
        # Windows: the position belongs to the file, so only one thread at a time.
        with self._lock:
            self._file.seek(offset)
            return self._file.readinto(views[0])

    def _error(self, record, reason, offset=None):
        if offset is None:
            offset = self.offset(record) if isinstance(record, int) else None
        where = f"record {record}" + ("" if offset is None else f" at byte {offset}")
        return RecordError(
            f"{self.path}, {where}: {reason} Run `{called('dataset')} verify "
            f"{self.path.parent}` for a full check; a damaged data set must be made again."
        )


class RecordFiles:
    """The shards of one level, read as one file.

    Args:
        paths: Paths of the shards in order; no file may be empty.

    Attributes:
        paths: The paths.
        num_records: Number of images in all of them.
        shape: `(C, H, W)` of all images.
        encoding: "raw", or how the images are encoded.

    Raises:
        RecordError: As `RecordFile`, or the shards hold images of different shapes.
    """

    def __init__(self, paths):
        self.paths = [Path(path) for path in paths]
        self._files = [RecordFile(path) for path in self.paths]
        first = self._files[0]
        self.shape, self.encoding = first.shape, first.encoding
        for file in self._files[1:]:
            if file.shape != self.shape:
                raise RecordError(
                    f"{file.path} holds images of the shape {file.shape}, {first.path} has "
                    f"{self.shape}."
                )
        self._ends = np.cumsum([file.num_records for file in self._files])
        self.num_records = int(self._ends[-1])

    def read(self, indices):
        """Reads images by their numbers over all shards; otherwise as `RecordFile.read`."""
        if len(self._files) == 1:
            return self._files[0].read(indices)
        indices = np.asarray(indices, np.int64).reshape(-1)
        if len(indices) and not 0 <= indices.min() <= indices.max() < self.num_records:
            raise IndexError(
                f"Record {indices.min()} or {indices.max()} of {self.num_records} in "
                f"{self.paths[0].parent}."
            )
        shards = np.searchsorted(self._ends, indices, side="right")
        images = np.empty((len(indices), *self.shape), np.uint8)
        for image, index, shard in zip(images, indices.tolist(), shards.tolist(), strict=True):
            file = self._files[shard]
            file.read_into(image, index - int(self._ends[shard]) + file.num_records)
        return images

    def close(self):
        for file in self._files:
            file.close()


def iterate_records(path, check=True, offset=0, number=0):
    """Walks over the records of a file, in order.

    Args:
        path: Path of the file.
        check: Whether the checksums of the payloads are compared; those of the lengths always are.
        offset: Position of the record to begin with, in bytes.
        number: Number of that record, for messages.

    Yields:
        Tuples `(offset, payload)`: the position of the record in the file, and bytes.

    Raises:
        RecordError: The file is damaged. The message names the file, the record number (counted
            from 0) and its position in bytes.
    """
    with Path(path).open("rb") as file:
        for place, size in _headers(file, path, offset, number):
            content = file.read(size - HEADER_SIZE)
            payload, crc = content[:-FOOTER_SIZE], content[-FOOTER_SIZE:]
            if check and masked_crc32c(payload) != int.from_bytes(crc, "little"):
                raise RecordError(f"{path}, record {number} at byte {place}: its checksum is wrong")
            yield place, payload
            number += 1


def iterate_offsets(path):
    """Yields the position of each record of a file; errors as `iterate_records`."""
    with Path(path).open("rb") as file:
        for offset, _ in _headers(file, path, 0, 0):
            yield offset


def _headers(file, path, offset, number):
    """Yields `(offset, size)` of each record, with the file positioned after its header."""
    # A length that leads outside the file must not become an allocation.
    num_bytes = os.fstat(file.fileno()).st_size
    while offset < num_bytes:
        where = f"{path}, record {number} at byte {offset}"
        file.seek(offset)
        header = file.read(HEADER_SIZE)
        if len(header) < HEADER_SIZE:
            raise RecordError(f"{where}: the file ends inside it")
        if masked_crc32c(header[:8]) != int.from_bytes(header[8:], "little"):
            known = None if offset else _known_content(path)
            raise known or RecordError(f"{where}: the checksum of its length is wrong")
        size = _record_size(header)
        if offset + size > num_bytes:
            raise RecordError(f"{where}: the file ends inside it")
        yield offset, size
        offset += size
        number += 1


def _surroundings(record):
    """What stands before and after the pixels, without the checksum; None if that is not known."""
    payload = memoryview(record)[HEADER_SIZE:-FOOTER_SIZE]
    bounds = pixel_bounds(payload)
    return bounds and (record[: HEADER_SIZE + bounds[0]], payload[bounds[1] :].tobytes())


def _known_content(path):
    """The error for a file that is known to be something else; None if it is not."""
    what = what_it_is(path)
    return RecordError(f"{path} holds no records. {what}") if what else None


def _record_size(header):
    return HEADER_SIZE + int.from_bytes(header[:8], "little") + FOOTER_SIZE
