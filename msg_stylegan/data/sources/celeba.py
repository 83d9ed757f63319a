"""Aligned and cropped CelebA, from PNG or JPEG files at any depth of a folder or archive."""

import collections
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.sources.arrays import Source, count_warnings
from msg_stylegan.data.sources.image_files import open_store
from msg_stylegan.data.sources.selection import printable

_WIDTH, _HEIGHT = 178, 218
_HALF_SIDE = 64
_NUM_IMAGES = 202599

_FOLDERS = ("img_align_celeba_png", "img_align_celeba")
_KINDS = {".png": ".png", ".jpg": ".jpg", ".jpeg": ".jpg"}
_MOST_OTHERS = 6

# `folder` in the store, the `numbers` of its images there, and `notices` about others.
_Found = collections.namedtuple("_Found", ["folder", "numbers", "notices"])


class CelebaSource(Source):
    """128x128 RGB faces, cut out around a point of the aligned 178x218 images; no labels.

    Args:
        folder: Folder of `img_align_celeba_png`, which the original reads, or of the official
            `img_align_celeba` with JPEG files, at any depth; one of these two themselves; or an
            archive of them, such as `img_align_celeba.zip`, or the folder of that. The fullest
            folder counts; of PNG and JPEG in equal numbers, PNG.
        cx: Column of the centre of the cut, 64 to 114.
        cy: Row of the centre of the cut, 64 to 154.

    Raises:
        ValueError: There are no such images, or the cut would leave their area.
    """

    def __init__(self, folder, cx=89, cy=121):
        for name, value, side in (("cx", cx, _WIDTH), ("cy", cy, _HEIGHT)):
            if not _HALF_SIDE <= value <= side - _HALF_SIDE:
                raise ValueError(
                    f"`--{name}` must be {_HALF_SIDE} to {side - _HALF_SIDE}, so that 128 pixels "
                    f"of {side} can be cut out. Received: {value}"
                )
        self._left, self._top = cx - _HALF_SIDE, cy - _HALF_SIDE
        self._store = open_store(Path(folder))
        found = _find_images(self._store)
        self._numbers = found.numbers
        self.num_images = len(found.numbers)
        place = str(Path(self._store.path, found.folder))
        self.description = {"kind": "celeba", "path": place, "cx": cx, "cy": cy}
        self.warnings = [
            *count_warnings(place, self.num_images, _NUM_IMAGES),
            *found.notices,
            *(f"{self._store.path}: {notice}" for notice in self._store.notices),
        ]

    def name(self, index):
        return self._store.name(self._numbers[index])

    def read(self, index):
        reader = PictureReader()
        image = reader.open(self._store.data(self._numbers[index]))
        reader.decode(image)
        pixels = np.asarray(image)
        if pixels.shape != (_HEIGHT, _WIDTH, 3):
            height, width = pixels.shape[:2]
            raise SkippedImageError(
                f"it is {width}x{height}, {image.mode}. Aligned images of CelebA are "
                f"{_WIDTH}x{_HEIGHT}, RGB"
            )
        return self._cut(pixels)

    def _cut(self, pixels):
        side = 2 * _HALF_SIDE
        return pixels[self._top : self._top + side, self._left : self._left + side]


class CentralCelebaSource(CelebaSource):
    """The central 70 % of the width and height, 126x154 pixels, resized to 128x128.

    Soft-CoGAN has cut CelebA like this. The filter is bilinear, and antialiased, unlike there.
    """

    def __init__(self, folder):
        super().__init__(folder)
        self.description |= {"cx": None, "cy": None, "cut": "central 70 %"}

    def _cut(self, pixels):
        image = Image.fromarray(pixels[32:-32, 26:-26])
        return np.asarray(image.resize((2 * _HALF_SIDE,) * 2, Image.Resampling.BILINEAR))


def _find_images(store):
    """The `_Found` with the most images, in the right folder if there is one."""
    numbers = collections.defaultdict(list)
    for number, name in enumerate(store.names):
        path = PurePosixPath(name)
        if (kind := _KINDS.get(path.suffix.lower())) is not None:
            numbers[path.parent, kind].append(number)
    if not numbers:
        archives = [name for name in store.other_names if "celeba" in name.lower()]
        shown = f"{store.path}/{printable(archives[0])}" if archives else ""
        hint = f" Give {shown} itself if it is a zip or tar archive; else unpack it." * bool(shown)
        raise ValueError(
            f"{store.path} holds no images of CelebA: expected img_align_celeba_png/*.png or "
            f"img_align_celeba/*.jpg in it.{hint}"
        )

    def order(group):
        folder, kind = group
        name = PurePosixPath(store.path, folder).name.lower()
        return name not in _FOLDERS, -len(numbers[group]), kind != ".png", folder

    chosen = min(numbers, key=order)
    used = f"{len(numbers[chosen])} {chosen[1]} in {_shown(store, chosen[0])}"
    others = ", ".join(
        f"{len(numbers[group])} {group[1]} in {_shown(store, group[0])}"
        for group in sorted(numbers, key=order)[1:_MOST_OTHERS]
    )
    notices = [f"{used} are used; left out were {others}."] if others else []
    return _Found(str(chosen[0]), numbers[chosen], notices)


def _shown(store, folder):
    return printable(str(Path(store.path, folder)))
