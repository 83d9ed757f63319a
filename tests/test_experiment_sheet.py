"""The sheet of an experiment: the pictures of its variants, pixel for pixel."""

import numpy as np
import pytest

from experiments.frame.sheet import draw_sheet, last_images
from msg_stylegan.pictures.sheets import enlarge, image_grid, read_image, save_image


@pytest.mark.parametrize(("side", "channels", "zoom"), [(16, 1, 4), (48, 3, 2), (64, 3, 1)])
def test_a_sheet_has_the_last_pictures_of_every_variant(tmp_path, side, channels, zoom):
    rng = np.random.default_rng(0)
    rows = {}
    for name in ("short", "a_much_longer_name"):
        folder = tmp_path / name / f"{side}x{side}"
        folder.mkdir(parents=True)
        images = rng.integers(0, 256, (40, side, side, channels), dtype=np.uint8)
        save_image(image_grid(images[::-1], (20, 2)), folder / "fakes000000.png")
        save_image(image_grid(images, (20, 2)), folder / "fakes000012_500.png")
        rows[name] = last_images(tmp_path / name, side)
        np.testing.assert_array_equal(rows[name], images[:16])
    draw_sheet(tmp_path / "sheet.png", rows)
    sheet = read_image(tmp_path / "sheet.png")
    side *= zoom
    assert sheet.shape[0] == 2 * side + 2
    left = sheet.shape[1] - 16 * (side + 2) + 2
    for row, images in enumerate(rows.values()):
        top = row * (side + 2)
        for column, image in enumerate(images):
            start = left + column * (side + 2)
            found = sheet[top : top + side, start : start + side]
            np.testing.assert_array_equal(found, np.broadcast_to(enlarge(image, zoom), found.shape))
        name = sheet[top : top + side, :left]
        assert (name < 128).any() and (name[:, -4:] == 255).all()


def test_a_run_without_pictures_has_none_on_the_sheet(tmp_path):
    assert last_images(tmp_path, 16) is None
