"""The pictures of a run."""

import numpy as np
import pytest
from PIL import Image
from tiny_run import make_dataset, make_networks

from msg_stylegan.training.sample_grids import SampleGrids


@pytest.fixture
def grids(tmp_path):
    dataset = make_dataset(tmp_path / "tiny", label_size=3)
    nets = make_networks(label_size=3)
    return SampleGrids(tmp_path, nets.G_ema, dataset, "6x3", batch_size=4, seed=1)


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_grids_show_the_same_samples_at_every_scale_and_time(grids, tmp_path):
    first = grids.save_fakes(0.0)
    second = grids.save_fakes(12.4)
    assert first.keys() == {"4x4", "8x8", "16x16", "all_scales"}
    for name, picture in first.items():
        np.testing.assert_array_equal(picture, second[name])
        np.testing.assert_array_equal(read(tmp_path / name / "fakes000012.png"), picture[:, :, 0])
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
        return SampleGrids._sheet(None, [image.astype(np.uint8) for image in images]).shape

    assert sheet_size(16, 3)[1] > sheet_size(16, 3)[0] / 2  # 2 columns of 8
    height, width, _ = sheet_size(1024, 9)
    assert height * width < 1.1 * 2**25


def test_reals_are_images_of_the_data_set(grids, tmp_path):
    grids.save_reals()
    picture = read(tmp_path / "reals.png")
    assert picture.shape == (3 * 16, 6 * 16)
    dataset = grids._dataset
    images = dataset.read_images(np.arange(dataset.num_images))[..., 0]
    assert any(np.array_equal(picture[:16, :16], image) for image in images)
