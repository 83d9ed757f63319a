"""A contact sheet: a picture of some of the images of a data set side by side."""

import os
import sys

import numpy as np

from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.pictures.sheets import enlarge, save_image, shrink, tile

_SHEET_SIDE = 1024


def contact_sheet(dataset, num_images=64):
    """Shows images spread evenly over a data set, with as many rows as columns or one fewer.

    Small images are enlarged by repeating pixels; blocks of pixels of large ones are averaged.

    Args:
        dataset: `TFRecordDataset`.
        num_images: Images to show; all, if the data set has fewer.

    Returns:
        uint8 `[height, width, C]`, about 1024 pixels wide.
    """
    count = min(num_images, dataset.num_images)
    indices = np.linspace(0, dataset.num_images - 1, count).round().astype(np.int64)
    columns = int(np.ceil(np.sqrt(count)))
    side = max(_SHEET_SIDE // columns, 1)
    images = [_fitted(dataset.read_images([index]), side) for index in indices]
    return tile(np.concatenate(images), columns)


def write_contact_sheet(directory, path):
    """Writes a `contact_sheet` of the data set in a folder as PNG, whole or not at all."""
    save_image(contact_sheet(TFRecordDataset(directory)), path)


def has_screen():
    """Whether windows can be seen where this program runs."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _fitted(images, side):
    """Enlarges or shrinks by a whole number, to at most about `side` pixels."""
    resolution = images.shape[1]
    if resolution <= side:
        return enlarge(images, side // resolution)
    # Resolutions are powers of two, so this divides them.
    return shrink(images, 1 << (-(-resolution // side) - 1).bit_length())
