"""Colours of image files become those of sRGB."""

import concurrent.futures
import io

import numpy as np
import pytest
from PIL import Image, ImageCms
from support import colour_profiles
from support.image_sources import encoded, noise
from support.picture_reading import read


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
