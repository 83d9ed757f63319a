"""Bytes of image files to pixels: depths, remarks, limits, transparent colours."""

import errno

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from support.colour_profiles import png_of_bits
from support.image_sources import encoded, noise
from support.picture_reading import read

from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.data.decoding.remarks import (
    SkippedImageError,
    add_image_remarks,
    add_remarks,
    sentences,
)

# Depths.

DEEP = {"png": "PNG", "tif": "TIFF"}


@pytest.mark.parametrize("file_format", DEEP.values())
def test_value_range_scales(file_format):
    values = np.linspace(0, 4095, 256).round().astype(np.uint16).reshape(16, 16)
    data = encoded(values, file_format)
    scaled, remarks = read(data, value_range=(0, 4095))
    np.testing.assert_array_equal(scaled, np.rint(values * (255 / 4095)))
    assert not remarks
    plain, remarks = read(data)
    np.testing.assert_array_equal(plain, values >> 8)
    assert remarks == {"deep gray": 4095}


def test_zero_may_be_white_in_tiff():
    white_is_zero = {"tiffinfo": {262: 0}}
    gray = noise(0, channels=1)
    np.testing.assert_array_equal(read(encoded(gray, "TIFF", **white_is_zero))[0], gray)
    # Only 8 bits does Pillow turn round when it writes.
    deep = gray.astype(np.uint16) * 256
    found, _ = read(encoded(65535 - deep, "TIFF", **white_is_zero))
    np.testing.assert_array_equal(found, gray)
    found, _ = read(encoded(65535 - deep, "TIFF", **white_is_zero), value_range=(0, 255 * 256))
    np.testing.assert_array_equal(found, gray)


def test_values_outside_of_the_range_are_clipped_and_told():
    values = np.array([[100, 1100, 2100, 3000]], np.uint16)
    found, remarks = read(encoded(values), value_range=(1000, 2000))
    np.testing.assert_array_equal(found[0], [0, 26, 255, 255])
    assert remarks == {"values outside": "100 to 3000"}


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_images_without_a_known_white_take_it_from_the_range(kind):
    values = np.array([[-1, 0, 1]], kind)
    with pytest.raises(
        SkippedImageError, match="does not say which number is white; --value_range"
    ):
        read(encoded(values, "TIFF"))
    found, remarks = read(encoded(values, "TIFF"), value_range=(-1, 1))
    np.testing.assert_array_equal(found, [[0, 128, 255]])
    assert not remarks


def test_values_that_are_not_numbers_skip_the_image():
    with pytest.raises(SkippedImageError, match="not finite numbers"):
        read(encoded(np.array([[0, np.nan]], np.float32), "TIFF"), value_range=(0, 1))


def test_the_range_leaves_eight_bits_alone():
    for image in (noise(0), noise(0, channels=1)):
        np.testing.assert_array_equal(read(encoded(image), value_range=(0, 100))[0], image)


def test_dark_colours_of_sixteen_bits_are_told():
    values = np.random.default_rng(0).integers(0, 4096, (8, 8, 3))
    values[0, 0, 0] = 4095
    found, remarks = read(png_of_bits(values, 16))
    np.testing.assert_array_equal(found, values >> 8)
    assert remarks == {"deep colours": 15}
    assert not read(encoded(noise(0)))[1]
    assert not read(encoded(noise(0, channels=4)))[1]


# Gathering.


def gathered(details):
    result = {}
    for position, found in details:
        add_image_remarks(result, position, found)
    return result


def names(position):
    return f"image {position}"


def test_one_sentence_tells_the_largest_value():
    (text,) = sentences(gathered([(3, [("deep gray", 900)]), (1, [("deep gray", 4000)])]), names)
    assert text.startswith("The largest value of 2 gray images of 16 bits is 4000 of 65535")
    assert "12 bits" in text and "--value_range=4095" in text and text.endswith("image 1.")
    for bits in (10, 11, 12, 13, 14, 15):
        (text,) = sentences(gathered([(0, [("deep gray", 2**bits - 1)])]), names)
        assert f"look like {bits} bits" in text and f"--value_range={2**bits - 1}" in text
    bright = gathered([(0, [("deep gray", 900)]), (1, [("deep gray", 40000)])])
    assert sentences(bright, names) == []
    assert sentences(gathered([(0, [("deep gray", 0)])]), names) == []


remarked = st.lists(
    st.tuples(st.sampled_from(["profile", "values outside"]), st.text(max_size=3))
    | st.tuples(st.sampled_from(["deep gray", "deep colours"]), st.integers(0, 70000)),
    max_size=3,
    unique_by=lambda entry: entry[0],
)


@given(st.lists(remarked, max_size=8), st.randoms())
def test_neither_parts_nor_their_order_matter(found, random):
    details = list(enumerate(found))
    whole = gathered(details)
    random.shuffle(details)
    cut = random.randint(0, len(details))
    parts = gathered(details[:cut])
    add_remarks(parts, gathered(details[cut:]))
    assert parts == whole


# Limits.


def test_the_limit_of_pixels_says_how_to_raise_it():
    data = encoded(noise(0, 20, 30))
    assert read(data, max_pixels=600)[0].shape == (20, 30, 3)
    with pytest.raises(
        SkippedImageError, match=r"it has 600 pixels\. More than 599 are refused on "
    ):
        read(data, max_pixels=599)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP", "GIF"])
def test_the_limit_can_be_raised_above_that_of_pillow(file_format, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    data = encoded(noise(0, 20, 30), file_format)
    with pytest.raises(SkippedImageError, match=r"it has 600 pixels.* --max_pixels=600 allows"):
        read(data, max_pixels=200)
    assert Image.MAX_IMAGE_PIXELS == 100
    assert read(data, max_pixels=600)[0].shape[:2] == (20, 30)


@pytest.mark.parametrize("place", ["open", "load"])
def test_lack_of_memory_is_not_the_fault_of_an_image(place, monkeypatch):
    def fail(*args, **options):
        raise MemoryError

    monkeypatch.setattr(Image if place == "open" else PngImagePlugin.PngImageFile, place, fail)
    with pytest.raises(OSError, match="not enough memory") as error:
        read(encoded(noise(7)))
    assert error.value.errno == errno.ENOMEM


@pytest.mark.parametrize("mistake", [KeyboardInterrupt, SystemExit])
def test_interruptions_pass(mistake, monkeypatch):
    def fail(*args, **options):
        raise mistake

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    with pytest.raises(mistake):
        read(encoded(noise(7)))


def test_mistakes_of_ours_are_not_those_of_an_image(monkeypatch):
    def fail(*args):
        raise TypeError("ours")

    monkeypatch.setattr("msg_stylegan.data.decoding.picture_reader.eight_bits", fail)
    with pytest.raises(TypeError, match="ours"):
        read(encoded(noise(7)))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"background": "blackish"}, "`background` must be an opaque colour"),
        ({"background": "#ff000080"}, "`background` must be an opaque colour"),
        ({"value_range": (1, 1)}, "`value_range` must be two numbers, the lower one first"),
        ({"value_range": (0, float("nan"))}, "`value_range` must be two numbers"),
        ({"max_pixels": 0}, "`max_pixels` must be 1 or more. Received: 0"),
    ],
)
def test_wrong_rules(rules, message):
    with pytest.raises(ValueError, match=message):
        PictureReader(**rules)


# The one transparent colour of PNG files, which has the depth of the file.


@pytest.mark.parametrize(
    ("size", "bits"), [*(((8, 8), n) for n in (1, 2, 4, 8, 16)), ((8, 8, 3), 8), ((8, 8, 3), 16)]
)
def test_transparent_colours_of_any_depth(size, bits):
    samples = np.random.default_rng(0).integers(0, 2**bits, size)
    key = samples[3, 4]
    is_key = (samples == key).reshape(8, 8, -1).all(axis=-1)
    gray = samples >> 8 if bits == 16 else samples * 255 // (2**bits - 1)
    pixels = np.broadcast_to(gray.reshape(8, 8, -1), (8, 8, 3)).copy()
    pixels[is_key] = 255, 136, 0
    found, _ = read(png_of_bits(samples, bits, key), background="#ff8800")
    np.testing.assert_array_equal(found, pixels)


def test_a_range_of_values_leaves_the_transparent_ones():
    samples = np.array([[0, 4000], [4095, 5]])
    found, _ = read(png_of_bits(samples, 16, 4000), background="#ff8800", value_range=(0, 4095))
    black, white = [0, 0, 0], [255, 255, 255]
    np.testing.assert_array_equal(found, [[black, [255, 136, 0]], [white, black]])
