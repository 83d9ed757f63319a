"""Bytes of image files to pixels: profiles, depths, metadata of PNG, limits."""

import concurrent.futures
import errno
import io
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin
from support import colour_profiles
from support.colour_profiles import chunk, png_of_bits, with_chunk
from support.image_sources import encoded, noise, write_folder

from msg_stylegan.data.decoding.picture_reader import PictureReader, upright_size
from msg_stylegan.data.decoding.remarks import (
    SkippedImageError,
    add_image_remarks,
    add_remarks,
    remarks_of_image,
    sentences,
)
from msg_stylegan.data.sources import open_store


def read(data, **rules):
    """Pixels, and the kinds and details of remarks."""
    reader = PictureReader(**rules)
    with remarks_of_image() as found:
        pixels = np.asarray(reader.pixels(reader.open(data)))
    return pixels, dict(found)


# Colour profiles.


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_profiles_are_converted_to_srgb(file_format):
    image = Image.fromarray(noise(0))
    profile = colour_profiles.swapped()
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(file_format, {})
    data = encoded(image, file_format, icc_profile=profile, **options)
    expected = ImageCms.profileToProfile(
        Image.open(io.BytesIO(data)).convert("RGB"),
        io.BytesIO(profile),
        ImageCms.createProfile("sRGB"),
    )
    found, remarks = read(data)
    np.testing.assert_array_equal(found, np.asarray(expected))
    assert np.abs(found.astype(int) - np.asarray(image)).max() > 50 and not remarks


def test_what_a_profile_does_counts_and_not_its_name():
    red = encoded(Image.new("RGB", (4, 4), (255, 0, 0)), icc_profile=colour_profiles.swapped())
    np.testing.assert_array_equal(read(red)[0][0, 0], (0, 255, 0))


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_inks_are_converted_to_srgb(file_format):
    image = Image.fromarray(noise(0, channels=4), "CMYK")
    profile = colour_profiles.cmyk()
    data = encoded(image, file_format, icc_profile=profile)
    expected = ImageCms.profileToProfile(
        Image.open(io.BytesIO(data)),
        io.BytesIO(profile),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    )
    found, remarks = read(data)
    np.testing.assert_array_equal(found, np.asarray(expected))
    assert not remarks
    untagged, _ = read(encoded(image, file_format))
    assert np.abs(found.astype(int) - untagged).mean() > 20
    # The second ink alone.
    ink = encoded(Image.new("CMYK", (1, 1), (0, 255, 0, 0)), "TIFF", icc_profile=profile)
    red, green, blue = read(ink)[0][0, 0]
    assert green > red and green > blue


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "I;16"])
def test_a_profile_of_srgb_changes_nothing(mode):
    image = Image.fromarray(noise(0, channels=4))
    image = image.convert("RGB").quantize(16) if mode == "P" else image
    if mode == "I;16":
        image = Image.fromarray(noise(0, channels=1).astype(np.uint16) * 257)
    elif mode != "P":
        image = image.convert(mode)
    plain, _ = read(encoded(image))
    tagged, remarks = read(encoded(image, icc_profile=colour_profiles.srgb()))
    np.testing.assert_array_equal(tagged, plain)
    assert not remarks.get("profile")


def linear_to_srgb(light):
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("profile", [colour_profiles.gray(1), colour_profiles.rgb_of_gamma(1)])
def test_gray_is_converted_and_stays_gray(profile):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = linear_to_srgb(ramp / 255)
    found, remarks = read(encoded(ramp, icc_profile=profile))
    assert found.shape == (16, 16) and not remarks
    assert np.abs(found - expected).max() <= 2
    alpha = np.full((16, 16), 255, np.uint8)
    with_alpha, _ = read(encoded(np.stack([ramp, alpha], axis=-1), icc_profile=profile))
    np.testing.assert_array_equal(with_alpha, np.stack([found] * 3, axis=-1))
    deep, _ = read(encoded(ramp.astype(np.uint16) * 257, icc_profile=profile))
    np.testing.assert_array_equal(deep, found)


def test_colours_are_converted_before_they_are_blended():
    # Half transparent in a profile of linear light over white.
    pixel = np.array([[[64, 64, 64, 128]]], np.uint8)
    found, _ = read(encoded(pixel, icc_profile=colour_profiles.rgb_of_gamma(1)), background="white")
    converted = linear_to_srgb(np.array(64 / 255))
    expected = converted * 128 / 255 + 255 * 127 / 255
    assert np.abs(found - expected).max() <= 2


def test_palettes_are_converted():
    palette = Image.fromarray(noise(0)).quantize(16)
    profile = colour_profiles.swapped()
    expected, _ = read(encoded(palette.convert("RGB"), icc_profile=profile))
    np.testing.assert_array_equal(read(encoded(palette, icc_profile=profile))[0], expected)


DAMAGED_PROFILES = {
    "zeros": b"\0" * 300,
    "cut": colour_profiles.srgb()[:200],
    "text": b"no profile",
    "of gray": colour_profiles.gray(2.2),
}


@pytest.mark.parametrize("profile", DAMAGED_PROFILES.values(), ids=DAMAGED_PROFILES)
def test_a_profile_that_cannot_be_applied_is_remarked_on(profile):
    image = noise(0)
    found, remarks = read(encoded(image, icc_profile=profile))
    np.testing.assert_array_equal(found, image)
    assert remarks.keys() == {"profile"} and "0x" not in remarks["profile"]


def test_a_profile_that_has_lost_a_part_is_damaged():
    data = encoded(noise(0), "JPEG", icc_profile=colour_profiles.srgb() * 200)
    cut = data.replace(b"ICC_PROFILE\0\2", b"ICC_PROFILX\0\2", 1)
    assert cut != data
    assert read(cut)[1] == {"profile": "it is damaged"}


def test_profiles_can_be_shared_by_threads():
    data = [
        encoded(noise(i, 64, 64), icc_profile=profile)
        for i in range(8)
        for profile in (colour_profiles.swapped(), colour_profiles.rgb_of_gamma(1.8))
    ]
    expected = [read(one)[0] for one in data]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            found = list(pool.map(lambda one: read(one)[0], data))
            np.testing.assert_array_equal(found, expected)


def test_lab_becomes_rgb():
    image = Image.new("LAB", (4, 4), (255, 128, 128))
    found, _ = read(encoded(image, "TIFF"))
    assert np.abs(found.astype(int) - 255).max() <= 2


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


# PNG.

IMAGE = noise(7)
PNG = encoded(IMAGE)
LARGE = b"x" * 3_000_000

TEXTS = {
    "text": chunk(b"tEXt", b"workflow\0" + LARGE),
    "compressed": chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LARGE)),
    "international": chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(LARGE)),
    "xmp": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LARGE)),
    "bomb": chunk(b"zTXt", b"workflow\0\0" + zlib.compress(bytes(1 << 26), 9)),
    "wrong method": chunk(b"zTXt", b"workflow\0\7abc"),
    "no zlib": chunk(b"zTXt", b"workflow\0\0abc"),
    "wrong checksum": chunk(b"tEXt", b"workflow\0abc", checksum=1),
    "without a key": chunk(b"tEXt", b"abc"),
    "unknown": chunk(b"abCd", LARGE, checksum=1),
    "short gamma": chunk(b"gAMA", b"1"),
    "wrong animation": chunk(b"fcTL", b"1") + chunk(b"acTL", b""),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_texts_of_png_do_not_matter(text, before):
    limits = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    found, remarks = read(with_chunk(PNG, text, before))
    np.testing.assert_array_equal(found, IMAGE)
    assert not remarks
    assert limits == (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY)


def test_files_without_an_ending_are_found_in_spite_of_texts(tmp_path):
    write_folder(tmp_path, {"photo": with_chunk(PNG, TEXTS["compressed"])})
    assert open_store(tmp_path).names == ["photo"]


def test_many_texts_do_not_matter():
    piece = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20)))
    found, _ = read(with_chunk(PNG, piece * 80))
    np.testing.assert_array_equal(found, IMAGE)


def test_a_text_that_is_cut_off_behind_the_pixels_does_not_matter():
    end = PNG.index(b"IEND") - 4
    np.testing.assert_array_equal(read(PNG[:end] + TEXTS["text"][:5000])[0], IMAGE)


def test_large_profiles_are_applied_and_larger_ones_are_damaged():
    swapped = colour_profiles.swapped()
    large = chunk(b"iCCP", b"name\0\0" + zlib.compress(swapped + bytes(3_000_000)))
    expected, _ = read(encoded(IMAGE, icc_profile=swapped))
    found, remarks = read(with_chunk(PNG, large))
    np.testing.assert_array_equal(found, expected)
    assert not remarks
    bomb = chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(1 << 26), 9))
    for piece in (bomb, chunk(b"iCCP", b"name\0\5x"), chunk(b"iCCP", b"name\0\0abc", checksum=1)):
        found, remarks = read(with_chunk(PNG, piece))
        np.testing.assert_array_equal(found, IMAGE)
        assert remarks == {"profile": "it is damaged"}


ORIENTED = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
HEX = b"\nexif\n      26\n" + (b"Exif\0\0" + ORIENTED).hex().encode() + b"\n"

ORIENTATIONS = {
    "exif": chunk(b"eXIf", ORIENTED),
    "text": chunk(b"tEXt", b"Raw profile type exif\0" + HEX),
    "compressed": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(HEX)),
    "xmp": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
    "compressed xmp": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)),
    "long xmp": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b" " * 2_000_000 + XMP),
}


@pytest.mark.parametrize("piece", ORIENTATIONS.values(), ids=ORIENTATIONS)
@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_orientations_in_all_places_of_png_count(piece, before):
    image = noise(0, 8, 12)
    data = with_chunk(encoded(image), piece, before)
    found, _ = read(data)
    np.testing.assert_array_equal(found, np.rot90(image, -1))
    assert upright_size(PictureReader().open(data)) == (8, 12)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(10))
def test_the_size_by_the_header_is_that_of_the_pixels(file_format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(noise(0, 8, 12), file_format, exif=exif)
    found, _ = read(data)
    assert upright_size(PictureReader().open(data)) == found.shape[1::-1]


@given(
    st.integers(0, len(PNG)), st.lists(st.tuples(st.integers(8, len(PNG) - 1), st.integers(1, 255)))
)
def test_damage_to_png_has_reasons(cut, flips):
    data = bytearray(PNG)
    for offset, change in flips:
        data[offset] ^= change
    try:
        read(bytes(data[:cut]))
    except SkippedImageError as error:
        assert "0x" not in str(error)


def test_critical_damage_to_png_still_matters():
    data = bytearray(PNG)
    data[data.index(b"IDAT") + 30] ^= 1
    with pytest.raises(SkippedImageError, match="cannot be read as an image"):
        read(bytes(data))


def test_only_warnings_of_pillow_are_silenced():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(encoded(noise(0), exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
        with pytest.raises(UserWarning):
            warnings.warn("ours", stacklevel=1)


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
        read(PNG)
    assert error.value.errno == errno.ENOMEM


@pytest.mark.parametrize("mistake", [KeyboardInterrupt, SystemExit])
def test_interruptions_pass(mistake, monkeypatch):
    def fail(*args, **options):
        raise mistake

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    with pytest.raises(mistake):
        read(PNG)


def test_mistakes_of_ours_are_not_those_of_an_image(monkeypatch):
    def fail(*args):
        raise TypeError("ours")

    monkeypatch.setattr("msg_stylegan.data.decoding.picture_reader.eight_bits", fail)
    with pytest.raises(TypeError, match="ours"):
        read(PNG)


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
