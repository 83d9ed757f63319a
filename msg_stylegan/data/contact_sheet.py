"""A contact sheet: a picture of some of the images of a data set side by side."""

import os
import sys

import numpy as np
from PIL import Image

from msg_stylegan.files import atomic_path

_SHEET_SIDE = 1024
_GAP = 2
_GAP_VALUE = 255


def contact_sheet(dataset, num_images=64):
    """Shows images spread evenly over a data set, as many columns as rows or one row less.

    Small images are enlarged by repeating pixels; blocks of pixels of large ones are averaged.

    Args:
        dataset: `TFRecordDataset`.
        num_images: Images to show; all, if the data set has fewer.

    Returns:
        The `PIL.Image.Image`, about 1024 pixels wide.
    """
    count = min(num_images, dataset.num_images)
    indices = np.linspace(0, dataset.num_images - 1, count).round().astype(np.int64)
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    side = max(_SHEET_SIDE // columns, 1)
    images = [_fitted(dataset.read_images([index])[0], side) for index in indices]
    cell = images[0].shape[0] + _GAP
    shape = (rows * cell - _GAP, columns * cell - _GAP, dataset.num_channels)
    sheet = np.full(shape, _GAP_VALUE, np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * cell, number % columns * cell
        sheet[top : top + cell - _GAP, left : left + cell - _GAP] = image
    return Image.fromarray(sheet[:, :, 0] if sheet.shape[2] == 1 else sheet)


def write_contact_sheet(dataset, path, num_images=64):
    """Writes a `contact_sheet` as PNG, whole or not at all."""
    sheet = contact_sheet(dataset, num_images)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")


def has_screen():
    """Whether windows can be seen where this program runs."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _fitted(image, side):
    """Enlarges by a whole number, or shrinks by one, to at most about `side` pixels."""
    resolution, _, channels = image.shape
    if resolution <= side:
        return image.repeat(side // resolution, axis=0).repeat(side // resolution, axis=1)
    # Resolutions are powers of two, so that this divides them.
    factor = 1 << (-(-resolution // side) - 1).bit_length()
    cells = image.reshape(resolution // factor, factor, resolution // factor, factor, channels)
    return np.rint(cells.mean(axis=(1, 3))).astype(np.uint8)
