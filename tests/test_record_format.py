import functools
import io
import itertools
import struct
import zlib

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.example_messages import data_feature, example, message, shape_feature
from support.stored_data_sets import random_planes

from msg_stylegan.data.record_format import (
    ENCODINGS,
    RecordError,
    decode_example,
    encode_example,
    frame,
    parse_example,
    pixel_bounds,
)


def decoded(payload):
    return decode_example(parse_example(payload))


images = st.tuples(
    st.sampled_from([1, 3]), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32)
).map(lambda facts: np.random.default_rng(facts[3]).integers(0, 256, facts[:3], np.uint8))


@given(images, st.integers(1, 5))
def test_raw_payload_of_any_shape_is_that_of_tensorflow(image, channels):
    image = np.repeat(image[:1], channels, axis=0)
    expected = tf.train.Example()
    expected.features.feature["shape"].int64_list.value.extend(image.shape)
    expected.features.feature["data"].bytes_list.value.append(image.tobytes())
    assert encode_example(image) == expected.SerializeToString(deterministic=True)
    assert decoded(encode_example(image)).tobytes() == image.tobytes()


# Pixels that look like what may stand before or behind them, too.
@given(images, st.none() | st.binary(min_size=1, max_size=3))
def test_features_in_any_order_and_their_pixels_are_found(image, pattern):
    if pattern:
        image = np.resize(np.frombuffer(pattern, np.uint8), image.shape)
    for features in itertools.permutations([shape_feature(image), data_feature(image)]):
        payload = example(*features)
        assert parse_example(payload) == (image.shape, image.tobytes(), "raw")
        np.testing.assert_array_equal(decoded(payload), image)
        start, stop = pixel_bounds(payload)
        assert payload[start:stop] == image.tobytes()
        # Only the pixels change if others take their place.
        others = (~image).tobytes()
        assert parse_example(payload[:start] + others + payload[stop:]).data == others


@given(images)
def test_png_is_lossless_and_always_the_same(image):
    payload = encode_example(image, "png")
    assert payload == encode_example(image.copy(), "png")
    assert decoded(payload).dtype == np.uint8
    np.testing.assert_array_equal(decoded(payload), image)


@given(images, st.sampled_from(["png", "jpeg"]))
def test_encoded_payload_is_an_example_to_tensorflow(image, encoding):
    payload = encode_example(image, encoding)
    example = tf.train.Example.FromString(payload)
    assert example.SerializeToString(deterministic=True) == payload
    feature = example.features.feature
    assert sorted(feature) == ["data", "encoding", "shape"]
    assert tuple(feature["shape"].int64_list.value) == image.shape
    assert feature["encoding"].bytes_list.value[0] == encoding.encode()
    with Image.open(io.BytesIO(feature["data"].bytes_list.value[0])) as file:
        assert file.format == encoding.upper()
        assert file.mode == ("L" if len(image) == 1 else "RGB")
        assert (len(image), file.height, file.width) == image.shape
    # TensorFlow decodes a PNG to the same pixels.
    if encoding == "png":
        pixels = tf.io.decode_png(feature["data"].bytes_list.value[0]).numpy()
        np.testing.assert_array_equal(pixels.transpose(2, 0, 1), image)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_close_and_keeps_sharp_colours(channels):
    ramp = np.linspace(0, 255, 64)
    image = np.stack([np.add.outer(ramp, np.roll(ramp, k)) / 2 for k in range(channels)])
    image = np.rint(image).astype(np.uint8)
    changed = decoded(encode_example(image, "jpeg")).astype(int)
    assert np.abs(changed - image).mean() < 2
    # One red column in blue: with subsampled colours it would be smeared over its neighbours.
    if channels == 3:
        image = np.zeros((3, 16, 16), np.uint8)
        image[2], image[:, :, 8] = 255, [[255], [0], [0]]
        changed = decoded(encode_example(image, "jpeg")).astype(int)
        assert np.abs(changed - image).max() < 40


@pytest.mark.parametrize(
    ("image", "encoding", "message"),
    [
        (np.zeros((3, 4, 4), np.float32), "raw", "Expected uint8"),
        (np.zeros((4, 4), np.uint8), "raw", r"Expected uint8 \[C, H, W\]"),
        (np.zeros((3, 4, 4), np.uint8), "gif", "must be one of raw, png, jpeg. Received: gif"),
        (np.zeros((2, 4, 4), np.uint8), "png", r"\[2, 4, 4\] cannot be written as png"),
        (np.zeros((1, 0, 4), np.uint8), "jpeg", r"\[1, 0, 4\] cannot be written as jpeg"),
    ],
)
def test_what_cannot_be_encoded(image, encoding, message):
    with pytest.raises(ValueError, match=message):
        encode_example(image, encoding)


def image_file(file_format, mode="RGB", size=(8, 8)):
    file = io.BytesIO()
    Image.new(mode, size).save(file, file_format)
    return file.getvalue()


def tiny_file_of_a_huge_image():
    """A PNG that says it is 32768x32768."""

    def chunk(name, content):
        crc = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", 1 << 15, 1 << 15, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def encoded_example(content, encoding=b"png", shape=(3, 8, 8)):
    example = tf.train.Example()
    example.features.feature["shape"].int64_list.value.extend(shape)
    example.features.feature["data"].bytes_list.value.append(content)
    example.features.feature["encoding"].bytes_list.value.append(encoding)
    # The same bytes in every process, because they name the cases of a test.
    return example.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (encoded_example(image_file("PNG"), b"gif"), "'encoding' is 'gif'"),
        (encoded_example(image_file("PNG"), b"raw"), "'encoding' is 'raw'"),
        (encoded_example(image_file("PNG"), b"\xff" * 1000), "'encoding' is '.{20}'"),
        (encoded_example(image_file("PNG"), b"jpeg"), "not a JPEG image"),
        (encoded_example(image_file("BMP")), "not a PNG image"),
        (encoded_example(image_file("PNG"), shape=(3, 8, 4)), "not a PNG image of the shape"),
        (encoded_example(image_file("PNG", "L")), "not a PNG image of the shape"),
        (encoded_example(image_file("PNG", "RGBA")), "not a PNG image of the shape"),
        (encoded_example(image_file("PNG", "P")), "not a PNG image of the shape"),
        (encoded_example(image_file("PNG")[:-30]), "not a PNG image"),
        (encoded_example(b""), "not a PNG image"),
        (encoded_example(b"", shape=(3, 1 << 19, 1 << 19)), "'shape' is"),
        (encoded_example(b"", shape=(4, 8, 8)), "'shape' is"),
        (encoded_example(tiny_file_of_a_huge_image()), "not a PNG image"),
    ],
)
def test_damaged_encoded_images_are_refused(payload, message):
    with pytest.raises(RecordError, match=message):
        decoded(payload)


@given(st.binary(max_size=64))
def test_parser_refuses_or_reads_any_bytes(payload):
    try:
        assert min(parse_example(payload).shape) > 0
    except RecordError:
        return


@functools.cache
def sound_payload(encoding):
    return encode_example(random_planes(1, resolution=8)[0], encoding)


@given(st.sampled_from(ENCODINGS), st.data())
def test_parser_and_decoder_survive_damaged_payloads(encoding, data):
    payload = bytearray(sound_payload(encoding))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    payload = payload[: data.draw(st.integers(0, len(payload)))]
    try:
        assert decoded(payload).shape == parse_example(payload).shape
    except RecordError:
        return


def test_checksum_is_computed_by_a_fast_implementation():
    # The other one is plain Python, a thousand times slower.
    assert google_crc32c.implementation == "c"


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_frames_make_the_file_of_tensorflow(tmp_path_factory, payloads):
    path = tmp_path_factory.mktemp("frames") / "a"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in payloads:
            writer.write(payload)
    assert b"".join(map(frame, payloads)) == path.read_bytes()


def test_numbers_may_be_unpacked():
    image = random_planes(1)[0]
    # Field 1 as single numbers (wire type 0) instead of one run of bytes.
    feature = message(3, b"".join(bytes([8, size]) for size in image.shape))
    entry = message(1, b"shape") + message(2, feature)
    payload = example(message(1, entry), data_feature(image))
    assert tf.train.Example.FromString(payload).features.feature["shape"].int64_list.value == [
        *image.shape
    ]
    assert parse_example(payload).shape == image.shape
    assert pixel_bounds(payload) is None


def test_other_examples_are_refused():
    image = random_planes(1)[0]
    for payload in (
        b"",
        b"text",
        example(shape_feature(image)),
        example(data_feature(image)),
        example(data_feature(image[:, :2]), shape_feature(image)),
        example(data_feature(image), shape_feature(image[0])),
    ):
        with pytest.raises(RecordError, match="Not an image record"):
            parse_example(payload)
