"""Reads the bytes of an image file, as the data set tool does."""

import numpy as np

from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.data.decoding.remarks import remarks_of_image


def read(data, **rules):
    """Pixels, and the kinds and details of remarks."""
    reader = PictureReader(**rules)
    with remarks_of_image() as found:
        pixels = np.asarray(reader.pixels(reader.open(data)))
    return pixels, dict(found)
