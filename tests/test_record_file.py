import concurrent.futures
import os
import struct

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support.example_messages import data_feature, example, shape_feature
from support.stored_data_sets import random_planes

from msg_stylegan.data.record_file import (
    RecordFile,
    RecordFiles,
    iterate_offsets,
    iterate_records,
)
from msg_stylegan.data.record_format import (
    ENCODINGS,
    RecordError,
    decode_example,
    encode_example,
    frame,
    masked_crc32c,
    parse_example,
)


def write_payloads(path, payloads):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in payloads:
            writer.write(payload)
    return path


@settings(deadline=None, max_examples=30)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.sampled_from([1, 3]), st.data())
def test_records_are_read_in_any_order_of_features_and_indices(tmp_path_factory, orders, c, data):
    images = random_planes(len(orders), channels=c)
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
    images = random_planes(5)
    payloads = [encode_example(image) for image in images]
    # Unknown features are allowed, and make a record longer.
    extra = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"name"]))
    feature = tf.train.Features(feature={"name": extra}).SerializeToString()
    payloads[2] = example(shape_feature(images[2]), feature, data_feature(images[2]))
    file = RecordFile(write_payloads(tmp_path / "a", payloads))
    np.testing.assert_array_equal(file.read([4, 2, 0, 3, 1]), images[[4, 2, 0, 3, 1]])
    offsets = np.cumsum([0] + [len(payload) + 16 for payload in payloads[:4]])
    assert [file.offset(i) for i in range(5)] == offsets.tolist()


def test_reading_without_positioned_reads(tmp_path, monkeypatch):
    # As on Windows.
    monkeypatch.delattr(os, "preadv", raising=False)
    images = random_planes(20)
    file = RecordFile(write_payloads(tmp_path / "a", map(encode_example, images)))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for i, image in enumerate(pool.map(lambda i: file.read([i % 20])[0], range(200))):
            np.testing.assert_array_equal(image, images[i % 20])


def test_many_threads_may_read(tmp_path):
    images = random_planes(50, resolution=16)
    file = RecordFile(write_payloads(tmp_path / "a", map(encode_example, images)))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for i, image in enumerate(pool.map(lambda i: file.read([i % 50])[0], range(500))):
            np.testing.assert_array_equal(image, images[i % 50])


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_record_outside(tmp_path, index):
    file = RecordFile(write_payloads(tmp_path / "a", map(encode_example, random_planes(3))))
    with pytest.raises(IndexError, match="of 3"):
        file.read([index])


def test_every_truncation_is_refused_or_ends_after_a_record(tmp_path):
    images = random_planes(3, channels=1)
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
    images = random_planes(4)
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
    path = write_payloads(tmp_path / "a", [encode_example(random_planes(1)[0]), b"text"])
    with pytest.raises(RecordError, match=r"a, record 1 at byte \d+: Not an image record"):
        RecordFile(path).read([1])
    with pytest.raises(RecordError, match="a, record 0 at byte 0: Not an image record"):
        RecordFile(write_payloads(tmp_path / "a", [b"text"]))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_encoding_is_read(tmp_path, encoding, channels):
    images = random_planes(7, channels, resolution=8)
    payloads = [encode_example(image, encoding) for image in images]
    file = RecordFile(write_payloads(tmp_path / "a", payloads))
    assert (file.num_records, file.shape, file.encoding) == (7, (channels, 8, 8), encoding)
    expected = np.stack([decode_example(parse_example(payload)) for payload in payloads])
    indices = [6, 0, 3, 3]
    np.testing.assert_array_equal(file.read(indices), expected[indices])
    assert file.read([]).shape == (0, channels, 8, 8)


def test_encoded_images_of_equal_length_are_not_raw_ones(tmp_path):
    images = np.zeros((3, 1, 4, 4), np.uint8)
    file = RecordFile(write_payloads(tmp_path / "a", [encode_example(i, "png") for i in images]))
    np.testing.assert_array_equal(file.read(range(3)), images)


def test_encoded_images_whose_lengths_look_equal_are_all_found(tmp_path):
    images = np.zeros((64, 1, 8, 8), np.uint8)
    for i, pixels in enumerate(images.reshape(64, 64)):
        pixels[:i] = random_planes(1, 1, 8, seed=i).ravel()[:i]
    by_length = {len(encode_example(image, "png")): image for image in images}
    first, shorter, longer = next(
        (length, length - d, length + d)
        for length in by_length
        for d in range(1, 20)
        if {length - d, length + d} <= by_length.keys()
    )
    # Four times the first length, and the last record has it.
    images = np.stack([by_length[length] for length in (first, shorter, longer, first)])
    payloads = [encode_example(image, "png") for image in images]
    file = RecordFile(write_payloads(tmp_path / "a", payloads))
    assert file.num_bytes == 4 * len(frame(payloads[0]))
    np.testing.assert_array_equal(file.read(range(4)), images)


@settings(max_examples=50)
@given(data=st.data())
def test_no_damaged_encoded_image_is_returned(tmp_path_factory, data):
    images = random_planes(3, resolution=8)
    payloads = [encode_example(image, "png") for image in images]
    path = write_payloads(tmp_path_factory.mktemp("flip") / "a", payloads)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    starts = np.cumsum([0] + [len(frame(payload)) for payload in payloads])
    damaged = int(np.searchsorted(starts, position, side="right")) - 1
    try:
        file = RecordFile(path)
    except RecordError as error:
        assert f"record {damaged} at byte {starts[damaged]}:" in str(error)
        return
    for index, image in enumerate(images):
        if index == damaged:
            with pytest.raises(RecordError, match=f"record {index} at byte {starts[index]}: "):
                file.read([index])
        else:
            np.testing.assert_array_equal(file.read([index])[0], image)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.data())
def test_shards_are_read_as_one_file(tmp_path_factory, sizes, data):
    folder = tmp_path_factory.mktemp("shards")
    images = random_planes(sum(sizes), channels=1)
    encoding = data.draw(st.sampled_from(["raw", "png"]))
    paths, rest = [], [encode_example(image, encoding) for image in images]
    for shard, size in enumerate(sizes):
        paths.append(write_payloads(folder / f"{shard}", rest[:size]))
        rest = rest[size:]
    files = RecordFiles(paths)
    assert (files.num_records, files.shape, files.encoding) == (len(images), (1, 4, 4), encoding)
    indices = data.draw(st.lists(st.integers(0, len(images) - 1), max_size=20))
    np.testing.assert_array_equal(files.read(indices), images[indices])
    for index in (-1, len(images)):
        with pytest.raises(IndexError, match=f"of {len(images)}"):
            files.read([0, index])
    files.close()


def test_shards_must_hold_images_of_one_shape(tmp_path):
    paths = [
        write_payloads(tmp_path / f"{side}", [encode_example(np.zeros((1, side, side), np.uint8))])
        for side in (4, 8)
    ]
    with pytest.raises(RecordError, match=r"8 holds images of the shape \(1, 8, 8\), .*4 has"):
        RecordFiles(paths)


@given(st.lists(st.binary(max_size=100), max_size=6), st.data())
def test_walk_over_records(tmp_path_factory, payloads, data):
    path = tmp_path_factory.mktemp("walk") / "a"
    path.write_bytes(b"".join(map(frame, payloads)))
    offsets = np.cumsum([0] + [len(frame(payload)) for payload in payloads]).tolist()
    assert list(iterate_offsets(path)) == offsets[:-1]
    begin = data.draw(st.integers(0, len(payloads)))
    walked = list(iterate_records(path, offset=offsets[begin], number=begin))
    assert walked == list(zip(offsets[begin:-1], payloads[begin:], strict=True))


@given(
    st.lists(st.binary(max_size=40), min_size=1, max_size=4),
    st.booleans(),
    st.data(),
)
def test_walk_names_every_damage(tmp_path_factory, payloads, truncate, data):
    path = tmp_path_factory.mktemp("walk") / "a"
    content = bytearray(b"".join(map(frame, payloads)))
    starts = np.cumsum([0] + [len(frame(payload)) for payload in payloads])
    position = data.draw(st.integers(0, len(content) - 1))
    record = int(np.searchsorted(starts, position, side="right")) - 1
    if truncate:
        content = content[:position]
    else:
        content[position] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    walked = []
    if truncate and position == starts[record]:
        # The end of a record may be the end of a file; `verify` counts.
        walked.extend(iterate_records(path))
    else:
        where = f"a, record {record} at byte {starts[record]}: (the file ends|.*checksum)"
        with pytest.raises(RecordError, match=where):
            walked.extend(iterate_records(path))
    # All in front of it is sound.
    assert [payload for _, payload in walked] == payloads[:record]


def test_payloads_are_walked_over_without_their_checksums(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(frame(b"text")[:-1] + b"?")
    assert list(iterate_records(path, check=False)) == [(0, b"text")]


@pytest.mark.parametrize("length", [0, 1 << 40, (1 << 64) - 1])
def test_a_length_with_the_right_checksum_cannot_lead_outside(tmp_path, length):
    header = struct.pack("<Q", length)
    path = tmp_path / "a"
    path.write_bytes(header + struct.pack("<I", masked_crc32c(header)) + b"abc")
    for read in (RecordFile, lambda path: list(iterate_records(path))):
        with pytest.raises(RecordError, match=r"a, record 0 at byte 0: [Tt]he file ends inside it"):
            read(path)
