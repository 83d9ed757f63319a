"""The one transparent colour of PNG files, which has the depth of the file."""

import numpy as np
import pytest
from support.colour_profiles import png_of_bits

from msg_stylegan.data.decoding.picture_reader import PictureReader


def read(data, **rules):
    reader = PictureReader(**rules)
    return np.asarray(reader.pixels(reader.open(data)))


GRAY, RGB = (8, 8), (8, 8, 3)


@pytest.mark.parametrize(
    ("size", "bits"), [*((GRAY, bits) for bits in (1, 2, 4, 8, 16)), (RGB, 8), (RGB, 16)]
)
def test_transparent_colours_of_any_depth(size, bits):
    samples = np.random.default_rng(0).integers(0, 2**bits, size)
    key = samples[3, 4]
    is_key = (samples == key).reshape(8, 8, -1).all(axis=-1)
    gray = samples >> 8 if bits == 16 else samples * 255 // (2**bits - 1)
    pixels = np.broadcast_to(gray.reshape(8, 8, -1), (8, 8, 3)).copy()
    pixels[is_key] = 255, 136, 0
    found = read(png_of_bits(samples, bits, key), background="#ff8800")
    np.testing.assert_array_equal(found, pixels)


def test_a_range_of_values_leaves_the_transparent_ones():
    samples = np.array([[0, 4000], [4095, 5]])
    found = read(png_of_bits(samples, 16, 4000), background="#ff8800", value_range=(0, 4095))
    black, white = [0, 0, 0], [255, 255, 255]
    np.testing.assert_array_equal(found, [[black, [255, 136, 0]], [white, black]])
