import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.image_sources import encoded, noise

from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.data.image_preparation import FILTERS, ImagePreparation, SkippedImageError


def stored(image, file_format="PNG", **options):
    """An image as a file of it opens."""
    return Image.open(io.BytesIO(encoded(image, file_format, **options)))


def prepared(image, background="black", **options):
    options["reader"] = PictureReader(background)
    result = ImagePreparation(**options).prepare(image)
    assert result.dtype == np.uint8
    assert result.shape[2] in (1, 3)
    return result


# Sizes.


@given(
    side=st.sampled_from([4, 8, 32]),
    gray=st.booleans(),
    fit=st.sampled_from(["center-crop", "pad", "stretch"]),
    filter_name=st.sampled_from(sorted(FILTERS)),
    given_side=st.booleans(),
)
def test_squares_of_the_right_size_keep_their_pixels(side, gray, fit, filter_name, given_side):
    image = noise(side, side, side, 1 if gray else 3)
    resolution = side if given_side else None
    result = prepared(stored(image), resolution=resolution, fit=fit, filter=filter_name)
    np.testing.assert_array_equal(result, image.reshape(side, side, -1))


@given(height=st.integers(1, 40), width=st.integers(1, 40), gray=st.booleans(), data=st.data())
def test_every_size_becomes_the_resolution(height, width, gray, data):
    fit = data.draw(st.sampled_from(["center-crop", "pad", "stretch"]))
    channels = data.draw(st.sampled_from([None, 1, 3]))
    image = stored(noise(0, height, width, 1 if gray else 3))
    result = prepared(image, resolution=16, fit=fit, channels=channels)
    assert result.shape == (16, 16, channels or (1 if gray else 3))


@pytest.mark.parametrize(("height", "width"), [(16, 21), (21, 16), (16, 16)])
def test_center_crop_is_that_of_the_original(height, width):
    image = noise(0, height, width)
    top, left = (height - 16) // 2, (width - 16) // 2
    expected = image[top : top + 16, left : left + 16]
    np.testing.assert_array_equal(prepared(stored(image), resolution=16), expected)
    np.testing.assert_array_equal(prepared(stored(image)), expected)


def test_only_what_is_cropped_counts():
    image = noise(0, 32, 64)
    other = image.copy()
    other[:, :16] = other[:, 48:] = 0
    result = prepared(stored(image), resolution=8)
    np.testing.assert_array_equal(result, prepared(stored(other), resolution=8))
    alone = prepared(stored(image[:, 16:48]), resolution=8)
    np.testing.assert_array_equal(result, alone)


@pytest.mark.parametrize(("height", "width"), [(8, 16), (16, 8), (5, 16)])
def test_padding_lies_on_the_background(height, width):
    image = noise(0, height, width)
    result = prepared(stored(image), fit="pad", background="#0a141e")
    top, left = (16 - height) // 2, (16 - width) // 2
    inside = (slice(top, top + height), slice(left, left + width))
    np.testing.assert_array_equal(result[inside], image)
    outside = np.ones((16, 16), bool)
    outside[inside] = False
    np.testing.assert_array_equal(result[outside], [[10, 20, 30]] * outside.sum())


def test_padding_keeps_the_proportions():
    result = prepared(stored(np.full((30, 60), 255, np.uint8)), resolution=32, fit="pad")
    np.testing.assert_array_equal(result[:8], 0)
    np.testing.assert_array_equal(result[8:24], 255)
    np.testing.assert_array_equal(result[24:], 0)
    thin = prepared(stored(np.full((1, 500), 255, np.uint8)), resolution=8, fit="pad")
    assert (thin > 0).all(axis=1).sum() == 1


def test_the_resize_of_the_original_squashes_by_a_bilinear_filter():
    image = noise(0, 20, 40)
    expected = np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BILINEAR))
    result = prepared(stored(image), resolution=16, fit="stretch", filter="bilinear")
    np.testing.assert_array_equal(result, expected)


def test_a_box_filter_takes_means():
    image = noise(0, 32, 32)
    means = image.reshape(8, 4, 8, 4, 3).mean(axis=(1, 3))
    result = prepared(stored(image), resolution=8, filter="box")
    assert np.abs(result - means).max() <= 1  # Pillow rounds after each of the two directions.


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_all_filters_are_antialiased(name):
    # Lines of one pixel, which vanish or turn white where pixels are only picked.
    image = np.zeros((64, 64), np.uint8)
    image[:, ::2] = 255
    result = prepared(stored(image), resolution=8, filter=name)[:, 1:-1]
    assert result.min() > 110
    assert result.max() < 145


def test_small_images_are_skipped():
    image = stored(noise(0, 20, 10))
    assert prepared(image, resolution=8, min_size=10).shape == (8, 8, 3)
    with pytest.raises(SkippedImageError, match=r"10x20, smaller than 11 pixels"):
        prepared(image, resolution=8, min_size=11)


def test_stretching_needs_a_resolution():
    with pytest.raises(SkippedImageError, match="10x20: stretching it needs a resolution"):
        prepared(stored(noise(0, 20, 10)), fit="stretch")


# Orientation.

# How a camera has stored an upright image for each value of the tag, by the standard of EXIF:
# where row 0 and column 0 of the stored image lie on the upright one.
STORED = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: np.rot90(image.swapaxes(0, 1), 2),
    8: lambda image: np.rot90(image, -1),
}


@pytest.mark.parametrize("tag", STORED)
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP"])
def test_images_are_turned_upright(tag, file_format):
    image = noise(0, 8, 16)
    exif = Image.Exif()
    exif[0x0112] = tag
    options = {"lossless": True} if file_format == "WEBP" else {}
    turned = stored(np.ascontiguousarray(STORED[tag](image)), file_format, exif=exif, **options)
    result = prepared(turned, fit="pad")
    np.testing.assert_array_equal(result[4:12], image)


def test_sixteen_bits_are_turned_upright():
    gray = noise(0, 8, 8, 1)
    exif = Image.Exif()
    exif[0x0112] = 3
    turned = stored(gray[::-1, ::-1].astype(np.uint16) * 257, exif=exif)
    np.testing.assert_array_equal(prepared(turned)[:, :, 0], gray)


DAMAGED_EXIF = {
    "nonsense": b"Exif\0\0nonsense",
    "nowhere": b"Exif\0\0II*\0\xff\xff\xff\xff",
    "short": b"x",
    "text": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x02\0\0\x006\0\0\0\0\0\0\0",
}


@pytest.mark.parametrize("exif", DAMAGED_EXIF.values(), ids=DAMAGED_EXIF)
@pytest.mark.filterwarnings("ignore")
def test_damaged_exif_data_does_not_matter(exif):
    image = noise(0)
    np.testing.assert_array_equal(prepared(stored(image, exif=exif)), image)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_unknown_orientations_do_not_matter(value):
    image = noise(0)
    exif = Image.Exif()
    exif[0x0112] = value
    np.testing.assert_array_equal(prepared(stored(image, exif=exif)), image)


# Modes.


def test_palettes_become_rgb():
    palette = Image.fromarray(noise(0)).quantize(16)
    expected = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(prepared(stored(palette)), expected)


def blended(image, alpha, background):
    alpha = alpha[..., np.newaxis] / 255
    return image * alpha + np.array(background) * (1 - alpha)


@pytest.mark.parametrize(
    ("name", "color"), [("black", (0, 0, 0)), ("white", (255, 255, 255)), ("#f80", (255, 136, 0))]
)
def test_transparent_pixels_show_the_background(name, color):
    image = noise(0, channels=4)
    image[0, :, 3], image[1, :, 3] = 0, 255
    result = prepared(stored(image), background=name)
    np.testing.assert_array_equal(result[0], [color] * 16)
    np.testing.assert_array_equal(result[1], image[1, :, :3])
    assert np.abs(result - blended(image[..., :3], image[..., 3], color)).max() <= 1.001


def test_gray_with_alpha():
    image = noise(0, channels=2)
    expected = blended(image[..., :1], image[..., 1], (255,))
    result = prepared(stored(image), background="white")
    assert result.shape == (16, 16, 1)
    assert np.abs(result - expected).max() <= 1.001
    colored = prepared(stored(image), background="red", channels=3)
    assert np.abs(colored - blended(image[..., :1], image[..., 1], (255, 0, 0))).max() <= 1.001


def test_palette_with_alpha():
    palette = Image.fromarray(noise(0)).quantize(16)
    alpha = np.arange(16) * 17
    image = stored(palette, transparency=bytes(alpha.astype(np.uint8)))
    expected = blended(
        np.asarray(palette.convert("RGB")), alpha[np.asarray(palette)], (255, 255, 255)
    )
    assert np.abs(prepared(image, background="white") - expected).max() <= 1.001


@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_color_key(channels):
    image = np.full((8, 8, 3)[: 2 + (channels == 3)], 10, np.uint8)
    image[:4] = 20
    key = 10 if channels == 1 else (10, 10, 10)
    result = prepared(stored(image, transparency=key), background="white")
    assert result.shape == (8, 8, channels)
    np.testing.assert_array_equal(result[:4], 20)
    np.testing.assert_array_equal(result[4:], 255)


def test_cmyk_becomes_rgb():
    image = stored(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "TIFF")
    np.testing.assert_array_equal(prepared(image), np.broadcast_to([0, 255, 255], (8, 8, 3)))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_keep_the_upper_ones(file_format):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    deep = gray.astype(np.uint16) * 256 + noise(0, channels=1)
    if file_format == "PPM":
        image = Image.open(io.BytesIO(b"P5 16 16 65535\n" + deep.astype(">u2").tobytes()))
    else:
        image = stored(deep, file_format)
    np.testing.assert_array_equal(prepared(image)[:, :, 0], gray)
    np.testing.assert_array_equal(prepared(image, channels=3), np.stack([gray] * 3, axis=2))


def test_black_and_white():
    mask = noise(0, channels=1) > 99
    result = prepared(stored(Image.fromarray(mask)))
    np.testing.assert_array_equal(result[:, :, 0], np.where(mask, 255, 0))


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_pixels_without_a_known_white_are_skipped(kind):
    with pytest.raises(SkippedImageError, match="does not say which number is white"):
        prepared(stored(np.zeros((8, 8), kind), "TIFF"))


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_counts(file_format):
    frames = [Image.new("RGB", (8, 8), color) for color in ("#ff0000", "#00ff00", "#0000ff")]
    options = {"lossless": True} if file_format == "WEBP" else {}
    image = stored(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(prepared(image), np.broadcast_to([255, 0, 0], (8, 8, 3)))


def test_channels():
    image = noise(0)
    gray = prepared(stored(image), channels=1)
    luma = image @ [0.299, 0.587, 0.114]  # ITU-R 601-2
    assert np.abs(gray[:, :, 0] - luma).max() <= 0.51
    again = prepared(stored(gray[:, :, 0]), channels=3)
    np.testing.assert_array_equal(again, np.repeat(gray, 3, axis=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolution": 24}, "`resolution` must be a power of two from 4 to 8192. Received: 24"),
        ({"resolution": 2}, "Received: 2"),
        ({"resolution": 0}, "Received: 0"),
        ({"resolution": -8}, "Received: -8"),
        ({"resolution": 16384}, "Received: 16384"),
        ({"fit": "crop"}, "`fit` must be one of center-crop, pad, stretch. Received: 'crop'"),
        ({"filter": "nearest"}, "`filter` must be one of lanczos, bicubic, box, bilinear"),
        ({"channels": 4}, "`channels` must be 1 or 3. Received: 4"),
        ({"min_size": 0}, "`min_size` must be 1 or more. Received: 0"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError) as error:
        ImagePreparation(**options)
    assert message in str(error.value)
