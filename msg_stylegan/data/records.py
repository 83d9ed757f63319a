"""TFRecord files of raw images: the original's record format and a reader with random access.

A record holds a `tf.train.Example` with the features `shape` (int64, [C, H, W]) and `data` (the
uint8 pixels in that order). Follows `TFRecordExporter` and `TFRecordDataset` of the original.
"""

import array
import math
import os
import struct
import threading
import weakref
from pathlib import Path

import numpy as np
import tensorflow as tf

# Framing: uint64 length, uint32 masked CRC of it, payload, uint32 masked CRC of the payload.
HEADER_SIZE = 12
FOOTER_SIZE = 4

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class RecordError(ValueError):
    """A file is not what this project or the original writes; the message names the place."""


def _crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC32C_TABLE = _crc32c_table()


def masked_crc32c(data):
    """Checksum of the TFRecord format. Plain Python: meant for the 8 bytes of a length only."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC32C_TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def encode_example(image):
    """Serialises one image as the payload of a record.

    Protocol buffers leave the order of map entries open, and TensorFlow's own varies between
    versions and even between processes. Here it is the deterministic one, sorted by key.

    Args:
        image: uint8 `[C, H, W]`.

    Returns:
        bytes.
    """
    shape = tf.train.Feature(int64_list=tf.train.Int64List(value=image.shape))
    data = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()]))
    features = tf.train.Features(feature={"shape": shape, "data": data})
    return tf.train.Example(features=features).SerializeToString(deterministic=True)


def parse_example(payload):
    """Finds the image inside the payload of a record, without copying it.

    Reads the wire format itself: strict, bounds-checked, and any order of the features.

    Args:
        payload: bytes-like, a serialised `tf.train.Example`.

    Returns:
        Tuple `(shape, start)`: `shape` is the tuple `(C, H, W)`, and the pixels are
        `payload[start : start + C * H * W]`.

    Raises:
        RecordError: It is not an example with one image.
    """
    payload = memoryview(payload)
    features = {}
    for number, wire_type, begin, end in _fields(payload, 0, len(payload)):
        _expect(number == 1 and wire_type == _BYTES, "it is not a tf.train.Example")
        for entry_number, entry_type, entry_begin, entry_end in _fields(payload, begin, end):
            _expect(entry_number == 1 and entry_type == _BYTES, "its features are malformed")
            name, value = _map_entry(payload, entry_begin, entry_end)
            features[name] = value
    _expect(b"shape" in features, "it has no feature 'shape'")
    _expect(b"data" in features, "it has no feature 'data'")
    shape = _int64_list(payload, *features[b"shape"])
    start, stop = _single_bytes(payload, *features[b"data"])
    _expect(len(shape) == 3, f"'shape' has {len(shape)} numbers instead of 3 (C, H, W)")
    # An upper bound keeps a damaged number from looking like a size.
    _expect(all(0 < size < 1 << 20 for size in shape), f"'shape' is {shape}")
    expected = shape[0] * shape[1] * shape[2]
    _expect(stop - start == expected, f"'data' has {stop - start} bytes, 'shape' is {shape}")
    return shape, start


def _expect(condition, reason):
    if not condition:
        raise RecordError(f"Not an image record: {reason}.")


def _varint(payload, position, end):
    value = 0
    for shift in range(0, 70, 7):
        _expect(position < end, "it ends too early")
        byte = payload[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise RecordError("Not an image record: a number is too long.")


def _fields(payload, position, end):
    """Yields `(number, wire type, begin, end)` of each field of a message, end exclusive."""
    while position < end:
        tag, position = _varint(payload, position, end)
        wire_type = tag & 7
        if wire_type == _BYTES:
            length, position = _varint(payload, position, end)
            stop = position + length
        elif wire_type == _VARINT:
            _, stop = _varint(payload, position, end)
        elif wire_type in (_FIXED64, _FIXED32):
            stop = position + (8 if wire_type == _FIXED64 else 4)
        else:
            raise RecordError(f"Not an image record: unknown wire type {wire_type}.")
        _expect(stop <= end, "it ends too early")
        yield tag >> 3, wire_type, position, stop
        position = stop


def _map_entry(payload, begin, end):
    name, value = b"", (begin, begin)
    for number, wire_type, start, stop in _fields(payload, begin, end):
        _expect(number in (1, 2) and wire_type == _BYTES, "its features are malformed")
        if number == 1:
            name = bytes(payload[start:stop])
        else:
            value = (start, stop)
    return name, value


def _list_of_feature(payload, begin, end, kind, name):
    """Bounds of the list of kind 1 (bytes) or 3 (int64) inside a `tf.train.Feature`."""
    fields = list(_fields(payload, begin, end))
    right_kind = len(fields) == 1 and fields[0][0] == kind and fields[0][1] == _BYTES
    _expect(right_kind, f"'{name}' is not a list of the expected type")
    return fields[0][2:]


def _int64_list(payload, begin, end):
    values = []
    bounds = _list_of_feature(payload, begin, end, 3, "shape")
    for number, wire_type, start, stop in _fields(payload, *bounds):
        _expect(number == 1 and wire_type in (_VARINT, _BYTES), "'shape' is malformed")
        # Packed (one run of bytes) or unpacked (one number per field).
        while start < stop:
            value, start = _varint(payload, start, stop)
            values.append(value)
    return tuple(values)


def _single_bytes(payload, begin, end):
    bounds = _list_of_feature(payload, begin, end, 1, "data")
    fields = list(_fields(payload, *bounds))
    single = len(fields) == 1 and fields[0][0] == 1 and fields[0][1] == _BYTES
    _expect(single, "'data' is not one string of bytes")
    return fields[0][2:]


class RecordFile:
    """Random access to the images of one `.tfrecords` file.

    Uncompressed records of images of one shape have equal lengths, so record `i` lies at
    `i * stride` and nothing has to be kept in memory. Files with other records (unusual encoders)
    are scanned once for an index of 8 bytes per record. Reads are positioned, so that any number
    of threads may read at once. The checksums of the pixels are left to `verify`.

    Args:
        path: Path of the file.

    Raises:
        RecordError: The file is empty, damaged or holds something else.
    """

    def __init__(self, path):
        self.path = Path(path)
        # Not memory-mapped: the pages would be counted as memory of the process.
        self._file = self.path.open("rb", buffering=0)
        self._lock = threading.Lock()
        self.close = weakref.finalize(self, self._file.close)
        self.num_bytes = os.fstat(self._file.fileno()).st_size
        if self.num_bytes == 0:
            raise RecordError(f"{self.path} is empty.")

        self._header = self._read_header(0, record=0)
        self._stride = _record_size(self._header)
        self._offsets = None if self._is_uniform() else self._scan()
        self.num_records = (
            self.num_bytes // self._stride if self._offsets is None else len(self._offsets)
        )

        record = self._read_record(0)
        shape, start = self._parse(record, 0)
        self.shape = shape
        # What surrounds the pixels in the first record, and most likely in all others.
        start += HEADER_SIZE
        self._prefix = bytes(record[:start])
        self._suffix = bytes(record[start + math.prod(shape) : -FOOTER_SIZE])

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
        for row, index in zip(images, indices.tolist(), strict=True):
            self._read_into(row, index)
        return images

    def offset(self, index):
        """Position of a record in the file, in bytes."""
        if not 0 <= index < self.num_records:
            raise IndexError(f"Record {index} of {self.num_records} in {self.path}.")
        return index * self._stride if self._offsets is None else int(self._offsets[index])

    def _read_into(self, row, index):
        if self._offsets is None:
            prefix = bytearray(len(self._prefix))
            suffix = bytearray(len(self._suffix) + FOOTER_SIZE)
            # One system call puts the pixels where they belong.
            self._read_at(self.offset(index), [prefix, row.reshape(-1), suffix], index)
            if prefix == self._prefix and suffix[:-FOOTER_SIZE] == self._suffix:
                return
        # Another order of the features, or a damaged record.
        record = self._read_record(index)
        shape, start = self._parse(record, index)
        if shape != self.shape:
            raise self._error(index, f"Its shape is {shape}, the first one has {self.shape}.")
        start += HEADER_SIZE
        row.reshape(-1)[:] = np.frombuffer(record, np.uint8, row.size, start)

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
            f"{self.path}, {where}: {reason} Run `python dataset_tool.py verify "
            f"{self.path.parent}` for a full check; a damaged data set must be made again."
        )


def _record_size(header):
    return HEADER_SIZE + int.from_bytes(header[:8], "little") + FOOTER_SIZE
