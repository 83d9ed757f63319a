"""The sheet of an experiment: what every variant draws at the end of its training."""

from pathlib import Path

from metrics.figure_file import figure_file
from msg_stylegan.image_counts import FAKES
from msg_stylegan.pictures.sheets import enlarge, read_image, tile

_COLUMNS = 16
# Smaller images are enlarged.
_MIN_SIDE = 64
_GAP = 2
_DPI = 100
_FONT_POINTS = 10
# Of a character of the fixed-width font, relative to its size.
_CHARACTER_WIDTH = 0.61


def draw_sheet(path, rows):
    """Writes a row of images for each variant, its name on the left.

    Args:
        path: File to write, `.png`.
        rows: Non-empty dictionary of variant name -> uint8 images `[N, r, r, C]`, C = 1 or 3; N, r
            and C are those of all.
    """
    samples = {name: _strip(images) for name, images in rows.items()}
    row_height, row_width, _ = next(iter(samples.values())).shape
    font_pixels = _FONT_POINTS / 72 * _DPI
    left = round((max(map(len, rows)) + 2) * _CHARACTER_WIDTH * font_pixels)
    width, height = left + row_width, len(rows) * (row_height + _GAP) - _GAP
    with figure_file(path, width / _DPI, height / _DPI, _DPI, layout=None) as figure:
        for index, (name, strip) in enumerate(samples.items()):
            top = index * (row_height + _GAP)
            bottom = height - top - row_height
            # By pixels, as an axis would blend them.
            figure.figimage(strip.repeat(3 // strip.shape[2], axis=2), left, bottom)
            figure.text(
                font_pixels * _CHARACTER_WIDTH / width,
                (bottom + row_height / 2) / height,
                name,
                family="monospace",
                size=_FONT_POINTS,
                verticalalignment="center",
            )


def last_images(run_dir, resolution):
    """The first images of the last grid that a run has saved, uint8 `[N, r, r, C]`; or None."""
    pictures = FAKES.paths(Path(run_dir, f"{resolution}x{resolution}"))
    if not pictures:
        return None
    grid = read_image(pictures[-1])
    row = grid[:resolution, : _COLUMNS * resolution]
    return row.reshape(resolution, -1, resolution, row.shape[2]).swapaxes(0, 1)


def _strip(images):
    return tile(enlarge(images, -(-_MIN_SIDE // images.shape[1])), len(images), _GAP)
