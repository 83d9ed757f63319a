import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.stored_data_sets import random_images

from msg_stylegan.pictures.sheets import (
    grid_size,
    image_grid,
    save_image,
    scale_sheet,
)


@pytest.mark.parametrize(
    ("rule", "resolution", "expected"),
    [
        ("4k", 1024, (7, 4)),
        ("4k", 512, (7, 4)),
        ("4k", 256, (15, 8)),
        ("4k", 128, (30, 16)),
        ("4k", 32, (32, 32)),
        ("1080p", 1024, (3, 2)),
        ("1080p", 256, (7, 4)),
        ("1080p", 8, (32, 32)),
        ("16x8", 1024, (16, 8)),
    ],
)
def test_grid_sizes_of_the_original(rule, resolution, expected):
    assert grid_size(rule, resolution) == expected


@pytest.mark.parametrize("rule", ["", "8k", "x", "0x4", "4x0", "4x", "-1x2", "4x4x4", "٣x٣"])
def test_other_grid_sizes_are_refused(rule):
    with pytest.raises(ValueError, match="Expected a grid size"):
        grid_size(rule, 32)


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3]))
def test_each_image_has_its_place_in_the_grid(columns, rows, channels):
    images = random_images(columns * rows, 4, channels)
    grid = image_grid(images, (columns, rows))
    assert grid.shape == (4 * rows, 4 * columns, channels)
    for i, image in enumerate(images):
        y, x = 4 * (i // columns), 4 * (i % columns)
        np.testing.assert_array_equal(grid[y : y + 4, x : x + 4], image)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_saved_grid_reads_back_the_same(tmp_path, channels):
    images = random_images(6, 8, channels)
    save_image(image_grid(images, (3, 2)), tmp_path / "new" / "grid.png")
    with Image.open(tmp_path / "new" / "grid.png") as picture:
        assert picture.mode == {1: "L", 3: "RGB"}[channels]
        pixels = np.asarray(picture).reshape(16, 24, channels)
    np.testing.assert_array_equal(pixels, image_grid(images, (3, 2)))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["grid.png"]


def test_metadata_reads_back(tmp_path):
    facts = {"seed": 7, "network": "größe-000010.keras"}
    save_image(random_images(1, 8, 3)[0], tmp_path / "a.png", facts)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.text == {"seed": "7", "network": "größe-000010.keras"}


@pytest.mark.parametrize(("columns", "zoom", "channels"), [(1, 1, 3), (2, 1, 1), (3, 2, 3)])
def test_each_scale_of_each_sample_has_its_place_on_the_sheet(columns, zoom, channels):
    scales = [random_images(5, res, channels, seed=res) for res in (4, 8, 16)]
    sheet = scale_sheet(scales, columns=columns, zoom=zoom, gap=2)
    size = 16 * zoom
    strip = 3 * size + 2 * 2
    rows = -(-5 // columns)
    assert sheet.shape == (rows * (size + 6) - 6, columns * (strip + 6) - 6, channels)
    for i in range(5):
        for column, images in enumerate(scales):
            y = (i // columns) * (size + 6)
            x = (i % columns) * (strip + 6) + column * (size + 2)
            factor = size // images.shape[1]
            shown = sheet[y : y + size, x : x + size]
            np.testing.assert_array_equal(shown[::factor, ::factor], images[i])
            np.testing.assert_array_equal(shown, np.kron(images[i], np.ones((factor, factor, 1))))


def test_a_sheet_of_one_image_is_the_image():
    image = random_images(1, 8, 3)
    np.testing.assert_array_equal(scale_sheet([image], columns=4), image[0])


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 4, 4, 3), np.float32),
        np.zeros((2, 4, 4, 2), np.uint8),
        np.zeros((4, 4, 3), np.uint8),
    ],
)
def test_other_images_are_refused(images):
    with pytest.raises(ValueError, match="Expected uint8 images"):
        image_grid(images, (1, 2))
    with pytest.raises(ValueError, match="Expected uint8 images"):
        scale_sheet([images])


def test_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match="needs 6 images, not 5"):
        image_grid(random_images(5, 4, 3), (3, 2))
    with pytest.raises(ValueError, match="same samples at every scale"):
        scale_sheet([random_images(2, 4, 3), random_images(3, 8, 3)])
    with pytest.raises(ValueError, match="divide the highest"):
        scale_sheet([random_images(2, 6, 3), random_images(2, 8, 3)])
    with pytest.raises(ValueError, match="at least 1"):
        scale_sheet([random_images(2, 8, 3)], columns=0)
