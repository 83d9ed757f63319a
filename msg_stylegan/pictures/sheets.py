"""PNG pictures of many images: plain grids, and sheets with gaps.

The grid sizes follow the `4k` and `1080p` rules of the original's training loop.
"""

import io
import math
import re

import numpy as np
from PIL import Image, PngImagePlugin

from msg_stylegan.files import atomic_path

# Sizes of the screens that a grid should fill, with the least and the largest number of cells
# per axis: name -> (screen width, screen height, (min, max) columns, (min, max) rows).
_SCREENS = {
    "4k": (3840, 2160, (7, 32), (4, 32)),
    "1080p": (1920, 1080, (3, 32), (2, 32)),
}

# Orders of the scales of a sample on a sheet of all scales.
LAYOUTS = ("strip", "tower", "grid")

# Brightness of the gaps of a sheet.
_GAP_VALUE = 255

# How often the images of each column of an uncurated sheet are halved, and the least side of one.
_HALVINGS = (0, 1, 2, 2, 3, 3)
_MIN_SIDE = 4


def grid_size(rule, resolution):
    """Number of images in a grid.

    Args:
        rule: "4k" or "1080p" (as many as fit on such a screen, within the original's limits), or
            "WxH" for W columns and H rows.
        resolution: Size of one image in pixels.

    Returns:
        Tuple `(columns, rows)`.

    Raises:
        ValueError: `rule` is something else.

    Source:
        `setup_snapshot_image_grid` of the original.
    """
    if rule in _SCREENS:
        width, height, columns, rows = _SCREENS[rule]
        return (
            min(max(width // resolution, columns[0]), columns[1]),
            min(max(height // resolution, rows[0]), rows[1]),
        )
    explicit = re.fullmatch(r"([0-9]+)x([0-9]+)", rule)
    if explicit and int(explicit[1]) > 0 and int(explicit[2]) > 0:
        return int(explicit[1]), int(explicit[2])
    raise ValueError(
        f'Expected a grid size "4k", "1080p" or "WxH" with at least one column and one row '
        f'(such as "8x4"). Received {rule!r}.'
    )


def image_grid(images, size):
    """Lays images side by side, row by row, without gaps.

    Args:
        images: uint8 `[N, r, r, C]`, C = 1 or 3.
        size: `(columns, rows)` with `columns * rows == N`.

    Returns:
        uint8 `[rows * r, columns * r, C]`.
    """
    images = check_images(images)
    columns, rows = size
    count, height, width, channels = images.shape
    if columns * rows != count:
        raise ValueError(f"A grid of {columns}x{rows} needs {columns * rows} images, not {count}.")
    grid = images.reshape(rows, columns, height, width, channels)  # [RCHWC] split N into a grid
    grid = grid.transpose(0, 2, 1, 3, 4)  # [RHCWC]
    return grid.reshape(rows * height, columns * width, channels)  # [HWC]


def side_by_side(*images):
    """Images of several domains, those of a sample next to each other.

    Args:
        *images: uint8 `[N, r, r, 1 or 3]`, one for each domain. Gray beside colour becomes RGB.

    Returns:
        uint8 `[N * len(images), r, r, C]`.
    """
    channels = max(some.shape[3] for some in images)
    stacked = np.stack([np.repeat(x, channels // x.shape[3], axis=3) for x in images], axis=1)
    return stacked.reshape(-1, *stacked.shape[2:])


def scale_sheet(images, *, columns=1, zoom=1, gap=2, layout="strip", together=1):
    """Shows all scales of each sample together, each enlarged to full size.

    Pixels are repeated, never blended, so that a scale looks the way the network made it.

    Args:
        images: List of uint8 arrays `[N, r, r, C]`, low to high resolution. Each resolution must
            divide the highest one.
        columns: Samples, or groups of them, per row of the sheet. The last row may stay partly
            empty.
        zoom: Enlarges everything by this whole number, for data sets of very small images.
        gap: Space between scales in pixels. Samples are separated by three times as much.
        layout: Order of the scales of a sample: "strip" (side by side, low to high), "tower" (one
            above the other, the highest on top) or "grid" (row by row in a square, low to high).
        together: Samples that follow each other and belong together, such as those of a pair.
            They stay side by side, further away from the next ones.

    Returns:
        uint8 `[height, width, C]`.
    """
    images = [check_images(image) for image in images]
    count, size, _, channels = images[-1].shape
    if columns < 1 or zoom < 1:
        raise ValueError(f"Expected columns and zoom of at least 1. Received {columns}, {zoom}.")
    if layout not in LAYOUTS:
        raise ValueError(f"Expected one of the layouts {', '.join(LAYOUTS)}. Received {layout!r}.")
    for image in images:
        if len(image) != count or image.shape[3] != channels or size % image.shape[1]:
            raise ValueError(
                "A contact sheet needs the same samples at every scale, and scales that divide "
                f"the highest one. Received shapes {[list(i.shape) for i in images]}."
            )
    scales = [enlarge(image, size * zoom // image.shape[1]) for image in images]
    if layout == "tower":
        scales = scales[::-1]
    side = {"strip": len(scales), "tower": 1, "grid": math.ceil(math.sqrt(len(scales)))}[layout]
    samples = [tile(np.stack(sample), side, gap) for sample in zip(*scales, strict=True)]
    gap *= 3
    if together > 1:
        groups = np.stack(samples).reshape(-1, together, *samples[0].shape)
        samples = [tile(group, together, gap) for group in groups]
        gap *= 3
    return tile(np.stack(samples), columns, gap)


def uncurated_sheet(images):
    """Many images in columns of shrinking images, as in the papers of StyleGAN.

    The columns are filled from the left, top to bottom; what remains of the last ones is white.

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
        column = np.full((rows * side, side >> times, channels), _GAP_VALUE, np.uint8)
        small = shrink(here, 2**times).reshape(-1, side >> times, channels)
        column[: len(small)] = small
        columns.append(column)
    return np.concatenate(columns, axis=1)


def tile(pictures, columns, gap=2):
    """Lays pictures of one size side by side, row by row, on white.

    Args:
        pictures: uint8 `[N, H, W, C]`, C = 1 or 3.
        columns: Pictures per row. The last row may stay partly empty.
        gap: Space between them in pixels.

    Returns:
        uint8 `[height, width, C]`.
    """
    count, height, width, channels = pictures.shape
    rows = -(-count // columns)
    columns = min(columns, count)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, channels)
    sheet = np.full(shape, _GAP_VALUE, np.uint8)
    for index, picture in enumerate(pictures):
        top = (index // columns) * (height + gap)
        left = (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def enlarge(images, factor):
    """Repeats every pixel of `[..., H, W, C]` `factor` times along both sides."""
    return images.repeat(factor, axis=-3).repeat(factor, axis=-2)


def shrink(images, factor):
    """Averages blocks of pixels of uint8 `[N, H, W, C]`, whose sides `factor` divides."""
    count, height, width, channels = images.shape
    blocks = images.reshape(count, height // factor, factor, width // factor, factor, channels)
    return np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)


def save_image(image, path, metadata=None):
    """Writes one picture as PNG, whole or not at all.

    Args:
        image: uint8 `[H, W, C]`, C = 1 (grayscale) or 3 (RGB).
        path: Target, ending in `.png`.
        metadata: Optional dict of facts that are stored as text inside the PNG.
    """
    data = encode_png(image, metadata)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def read_image(path):
    """Reads one picture.

    Args:
        path: File of a kind that Pillow knows.

    Returns:
        uint8 `[H, W, C]`, C = 1 (grayscale) or 3 (RGB).

    Raises:
        ValueError: It is not a picture, or damaged.
    """
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L" if picture.mode == "L" else "RGB"))
    except OSError as error:
        raise ValueError(f"{path} is not a readable picture: {error}") from error
    return pixels.reshape(*pixels.shape[:2], -1)


def encode_png(image, metadata=None):
    """The bytes of the file that `save_image` writes."""
    check_images(image[None])
    text = PngImagePlugin.PngInfo()
    for key, value in (metadata or {}).items():
        # Names of files need not be UTF-8.
        text.add_text(key, str(value).encode("utf-8", "backslashreplace").decode())
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", pnginfo=text)
    return buffer.getvalue()


def check_images(images):
    """The images as an array, after a check that they can be stored in a picture."""
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(
            "Expected uint8 images [N, height, width, channels] with 1 or 3 channels. "
            f"Received {images.dtype} {list(images.shape)}."
        )
    return images
