"""Which snapshots of a run stay, and which is called the best, also where a run was set back."""

import pytest

from msg_stylegan.image_counts import SNAPSHOTS
from msg_stylegan.training.snapshots import BEST_FILE, Snapshots, read_best


def make(folder, *kimg):
    for number in kimg:
        (folder / SNAPSHOTS.name(number)).write_bytes(b"")


def names(folder):
    return [path.name for path in SNAPSHOTS.paths(folder)]


def test_later_snapshots_of_a_run_that_was_set_back_stay(tmp_path):
    make(tmp_path, 10, 20, 30.004, 40, 90, 100)
    Snapshots(tmp_path, keep=2).remove_old(tmp_path / SNAPSHOTS.name(40))
    assert names(tmp_path) == [SNAPSHOTS.name(kimg) for kimg in (30.004, 40, 90, 100)]


def test_the_best_stays_and_does_not_count(tmp_path):
    make(tmp_path, 10, 20, 30, 40)
    snapshots = Snapshots(tmp_path, keep=2)
    snapshots.record_best(tmp_path / SNAPSHOTS.name(10), "score", 1.0)
    snapshots.remove_old(tmp_path / SNAPSHOTS.name(40))
    assert names(tmp_path) == [SNAPSHOTS.name(kimg) for kimg in (10, 30, 40)]


@pytest.mark.parametrize("is_rewritten", [False, True])
def test_the_best_one_is_forgotten_only_if_it_was_written_anew(tmp_path, is_rewritten):
    snapshots = Snapshots(tmp_path, keep=0)
    snapshots.record_best(tmp_path / SNAPSHOTS.name(16), "score", 1.0)
    snapshots.forget_best(tmp_path / SNAPSHOTS.name(16 if is_rewritten else 16.008))
    assert (read_best(tmp_path) is None) == is_rewritten


def test_nothing_is_forgotten_of_a_damaged_record(tmp_path):
    (tmp_path / BEST_FILE).write_text("{")
    Snapshots(tmp_path, keep=0).forget_best(tmp_path / SNAPSHOTS.name(16))
    assert (tmp_path / BEST_FILE).read_text() == "{"
