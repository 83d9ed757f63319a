"""One record of a TFRecord file: its frame with checksums, and the image inside it.

A record holds a `tf.train.Example` with the features `shape` (int64, [C, H, W]) and `data` (the
uint8 pixels in that order), as `TFRecordExporter` of the original writes them. In records of
`encoding` "png" or "jpeg", a third feature, `data` is an image file instead.
"""

import io
import math
import struct
from typing import NamedTuple

import google_crc32c
import numpy as np
from PIL import Image

# Framing: uint64 length, uint32 masked CRC of it, payload, uint32 masked CRC of the payload.
HEADER_SIZE = 12
FOOTER_SIZE = 4

ENCODINGS = ("raw", "png", "jpeg")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_BYTES_LIST, _INT64_LIST = 1, 3
# All other settings of these writers have one value only. Without subsampling (4:4:4), because
# networks see blurred colours.
_SAVE_OPTIONS = {
    "png": {"format": "PNG", "compress_level": 4},
    "jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
}
_PILLOW_MODES = {1: "L", 3: "RGB"}
# Above this, Pillow warns of decompression bombs.
_MAX_ENCODED_PIXELS = 1 << 26


class RecordError(ValueError):
    """A file is not what this project or the original writes; the message names the place."""


class Example(NamedTuple):
    """What `parse_example` finds: the shape `(C, H, W)`, and where in the payload the data lie."""

    shape: tuple
    start: int
    stop: int
    encoding: str


def masked_crc32c(data):
    """Checksum of the TFRecord format.

    Args:
        data: bytes-like.
    """
    crc = google_crc32c.value(bytes(data))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(payload):
    """Makes a record of a payload; a `.tfrecords` file is nothing but records in a row.

    Args:
        payload: bytes.

    Returns:
        bytes, `HEADER_SIZE + len(payload) + FOOTER_SIZE` of them.
    """
    length = struct.pack("<Q", len(payload))
    crcs = (struct.pack("<I", masked_crc32c(part)) for part in (length, payload))
    return b"".join((length, next(crcs), payload, next(crcs)))


def encode_example(image, encoding="raw"):
    """Serialises one image as the payload of a record.

    Protocol buffers leave the order of map entries open, and TensorFlow's own varies between
    versions and even between processes. Here it is the deterministic one, sorted by key.

    Args:
        image: uint8 `[C, H, W]`; in encodings other than raw, `C` is 1 (grayscale) or 3 (RGB).
        encoding: One of `ENCODINGS`: "raw" as the original, "png" without loss, "jpeg" with some.

    Returns:
        bytes.

    Raises:
        ValueError: The image cannot be written so.
    """
    if image.dtype != np.uint8 or image.ndim != 3:
        raise ValueError(f"Expected uint8 [C, H, W]. Received: {image.dtype} {list(image.shape)}")
    sizes = b"".join(_varint_bytes(size) for size in image.shape)
    shape = _message(_INT64_LIST, _message(1, sizes))
    if encoding == "raw":
        features = _feature(b"data", _bytes_feature(image.tobytes()))
    else:
        features = _feature(b"data", _bytes_feature(_encoded(image, encoding)))
        features += _feature(b"encoding", _bytes_feature(encoding.encode()))
    return _message(1, features + _feature(b"shape", shape))


def parse_example(payload):
    """Finds the image inside the payload of a record, without copying or decoding it.

    Reads the wire format itself: strict, bounds-checked, and any order of the features.

    Args:
        payload: bytes-like, a serialised `tf.train.Example`.

    Returns:
        `Example`; the pixels, or the image file, are `payload[example.start : example.stop]`.

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
    start, stop = _single_bytes(payload, *features[b"data"], "data")
    _expect(len(shape) == 3, f"'shape' has {len(shape)} numbers instead of 3 (C, H, W)")
    # An upper bound keeps a damaged number from looking like a size.
    _expect(all(0 < size < 1 << 20 for size in shape), f"'shape' is {shape}")
    if b"encoding" not in features:
        expected = math.prod(shape)
        _expect(stop - start == expected, f"'data' has {stop - start} bytes, 'shape' is {shape}")
        return Example(shape, start, stop, "raw")
    begin, end = _single_bytes(payload, *features[b"encoding"], "encoding")
    encoding = bytes(payload[begin:end]).decode("ascii", errors="replace")
    _expect(encoding in _SAVE_OPTIONS, f"'encoding' is {encoding[:20]!r}")
    fits = shape[0] in _PILLOW_MODES and shape[1] * shape[2] <= _MAX_ENCODED_PIXELS
    _expect(fits, f"'shape' is {shape}")
    return Example(shape, start, stop, encoding)


def decode_example(payload, example=None):
    """Returns the image inside the payload of a record.

    Args:
        payload: bytes-like, a serialised `tf.train.Example`.
        example: What `parse_example` has found in it; None = not known yet.

    Returns:
        uint8 `[C, H, W]`, to be read only.

    Raises:
        RecordError: It is not an example with one image, or the image cannot be decoded.
    """
    example = example or parse_example(payload)
    if example.encoding == "raw":
        return np.frombuffer(payload, np.uint8, math.prod(example.shape), example.start).reshape(
            example.shape
        )
    file_format = _SAVE_OPTIONS[example.encoding]["format"]
    channels, height, width = example.shape
    content = io.BytesIO(memoryview(payload)[example.start : example.stop])
    try:
        with Image.open(content, formats=[file_format]) as file:
            # Both are known from the head of the file, before anything is unpacked.
            fits = file.size == (width, height) and file.mode == _PILLOW_MODES[channels]
            pixels = np.asarray(file) if fits else None
    except Exception as error:
        # A damaged image can fail in many ways.
        raise RecordError(f"Not an image record: no {file_format} image: {error}.") from error
    _expect(pixels is not None, f"'data' is no {file_format} image of the shape {example.shape}")
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)  # [CHW]


def _encoded(image, encoding):
    if encoding not in _SAVE_OPTIONS:
        raise ValueError(f"`encoding` must be one of {', '.join(ENCODINGS)}. Received: {encoding}")
    num_pixels = image.shape[1] * image.shape[2]
    if image.shape[0] not in _PILLOW_MODES or not 0 < num_pixels <= _MAX_ENCODED_PIXELS:
        raise ValueError(
            f"Images of the shape {list(image.shape)} cannot be written as {encoding}."
        )
    pixels = image[0] if image.shape[0] == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, **_SAVE_OPTIONS[encoding])
    return file.getvalue()


def _varint_bytes(value):
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def _message(number, content):
    """A field that holds a message, a string or a packed list."""
    return b"".join((bytes([number << 3 | _BYTES]), _varint_bytes(len(content)), content))


def _bytes_feature(content):
    return _message(_BYTES_LIST, _message(1, content))


def _feature(name, value):
    """An entry of the map of features; `value` is a `tf.train.Feature`."""
    return _message(1, _message(1, name) + _message(2, value))


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
    """Bounds of the list of the given kind inside a `tf.train.Feature`."""
    fields = list(_fields(payload, begin, end))
    right_kind = len(fields) == 1 and fields[0][0] == kind and fields[0][1] == _BYTES
    _expect(right_kind, f"'{name}' is not a list of the expected type")
    return fields[0][2:]


def _int64_list(payload, begin, end):
    values = []
    bounds = _list_of_feature(payload, begin, end, _INT64_LIST, "shape")
    for number, wire_type, start, stop in _fields(payload, *bounds):
        _expect(number == 1 and wire_type in (_VARINT, _BYTES), "'shape' is malformed")
        # Packed (one run of bytes) or unpacked (one number per field).
        while start < stop:
            value, start = _varint(payload, start, stop)
            values.append(value)
    return tuple(values)


def _single_bytes(payload, begin, end, name):
    bounds = _list_of_feature(payload, begin, end, _BYTES_LIST, name)
    fields = list(_fields(payload, *bounds))
    single = len(fields) == 1 and fields[0][0] == 1 and fields[0][1] == _BYTES
    _expect(single, f"'{name}' is not one string of bytes")
    return fields[0][2:]
