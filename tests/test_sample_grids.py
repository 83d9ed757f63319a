"""The pictures of a run."""

from types import SimpleNamespace

import numpy as np
import pytest
from support.saved_pictures import pixels
from support.tiny_run import make_dataset, make_networks

from msg_stylegan.training.sample_grids import SampleGrids, rows_of_classes


@pytest.fixture
def grids(tmp_path):
    dataset = make_dataset(tmp_path / "tiny", label_size=3)
    nets = make_networks(label_size=3)
    return SampleGrids(tmp_path, [nets.G_ema], [dataset], "6x3", batch_size=4, seed=1)


def test_grids_show_the_same_samples_at_every_scale_and_time(grids, tmp_path):
    first = grids.save_fakes(0.0)
    second = grids.save_fakes(12.402)
    assert first.keys() == {"4x4", "8x8", "16x16", "all_scales"}
    for name, picture in first.items():
        np.testing.assert_array_equal(picture, second[name])
        np.testing.assert_array_equal(
            pixels(tmp_path / name / "fakes000012_402.png"), picture[:, :, 0]
        )
    for res in (4, 8, 16):
        assert first[f"{res}x{res}"].shape == (3 * res, 6 * res, 1)


def test_all_scales_holds_the_samples_of_the_grids(grids):
    pictures = grids.save_fakes(0.0)
    sheet = pictures["all_scales"]
    first_of_top = pictures["16x16"][:16, :16]
    first_of_low = pictures["4x4"][:4, :4].repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(sheet[:16, :16], first_of_low)
    np.testing.assert_array_equal(sheet[:16, 2 * 18 : 2 * 18 + 16], first_of_top)


def test_large_sheets_hold_fewer_samples():
    def sheet_size(resolution, num_scales):
        images = [
            np.zeros(
                (20, resolution >> (num_scales - 1 - i), resolution >> (num_scales - 1 - i), 1)
            )
            for i in range(num_scales)
        ]
        grids = SimpleNamespace(_sheet_order=np.arange(20))
        return SampleGrids._sheet(grids, [image.astype(np.uint8) for image in images]).shape

    assert sheet_size(16, 3)[1] > sheet_size(16, 3)[0] / 2  # 2 columns of 8
    height, width, _ = sheet_size(1024, 9)
    assert height * width < 1.1 * 2**25


def test_every_row_of_a_conditional_network_has_one_class(grids, tmp_path):
    dataset = grids._datasets[0]
    images = dataset.read_images(np.arange(dataset.num_images))[..., 0]
    grids.save_reals()
    picture = pixels(tmp_path / "reals.png")
    for row in range(3):
        for column in range(6):
            cell = picture[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
            (number,) = (i for i, image in enumerate(images) if np.array_equal(cell, image))
            # The tiny data set has image i in class i mod 3.
            assert number % 3 == row
    assert (grids._labels[0].argmax(axis=1).reshape(3, 6) == np.arange(3)[:, None]).all()


def test_the_sheet_of_a_conditional_network_shows_every_class(grids):
    pictures = grids.save_fakes(0.0)
    sheet, top = pictures["all_scales"], pictures["16x16"]
    # Samples stand side by side in pairs, 4, 8 and 16 pixels each enlarged to 16, gaps of 2 and 6.
    first, second = sheet[:16, 36:52], sheet[:16, 52 + 6 + 36 : 52 + 6 + 52]
    np.testing.assert_array_equal(first, top[:16, :16])
    np.testing.assert_array_equal(second, top[16:32, :16])


def test_grids_without_labels_or_with_other_labels_are_in_the_order_of_the_data(tmp_path):
    dataset = make_dataset(tmp_path / "tiny")
    grids = SampleGrids(tmp_path, [make_networks().G_ema], [dataset], "6x3", batch_size=4, seed=1)
    assert (np.diff(grids._rows[0]) > 0).all()
    assert (grids._sheet_order == np.arange(18)).all()


def test_classes_begin_anew_and_images_repeat_where_there_are_too_few():
    classes = np.array([0, 4, 4, 0, 4])
    rows = rows_of_classes(classes, np.array([4, 3, 2, 1, 0]), (2, 4))
    assert rows.tolist() == [3, 0, 4, 2, 3, 0, 1, 4]
