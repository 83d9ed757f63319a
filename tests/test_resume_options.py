"""What a resumed run may change, what it says about it, and what it remembers."""

import json
import shutil

import pytest
from support.tiny_run import make_dataset
from support.tiny_training import make_tiny_dataset, tiny_config

from msg_stylegan import options, presets
from msg_stylegan.commands import train
from msg_stylegan.files import read_json_lines
from msg_stylegan.training import loop, run_history
from msg_stylegan.training.run_lock import run_lock


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Function that trains with the preset "tiny" among the presets; its data set exists."""
    monkeypatch.setitem(presets.PRESETS, "tiny", tiny_config(tmp_path, total_kimg=0.008))
    make_tiny_dataset(tmp_path, label_size=3)

    def start(*arguments):
        return train.main([f"--config.result_dir={tmp_path / 'results'}", *arguments])

    return start


@pytest.fixture
def without_training(monkeypatch):
    """What training would do before its first step, and no more."""
    monkeypatch.setattr(loop, "train", lambda *args, begin, **options: begin(8000))


def first(start, tmp_path, *arguments):
    """Starts a run; returns its folder."""
    command = ["--config=tiny", f"--config.result_dir={tmp_path / 'results'}", *arguments]
    assert train.main(command) == 0
    return tmp_path / "results" / "00001-tiny-1gpu"


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stored_values(run_dir):
    stored = json.loads((run_dir / "training_options.json").read_text(encoding="utf-8"))
    return options.option_values(options.from_dict(stored))


def test_options_of_the_command_line_change_and_nothing_else(
    start, without_training, tmp_path, capsys
):
    run_dir = first(start, tmp_path, "--config.loss.r1_gamma=2", "--config.seed=7")
    before = stored_values(run_dir)
    capsys.readouterr()
    # As in the first command line, without its options but with another one.
    assert start("--resume=1", "--config.schedule.total_kimg=0.5", "--config.metrics.names=") == 0
    assert stored_values(run_dir) == before | {"schedule.total_kimg": 0.5}
    for text in (capsys.readouterr().out, (run_dir / "log.txt").read_text(encoding="utf-8")):
        assert "schedule.total_kimg: 0.008 → 0.5\n" in text
        assert " → " not in text.replace("schedule.total_kimg: 0.008 → 0.5", "")

    # Every session is remembered, with what it was trained on.
    sessions = read_json_lines(run_dir / run_history.HISTORY_FILE)
    assert [session["changes"] for session in sessions] == [
        {},
        {"schedule.total_kimg": [0.008, 0.5]},
    ]
    assert sessions[0]["options"]["loss"]["r1_gamma"] == 2.0
    assert sessions[0]["options"]["schedule"]["total_kimg"] == 0.008
    assert sessions[1]["kimg"] == 8.0
    assert sessions[0]["dataset"] == sessions[1]["dataset"]


def test_a_preset_that_is_named_again_is_compared(start, without_training, tmp_path, capsys):
    run_dir = first(start, tmp_path, "--config.loss.r1_gamma=2")
    before = stored_values(run_dir)
    capsys.readouterr()
    assert train.main(["--config=tiny", f"--resume={run_dir}"]) == 0
    assert stored_values(run_dir) == before
    assert "loss.r1_gamma: 2.0 (in the preset: 1.0)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change, message",
    [
        ("--config.optimizer.name=RMSprop", "does not fit this run. Networks, optimizer.name"),
        ("--config.augment.groups=blit", "augmentation that adapts"),
        ("--config.schedule.tick_kimg=0.0004", "at least 0.001"),
        ("--config.dataset.path=nothing", "dataset.path: There is no folder"),
        ("--config.dataset.path=other", "--new_data"),
        ("--config.generator.z_dim=9", "other networks"),
        ("--config.loss.r1_gamma=-1", "must be at least 0"),
        ("--config.metrics.names=fud50k", "fud50k"),
    ],
)
def test_a_resume_that_fails_changes_nothing(change, message, begun, tmp_path, capsys):
    run_dir, start = begun
    before = content(run_dir.parent)
    assert start("--resume=latest", change, "--config.seed=4") == 1
    assert content(run_dir.parent) == before
    assert message in capsys.readouterr().err


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run with a checkpoint, and a function that resumes beside it."""
    folder = tmp_path_factory.mktemp("begun")
    make_tiny_dataset(folder)
    make_dataset(folder / "other", seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", tiny_config(folder, total_kimg=0.008))

        def start(*arguments):
            return train.main([f"--config.result_dir={folder / 'results'}", *arguments])

        assert train.main(["--config=tiny"]) == 0
        yield folder / "results" / "00001-tiny-1gpu", start


def test_a_run_that_is_being_trained_is_refused(begun, capsys):
    run_dir, start = begun
    with run_lock(run_dir):
        before = content(run_dir)
        assert start("--resume=1", "--config.schedule.total_kimg=1") == 1
        assert content(run_dir) == before
    assert "is being trained by process" in capsys.readouterr().err


def test_a_finished_run_is_not_touched(begun, capsys):
    run_dir, start = begun
    before = content(run_dir)
    assert start("--resume=1") == 0
    assert content(run_dir) == before
    assert "Nothing to do" in capsys.readouterr().out


def test_a_data_set_that_moved_is_the_same(start, without_training, tmp_path, capsys):
    run_dir = first(start, tmp_path)
    (tmp_path / "tiny").rename(tmp_path / "moved")
    assert start("--resume=1") == 1
    assert "add --config.data_dir=FOLDER" in capsys.readouterr().err
    moved = [
        "--config.data_dir=" + str(tmp_path.parent),
        f"--config.dataset.path={tmp_path.name}/moved",
    ]
    assert start("--resume=1", *moved) == 0
    assert stored_values(run_dir)["dataset.path"] == f"{tmp_path.name}/moved"


@pytest.mark.parametrize("kind", [{"seed": 1}, {"channels": 3}])
def test_other_images_at_the_same_place_need_a_word(
    kind, start, without_training, tmp_path, capsys
):
    run_dir = first(start, tmp_path)
    old = read_json_lines(run_dir / run_history.HISTORY_FILE)[-1]["dataset"]
    shutil.rmtree(tmp_path / "tiny")
    make_tiny_dataset(tmp_path, **{"label_size": 3, **kind})
    before = content(run_dir)
    assert start("--resume=1") == 1
    assert content(run_dir) == before
    error = capsys.readouterr().err
    assert "--new_data" in error and str(tmp_path / "tiny") in error
    assert start("--resume=1", "--new_data") == 0
    new = read_json_lines(run_dir / run_history.HISTORY_FILE)[-1]["dataset"]
    assert new["fingerprint"] != old["fingerprint"]
    # Now it is the data set of the run.
    assert start("--resume=1") == 0


def test_an_older_run_is_known_by_the_name_of_its_data_set(
    start, without_training, tmp_path, capsys
):
    run_dir = first(start, tmp_path)
    history = run_dir / run_history.HISTORY_FILE
    history.unlink()
    shutil.copytree(tmp_path / "tiny", tmp_path / "other")
    assert start("--resume=1", "--config.dataset.path=other") == 1
    assert "--new_data" in capsys.readouterr().err
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tiny").rename(tmp_path / "elsewhere" / "tiny")
    assert start("--resume=1", f"--config.data_dir={tmp_path / 'elsewhere'}") == 0
    (session,) = read_json_lines(history)
    assert session["changes"] == {"data_dir": [str(tmp_path), str(tmp_path / "elsewhere")]}


def test_a_dry_run_tells_the_changes_and_writes_nothing(start, without_training, tmp_path, capsys):
    run_dir = first(start, tmp_path)
    before = content(tmp_path)
    assert start("--resume=1", "--config.seed=4", "--dry_run") == 0
    assert content(tmp_path) == before
    assert "seed: 333 → 4" in capsys.readouterr().out
    assert run_dir.exists()


def test_labels_that_are_ignored_are_told(start, without_training, tmp_path, capsys):
    first(start, tmp_path)
    assert "no labels: all of the 3 that exist are ignored" in capsys.readouterr().out
    for size, words in (
        (2, "2 label components: the others of the 3"),
        (-1, "3 label components\n"),
    ):
        first(start, tmp_path, f"--config.dataset.max_label_size={size}")
        assert words in capsys.readouterr().out
