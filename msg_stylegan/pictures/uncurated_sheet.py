"""Many images on one sheet, in columns of shrinking images, as in the papers of StyleGAN."""

import numpy as np

# How often the images of each column are halved, and the least side of an image.
_HALVINGS = (0, 1, 2, 2, 3, 3)
_MIN_SIDE = 4


def uncurated_sheet(images):
    """Fills the columns from the left, top to bottom; what remains of the last ones is white.

    Args:
        images: uint8 `[N, r, r, C]`, r a power of two.

    Returns:
        uint8 `[rows * r, width, C]` with as few rows of full images as hold all images.
    """
    count, side, _, channels = images.shape
    halvings = [times for times in _HALVINGS if side >> times >= _MIN_SIDE or times == 0]
    rows = -(-count // sum(2**times for times in halvings))
    columns, start = [], 0
    for times in halvings:
        here = images[start : start + rows * 2**times]
        start += rows * 2**times
        column = np.full((rows * side, side >> times, channels), 255, np.uint8)
        small = halve(here, times).reshape(-1, side >> times, channels)
        column[: len(small)] = small
        columns.append(column)
    return np.concatenate(columns, axis=1)


def halve(images, times):
    """Halves both sides of uint8 `[N, H, W, C]` so often; a pixel is the mean of its square."""
    count, height, width, channels = images.shape
    factor = 2**times
    blocks = images.reshape(count, height // factor, factor, width // factor, factor, channels)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)
