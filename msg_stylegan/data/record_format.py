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
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
from PIL import Image

# Framing: uint64 length, uint32 masked CRC of it, payload, uint32 masked CRC of the payload.
HEADER_SIZE = 12
FOOTER_SIZE = 4

ENCODINGS = ("raw", "png", "jpeg")

# The other settings of these writers are left as they are. No subsampling (4:4:4), because networks
# see blurred colours.
_SAVE_OPTIONS = {
    "png": {"format": "PNG", "compress_level": 4},
    "jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
}
_PILLOW_MODES = {1: "L", 3: "RGB"}
# Above this, Pillow warns of decompression bombs.
_MAX_ENCODED_PIXELS = 1 << 26

_FIELD = descriptor_pb2.FieldDescriptorProto
_ONE, _MANY = _FIELD.LABEL_OPTIONAL, _FIELD.LABEL_REPEATED
# The parts of `tf.train.Example` that are used: fields with their numbers and types. On the wire a
# map is a list of entries; as a list they keep their order.
_MESSAGES = {
    "BytesList": [("value", 1, _MANY, _FIELD.TYPE_BYTES)],
    "Int64List": [("value", 1, _MANY, _FIELD.TYPE_INT64)],
    "Feature": [("bytes_list", 1, _ONE, "BytesList"), ("int64_list", 3, _ONE, "Int64List")],
    "Entry": [("key", 1, _ONE, _FIELD.TYPE_BYTES), ("value", 2, _ONE, "Feature")],
    "Features": [("feature", 1, _MANY, "Entry")],
    "Example": [("features", 1, _ONE, "Features")],
}


def _example_message():
    """The class of messages that are `tf.train.Example`s; TensorFlow takes seconds to start."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", syntax="proto3")
    for name, fields in _MESSAGES.items():
        described = file.message_type.add(name=name)
        for field, number, label, kind in fields:
            is_message = isinstance(kind, str)
            facts = {"type_name": f".{kind}"} if is_message else {"type": kind}
            described.field.add(name=field, number=number, label=label, **facts)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Example"))


_ExampleMessage = _example_message()


class RecordError(ValueError):
    """A file is not what this project or the original writes; the message names the place."""


class Example(NamedTuple):
    """What a payload holds: the shape `(C, H, W)`, and the pixels or the image file, bytes."""

    shape: tuple
    data: bytes
    encoding: str


def masked_crc32c(data):
    """Checksum of the TFRecord format.

    Args:
        data: bytes-like.
    """
    crc = google_crc32c.value(bytes(data))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(payload):
    """Makes a record of a payload; a `.tfrecords` file is just records in a row.

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

    The features are sorted by their names, as in the deterministic serialisation of a map.

    Args:
        image: uint8 `[C, H, W]`; in encodings other than raw, `C` is 1 (grayscale) or 3 (RGB).
        encoding: One of `ENCODINGS`: "raw" as the original, "png" without loss, "jpeg" with some.

    Returns:
        bytes.

    Raises:
        ValueError: The image cannot be written like this.
    """
    if image.dtype != np.uint8 or image.ndim != 3:
        raise ValueError(f"Expected uint8 [C, H, W]. Received: {image.dtype} {list(image.shape)}")
    example = _ExampleMessage()
    data = image.tobytes() if encoding == "raw" else _encoded(image, encoding)
    _add(example, b"data").bytes_list.value.append(data)
    if encoding != "raw":
        _add(example, b"encoding").bytes_list.value.append(encoding.encode())
    _add(example, b"shape").int64_list.value.extend(image.shape)
    return example.SerializeToString()


def parse_example(payload):
    """Finds the image inside the payload of a record, without decoding it.

    Args:
        payload: bytes-like, a serialised `tf.train.Example` with its features in any order.

    Returns:
        `Example`.

    Raises:
        RecordError: It is not an example with one image.
    """
    features = {entry.key: entry.value for entry in _parsed(payload).features.feature}
    _expect(b"shape" in features, "it has no feature 'shape'")
    _expect(b"data" in features, "it has no feature 'data'")
    shape = tuple(features[b"shape"].int64_list.value)
    data = _single_bytes(features, "data")
    _expect(len(shape) == 3, f"'shape' has {len(shape)} numbers instead of 3 (C, H, W)")
    # An upper bound keeps a damaged number from looking like a size.
    _expect(all(0 < size < 1 << 20 for size in shape), f"'shape' is {shape}")
    if b"encoding" not in features:
        _expect(len(data) == math.prod(shape), f"'data' has {len(data)} bytes, 'shape' is {shape}")
        return Example(shape, data, "raw")
    encoding = _single_bytes(features, "encoding").decode("ascii", errors="replace")
    _expect(encoding in _SAVE_OPTIONS, f"'encoding' is {encoding[:20]!r}")
    fits = shape[0] in _PILLOW_MODES and shape[1] * shape[2] <= _MAX_ENCODED_PIXELS
    _expect(fits, f"'shape' is {shape}")
    return Example(shape, data, encoding)


def decode_example(example):
    """Returns the image of an `Example`: uint8 `[C, H, W]`, read-only.

    Raises:
        RecordError: The image cannot be decoded.
    """
    if example.encoding == "raw":
        return np.frombuffer(example.data, np.uint8).reshape(example.shape)
    file_format = _SAVE_OPTIONS[example.encoding]["format"]
    channels, height, width = example.shape
    try:
        with Image.open(io.BytesIO(example.data), formats=[file_format]) as file:
            # Both are known from the header, before anything is unpacked.
            fits = file.size == (width, height) and file.mode == _PILLOW_MODES[channels]
            pixels = np.asarray(file) if fits else None
    except Exception as error:
        # A damaged image can fail in many ways.
        raise RecordError(f"Not an image record: not a {file_format} image: {error}.") from error
    _expect(pixels is not None, f"'data' is not a {file_format} image of the shape {example.shape}")
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)  # [CHW]


def pixel_bounds(payload):
    """Where the pixels begin and end in the payload of a raw record; None if that is not known.

    Args:
        payload: bytes-like, for which `parse_example` finds an image.
    """
    inverted = _parsed(payload)
    for entry in inverted.features.feature:
        if entry.key == b"data":
            pixels = np.frombuffer(entry.value.bytes_list.value[0], np.uint8)
            entry.value.bytes_list.value[0] = (~pixels).tobytes()
    before = np.frombuffer(payload, np.uint8)
    after = np.frombuffer(inverted.SerializeToString(), np.uint8)
    if len(before) != len(after):
        return None
    # Each pixel differs, and nothing else, if messages are written as they were.
    differs = before != after
    start = int(differs.argmax())
    stop = start + len(pixels)
    return (start, stop) if differs[start:stop].all() and differs.sum() == len(pixels) else None


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


def _add(example, name):
    """The new feature of a name."""
    return example.features.feature.add(key=name).value


def _parsed(payload):
    try:
        return _ExampleMessage.FromString(memoryview(payload))
    except message.DecodeError:
        raise RecordError("Not an image record: it is not a tf.train.Example.") from None


def _single_bytes(features, name):
    value = features[name.encode()].bytes_list.value
    _expect(len(value) == 1, f"'{name}' is not one string of bytes")
    return value[0]


def _expect(condition, reason):
    if not condition:
        raise RecordError(f"Not an image record: {reason}.")
