import concurrent.futures
import os
import struct

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from msg_stylegan.data.records import (
    RecordError,
    RecordFile,
    encode_example,
    masked_crc32c,
    parse_example,
)


def random_images(num_images, channels=3, resolution=4, seed=0):
    shape = (num_images, channels, resolution, resolution)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def shape_feature(image):
    value = tf.train.Feature(int64_list=tf.train.Int64List(value=image.shape))
    return tf.train.Features(feature={"shape": value}).SerializeToString()


def data_feature(image):
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()]))
    return tf.train.Features(feature={"data": value}).SerializeToString()


def example(*features):
    """An example with its features in the given order; messages merge by concatenation."""
    return tf.train.Example.FromString(b"").SerializeToString() + message(1, b"".join(features))


def message(number, content):
    """One field that holds a message."""
    length = len(content)
    size = b""
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


def write_payloads(path, payloads):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in payloads:
            writer.write(payload)
    return path


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 4, 4), (1, 128, 128), (3, 256, 256)])
def test_payload_is_the_deterministic_serialisation_of_tensorflow(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    features = {
        "shape": tf.train.Feature(int64_list=tf.train.Int64List(value=shape)),
        "data": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()])),
    }
    expected = tf.train.Example(features=tf.train.Features(feature=features))
    payload = encode_example(image)
    assert payload == expected.SerializeToString(deterministic=True)
    assert tf.train.Example.FromString(payload) == expected


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 8, 8), (3, 64, 64)])
def test_parser_accepts_both_orders_of_the_features(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for payload in (
        example(shape_feature(image), data_feature(image)),
        example(data_feature(image), shape_feature(image)),
    ):
        parsed_shape, start = parse_example(payload)
        assert parsed_shape == shape
        assert payload[start : start + image.size] == image.tobytes()


@given(st.binary(max_size=64))
def test_parser_refuses_or_reads_any_bytes(payload):
    try:
        shape, start = parse_example(payload)
    except RecordError:
        return
    assert 0 <= start <= len(payload) - np.prod(shape)


@given(st.data())
def test_parser_survives_damaged_payloads(data):
    payload = bytearray(encode_example(random_images(1)[0]))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    payload = payload[: data.draw(st.integers(0, len(payload)))]
    try:
        shape, start = parse_example(payload)
    except RecordError:
        return
    assert 0 <= start <= len(payload) - np.prod(shape)


def test_checksum_is_the_published_one():
    # CRC-32C of "123456789" is 0xE3069283; the mask rotates by 15 bits and adds a constant.
    crc = 0xE3069283
    expected = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_crc32c(b"123456789") == expected


def test_checksum_is_that_of_tensorflow(tmp_path):
    header = write_payloads(tmp_path / "a", [b"x" * 1000]).read_bytes()[:12]
    assert struct.unpack("<QI", header) == (1000, masked_crc32c(header[:8]))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.sampled_from([1, 3]), st.data())
def test_records_are_read_in_any_order_of_features_and_indices(tmp_path_factory, orders, c, data):
    images = random_images(len(orders), channels=c)
    payloads = [
        example(*((shape_feature(image), data_feature(image))[:: 1 if shape_first else -1]))
        for image, shape_first in zip(images, orders, strict=True)
    ]
    file = RecordFile(write_payloads(tmp_path_factory.mktemp("records") / "a", payloads))
    assert file.num_records == len(images)
    assert file.shape == images.shape[1:]
    indices = data.draw(st.lists(st.integers(0, len(images) - 1), max_size=20))
    np.testing.assert_array_equal(file.read(indices), images[indices])


def test_records_of_different_lengths_are_found(tmp_path):
    images = random_images(5)
    payloads = [encode_example(image) for image in images]
    # Unknown features are allowed, and make a record longer.
    extra = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"name"]))
    feature = tf.train.Features(feature={"name": extra}).SerializeToString()
    payloads[2] = example(shape_feature(images[2]), feature, data_feature(images[2]))
    file = RecordFile(write_payloads(tmp_path / "a", payloads))
    np.testing.assert_array_equal(file.read([4, 2, 0, 3, 1]), images[[4, 2, 0, 3, 1]])
    offsets = np.cumsum([0] + [len(payload) + 16 for payload in payloads[:4]])
    assert [file.offset(i) for i in range(5)] == offsets.tolist()


def test_numbers_may_be_unpacked(tmp_path):
    image = random_images(1)[0]
    # Field 1 as single numbers (wire type 0) instead of one run of bytes.
    feature = message(3, b"".join(bytes([8, size]) for size in image.shape))
    entry = message(1, b"shape") + message(2, feature)
    payload = example(message(1, entry), data_feature(image))
    assert tf.train.Example.FromString(payload).features.feature["shape"].int64_list.value == [
        *image.shape
    ]
    assert parse_example(payload)[0] == image.shape


def test_reading_without_positioned_reads(tmp_path, monkeypatch):
    # As on Windows.
    monkeypatch.delattr(os, "preadv", raising=False)
    images = random_images(20)
    file = RecordFile(write_payloads(tmp_path / "a", map(encode_example, images)))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for i, image in enumerate(pool.map(lambda i: file.read([i % 20])[0], range(200))):
            np.testing.assert_array_equal(image, images[i % 20])


def test_many_threads_may_read(tmp_path):
    images = random_images(50, resolution=16)
    file = RecordFile(write_payloads(tmp_path / "a", map(encode_example, images)))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for i, image in enumerate(pool.map(lambda i: file.read([i % 50])[0], range(500))):
            np.testing.assert_array_equal(image, images[i % 50])


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_record_outside(tmp_path, index):
    file = RecordFile(write_payloads(tmp_path / "a", map(encode_example, random_images(3))))
    with pytest.raises(IndexError, match="of 3"):
        file.read([index])


def test_every_truncation_is_refused_or_ends_after_a_record(tmp_path):
    images = random_images(3, channels=1)
    path = write_payloads(tmp_path / "a", map(encode_example, images))
    whole = path.read_bytes()
    stride = len(whole) // 3
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        if size and size % stride == 0:
            np.testing.assert_array_equal(RecordFile(path).read([0]), images[:1])
        else:
            with pytest.raises(RecordError, match=r"a is empty|record \d at byte \d+: .*verify"):
                RecordFile(path)


def test_damage_is_named_when_it_is_met(tmp_path):
    images = random_images(4)
    path = write_payloads(tmp_path / "a", map(encode_example, images))
    stride = path.stat().st_size // 4
    content = bytearray(path.read_bytes())
    content[2 * stride] ^= 1
    path.write_bytes(content)
    file = RecordFile(path)
    np.testing.assert_array_equal(file.read([0, 1, 3]), images[[0, 1, 3]])
    with pytest.raises(RecordError, match=f"record 2 at byte {2 * stride}: .*verify"):
        file.read([2])


def test_images_of_another_shape_are_refused(tmp_path):
    # Equal in length, so that only the shape tells.
    wide, tall = np.zeros((1, 4, 8), np.uint8), np.zeros((1, 8, 4), np.uint8)
    file = RecordFile(write_payloads(tmp_path / "a", map(encode_example, [wide, tall])))
    with pytest.raises(RecordError, match=r"record 1 .*shape"):
        file.read([1])


def test_other_examples_are_refused(tmp_path):
    image = random_images(1)[0]
    for payload in (
        b"",
        b"text",
        example(shape_feature(image)),
        example(data_feature(image)),
        example(data_feature(image[:, :2]), shape_feature(image)),
        example(data_feature(image), shape_feature(image[0])),
    ):
        with pytest.raises(RecordError, match="Not an image record"):
            RecordFile(write_payloads(tmp_path / "a", [payload]))
