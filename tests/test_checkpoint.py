"""Checkpoints: which are kept, which one is the newest, and what an interrupted save leaves."""

import shutil

import pytest
import tensorflow as tf
from support.folder_contents import names

from msg_stylegan.files import WriteError
from msg_stylegan.training.checkpoint import TrainingCheckpoint


class Value(tf.Module):
    def __init__(self, value=-1):
        super().__init__()
        self.v = tf.Variable([float(value)] * 1000)


@pytest.fixture
def folder(tmp_path):
    """Checkpoints of 16 and 32 images, which hold these numbers."""
    save(tmp_path, 16, 32)
    return tmp_path / "checkpoints"


def save(run_dir, *numbers, keep=2):
    value = Value()
    checkpoint = TrainingCheckpoint(run_dir, keep, value=value)
    for number in numbers:
        value.v.assign([float(number)] * 1000)
        checkpoint.save(number)


def restored(run_dir):
    """What the newest checkpoint holds, or None."""
    value = Value()
    found = TrainingCheckpoint(run_dir, 2, value=value).restore_latest()
    return int(value.v[0]) if found else None


def files_of(*numbers):
    ends = ("data-00000-of-00001", "index")
    return ["checkpoint", *sorted(f"ckpt-{number}.{end}" for number in numbers for end in ends)]


def test_numbers_are_compared_as_numbers(tmp_path):
    save(tmp_path, 8, 16, 104)
    assert names(tmp_path / "checkpoints") == files_of(16, 104)
    assert restored(tmp_path) == 104


def test_a_run_without_checkpoints(tmp_path):
    assert restored(tmp_path) is None
    assert names(tmp_path) == []


def test_the_same_number_is_saved_once(folder):
    before = (folder / "ckpt-32.index").stat().st_mtime_ns
    save(folder.parent, 32)
    assert (folder / "ckpt-32.index").stat().st_mtime_ns == before


def test_tools_of_tensorflow_find_the_newest(folder):
    assert tf.train.latest_checkpoint(folder) == str(folder / "ckpt-32")
    state = tf.train.get_checkpoint_state(folder)
    assert [path[-7:] for path in state.all_model_checkpoint_paths] == ["ckpt-16", "ckpt-32"]


def test_runs_of_tensorflows_manager_are_resumed_and_the_other_way_round(tmp_path):
    value = Value()
    checkpoint = tf.train.Checkpoint(value=value)
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path / "checkpoints"), max_to_keep=2)
    for number in (16, 32, 48):
        value.v.assign([float(number)] * 1000)
        manager.save(checkpoint_number=number)
    assert restored(tmp_path) == 48
    save(tmp_path, 64)
    assert names(tmp_path / "checkpoints") == files_of(48, 64)
    checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path / "checkpoints"), max_to_keep=2)
    checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    assert value.v[0] == 64


def test_leftovers_of_interrupted_saves_go_at_the_next_start(folder):
    (folder / "ckpt-48_temp").mkdir()
    (folder / "ckpt-48_temp" / "part-00000-of-00001.index").touch()
    (folder / "ckpt-new_temp").mkdir()
    (folder / "ckpt-48.data-00000-of-00001").touch()
    (folder / "ckpt-48.index.tempstate123").touch()
    assert restored(folder.parent) == 32
    assert names(folder) == files_of(16, 32)


@pytest.mark.parametrize("damage", ["half an index", "empty index", "no data", "part of the data"])
def test_the_newest_whole_one_counts(folder, damage, caplog):
    if damage == "half an index":
        content = (folder / "ckpt-32.index").read_bytes()
        (folder / "ckpt-32.index").write_bytes(content[: len(content) // 2])
    elif damage == "empty index":
        (folder / "ckpt-32.index").write_bytes(b"")
    elif damage == "no data":
        (folder / "ckpt-32.data-00000-of-00001").unlink()
    else:
        data = folder / "ckpt-32.data-00000-of-00001"
        data.rename(folder / "ckpt-32.data-00000-of-00002")
    with caplog.at_level("INFO", logger="msg_stylegan"):
        assert restored(folder.parent) == 16
    assert "ckpt-32 is damaged" in caplog.text
    # Its place is taken again, and later it goes like any other.
    save(folder.parent, 32)
    assert restored(folder.parent) == 32
    save(folder.parent, 48, 64)
    assert names(folder) == files_of(48, 64)


def test_training_does_not_begin_anew_when_all_are_damaged(folder):
    for path in folder.glob("*.index"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"No checkpoint in .* is whole"):
        restored(folder.parent)


@pytest.mark.parametrize("damage", ["short", "zeros"])
def test_the_one_before_counts_where_data_are_damaged(folder, damage, caplog):
    path = folder / "ckpt-32.data-00000-of-00001"
    content = path.read_bytes()
    path.write_bytes(content[:100] if damage == "short" else bytes(len(content)))
    with caplog.at_level("INFO", logger="msg_stylegan"):
        assert restored(folder.parent) == 16
    assert "ckpt-32 is damaged; the one before it counts" in caplog.text
    # Training comes to its place again.
    value = Value()
    checkpoint = TrainingCheckpoint(folder.parent, 2, value=value)
    assert checkpoint.restore_latest()
    value.v.assign([32.0] * 1000)
    checkpoint.save(32)
    assert restored(folder.parent) == 32


def test_another_structure_is_refused(folder):
    with pytest.raises(ValueError, match="ckpt-32 does not fit this run"):
        TrainingCheckpoint(folder.parent, 2, other=Value()).restore_latest()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (tf.errors.ResourceExhaustedError(None, None, "x; No space left on device"), "is full"),
        (tf.errors.OutOfRangeError(None, None, "x; File too large"), "ulimit"),
        (tf.errors.UnavailableError(None, None, "x; Disk quota exceeded"), "quota"),
        (tf.errors.InternalError(None, None, "something new\nand more"), "something new"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_save_that_fails_leaves_all_as_it_was(folder, monkeypatch, error, said):
    def write(self, prefix):
        tf.io.write_file(f"{prefix}_temp/part-00000-of-00001.index", b"half")
        raise error

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(tf.train.Checkpoint, "write", write)
    with pytest.raises(WriteError, match=f"ckpt-48 cannot be written: .*{said}") as caught:
        save(folder.parent, 48)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    monkeypatch.undo()
    assert restored(folder.parent) == 32


def test_a_moved_run_is_resumed(folder, tmp_path):
    shutil.move(folder.parent / "checkpoints", tmp_path / "moved" / "checkpoints")
    assert restored(tmp_path / "moved") == 32
