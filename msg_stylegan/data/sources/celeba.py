"""Aligned and cropped CelebA, from its folder of PNG or JPEG files."""

from pathlib import Path

import numpy as np

from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.arrays import count_warnings
from msg_stylegan.data.sources.storage import read_file

_FOLDERS = (("img_align_celeba_png", "*.png"), ("img_align_celeba", "*.jpg"))
_WIDTH, _HEIGHT = 178, 218
_HALF_SIDE = 64
_NUM_IMAGES = 202599


class CelebaSource:
    """128x128 RGB faces, cut out around a point of the aligned 178x218 images; no labels.

    Args:
        folder: Folder of `img_align_celeba_png`, which the original reads, or of the official
            `img_align_celeba` with JPEG files, or one of these two themselves.
        cx: Column of the centre of the cut, 64 to 114.
        cy: Row of the centre of the cut, 64 to 154.

    Raises:
        ValueError: There are no such images, or the cut would leave them.
    """

    labels = None
    class_names = None
    shuffled = True

    def __init__(self, folder, cx=89, cy=121):
        for name, value, side in (("cx", cx, _WIDTH), ("cy", cy, _HEIGHT)):
            if not _HALF_SIDE <= value <= side - _HALF_SIDE:
                raise ValueError(
                    f"`--{name}` must be {_HALF_SIDE} to {side - _HALF_SIDE}, so that 128 pixels "
                    f"of {side} can be cut out. Received: {value}"
                )
        self._left, self._top = cx - _HALF_SIDE, cy - _HALF_SIDE
        self._folder, self._names = _find_images(Path(folder))
        self.num_images = len(self._names)
        self.description = {"kind": "celeba", "path": str(self._folder), "cx": cx, "cy": cy}
        self.warnings = count_warnings(self._folder, self.num_images, _NUM_IMAGES)

    def name(self, index):
        return str(self._folder / self._names[index])

    def read(self, index):
        reader = PictureReader()
        image = reader.open(read_file(self._folder / self._names[index]))
        reader.decode(image)
        pixels = np.asarray(image)
        if pixels.shape != (_HEIGHT, _WIDTH, 3):
            height, width = pixels.shape[:2]
            raise SkippedImageError(
                f"it is {width}x{height}, {image.mode}. Aligned images of CelebA are "
                f"{_WIDTH}x{_HEIGHT}, RGB"
            )
        side = 2 * _HALF_SIDE
        return pixels[self._top : self._top + side, self._left : self._left + side]


def _find_images(folder):
    """The folder that holds the images, and their names, sorted."""
    places = [(folder / name, pattern) for name, pattern in _FOLDERS]
    places += [(folder, pattern) for _, pattern in _FOLDERS]
    for place, pattern in places:
        # Hidden files are no images; some systems leave them beside each.
        names = sorted(path.name for path in place.glob(pattern) if path.name[0] != ".")
        if names:
            return place, names
    raise ValueError(
        f"{folder} holds no images of CelebA: expected img_align_celeba_png/*.png or "
        "img_align_celeba/*.jpg in it."
    )
