"""PNG files: texts, profiles, orientations and damage in their chunks."""

import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from support import colour_profiles
from support.colour_profiles import chunk, with_chunk
from support.image_sources import encoded, noise, write_folder
from support.picture_reading import read

from msg_stylegan.data.decoding.picture_reader import PictureReader, upright_size
from msg_stylegan.data.decoding.remarks import (
    SkippedImageError,
)
from msg_stylegan.data.sources import open_store

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
