import shutil

import numpy as np
import pytest
from support.stored_data_sets import write_records

from metrics.cache import StatisticsCache
from msg_stylegan.data.dataset import TFRecordDataset

SOURCE = {"fingerprint": "abc", "shape": [32, 32, 3], "mirror_seed": None}


class Counted:
    """A computation that counts how often it is done."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return {"mean": np.arange(3.0), "floor": 1.5}


def fetch(directory, compute, source=SOURCE, statistic="swd-floor", **parameters):
    return StatisticsCache(directory, source).fetch(statistic, parameters, compute)


def write_dataset(directory, images):
    return {"fingerprint": TFRecordDataset(write_records(directory, images)).fingerprint()}


def test_a_second_time_gives_the_same_arrays_without_work(tmp_path):
    compute = Counted()
    first = fetch(tmp_path / "new" / "folder", compute, num_images=7)
    second = fetch(tmp_path / "new" / "folder", compute, num_images=7)
    assert compute.count == 1
    assert first.keys() == second.keys() == {"mean", "floor"}
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
        assert first[name].dtype == second[name].dtype


def test_files_have_a_readable_name_and_nothing_else_is_left(tmp_path):
    fetch(tmp_path, Counted())
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("swd-floor-")
    assert path.suffix == ".npz"
    with np.load(path, allow_pickle=False) as file:
        assert '"fingerprint": "abc"' in str(file["key"])


@pytest.mark.parametrize(
    "change",
    [
        {"source": {**SOURCE, "fingerprint": "abd"}},
        {"source": {**SOURCE, "shape": [16, 16, 3]}},
        {"source": {**SOURCE, "mirror_seed": 0}},
        {"statistic": "swd-other"},
        {"num_images": 8},
        {"seed": 1},
    ],
)
def test_everything_that_decides_the_values_is_in_the_key(tmp_path, change):
    compute = Counted()
    settings = {"source": SOURCE, "statistic": "swd-floor", "num_images": 7}
    fetch(tmp_path, compute, **settings)
    fetch(tmp_path, compute, **{**settings, **change})
    assert compute.count == 2


def test_changing_one_pixel_of_the_data_set_invalidates_it_and_moving_does_not(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), np.uint8)
    compute = Counted()
    original = write_dataset(tmp_path / "original", images)
    fetch(tmp_path / "cache", compute, source=original)
    shutil.copytree(tmp_path / "original", tmp_path / "elsewhere")
    moved = {"fingerprint": TFRecordDataset(tmp_path / "elsewhere").fingerprint()}
    fetch(tmp_path / "cache", compute, source=moved)
    assert compute.count == 1
    images[3, 7, 7] ^= 1
    fetch(tmp_path / "cache", compute, source=write_dataset(tmp_path / "changed", images))
    assert compute.count == 2


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "other key"])
def test_a_damaged_file_is_reported_and_replaced(tmp_path, capsys, damage):
    compute = Counted()
    expected = fetch(tmp_path, compute)
    (path,) = tmp_path.iterdir()
    if damage == "other key":
        fetch(tmp_path / "other", Counted(), seed=3)
        (other,) = (tmp_path / "other").iterdir()
        path.write_bytes(other.read_bytes())
    else:
        content = path.read_bytes()
        path.write_bytes({"empty": b"", "text": b"no", "cut": content[: len(content) // 2]}[damage])
    again = fetch(tmp_path, compute)
    assert compute.count == 2
    np.testing.assert_array_equal(again["mean"], expected["mean"])
    assert f"notice: {path} is damaged" in capsys.readouterr().err
    fetch(tmp_path, compute)
    assert compute.count == 2


def test_a_folder_that_cannot_be_written_costs_the_cache_only(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    compute = Counted()
    values = fetch(tmp_path / "file", compute)
    np.testing.assert_array_equal(values["mean"], np.arange(3.0))
    assert "cannot keep" in capsys.readouterr().err


def test_a_failed_computation_leaves_nothing(tmp_path):
    def fail():
        raise ValueError("no images")

    with pytest.raises(ValueError, match="no images"):
        fetch(tmp_path, fail)
    assert not list(tmp_path.iterdir())


def fetch_rows(directory, rows, passes, **parameters):
    def write(append):
        passes.append(1)
        for row in rows:
            append(row[None])

    return StatisticsCache(directory, SOURCE).fetch_rows("features", parameters, rows.shape, write)


def test_rows_are_kept_in_a_file_of_the_standard_form(tmp_path):
    rows, passes = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32), []
    for _ in range(2):
        np.testing.assert_array_equal(fetch_rows(tmp_path, rows, passes, n=5), rows)
    assert len(passes) == 1
    (path,) = tmp_path.iterdir()
    np.testing.assert_array_equal(np.load(path), rows)
    fetch_rows(tmp_path, rows, passes, n=6)
    assert len(passes) == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "other shape"])
def test_damaged_rows_are_computed_again(tmp_path, capsys, damage):
    rows, passes = np.ones((5, 3), np.float32), []
    fetch_rows(tmp_path, rows, passes)
    (path,) = tmp_path.iterdir()
    if damage == "other shape":
        np.save(path, np.ones((5, 2), np.float32))
    else:
        path.write_bytes(path.read_bytes()[:-4] if damage == "cut" else b"")
    np.testing.assert_array_equal(fetch_rows(tmp_path, rows, passes), rows)
    assert len(passes) == 2
    assert "damaged" in capsys.readouterr().err


def test_an_interrupted_pass_leaves_nothing(tmp_path):
    def write(append):
        append(np.ones((1, 3), np.float32))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        StatisticsCache(tmp_path, SOURCE).fetch_rows("features", {}, (5, 3), write)
    assert not list(tmp_path.iterdir())
