"""A disk that is full where something is written: one line that says what to do, and no halves.

A limit on the size of files stands for a full disk: the same calls fail, by another number.
"""

import contextlib
import errno
import json
import os
import re
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from support.slow_cases import first_is_fast
from support.tiny_training import make_tiny_dataset, tiny_config, train_tiny

from msg_stylegan import files, options
from msg_stylegan.commands import train
from msg_stylegan.data.assembly import write_labels
from msg_stylegan.faults import user_message
from msg_stylegan.files import WriteError, read_json_lines, writing
from msg_stylegan.pictures.sheets import save_image
from msg_stylegan.pictures.video import VideoWriter
from msg_stylegan.training.event_file import EventFile
from msg_stylegan.training.run_directory import OPTIONS_FILE, create_run_directory

resource = pytest.importorskip("resource")

NOISE = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)


@contextlib.contextmanager
def file_limit(num_bytes):
    """No file may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_video(path):
    with VideoWriter(path) as video:
        for _ in range(30):
            video.write(NOISE)


def write_lines(path):
    for _ in range(100):
        files.append_json_line(path, {"text": "x" * 1000})


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.png", lambda path: save_image(NOISE, path)),
        ("a.gif", write_video),
        ("a.mp4", write_video),
        ("a.json", lambda path: files.write_json(path, NOISE.tolist())),
        ("a.jsonl", write_lines),
    ],
)
def test_the_file_is_named_and_nothing_half_is_left(tmp_path, name, write):
    path = tmp_path / name
    with file_limit(20_000), pytest.raises(WriteError) as caught:
        write(path)
    message = f"{path} cannot be written: it is larger than files may be here. "
    assert user_message(caught.value).startswith(message)
    if name == "a.jsonl":
        assert len(read_json_lines(path)) == path.read_bytes().count(b"\n") == 19
    else:
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "any words"), "the disk that holds it is full"),
        (OSError(errno.EDQUOT, "any words"), "quota"),
        (OSError(errno.EIO, "any words"), "input/output error"),
        (OSError(errno.EROFS, "any words"), "read-only"),
        (OSError(errno.ESTALE, "any words"), "connection"),
        (tf.errors.FailedPreconditionError(None, None, "a; Read-only file system"), "read-only"),
        (RuntimeError("h5py: errno = 28, error message = 'No space left on device'"), "is full"),
        (tf.errors.ResourceExhaustedError(None, None, "a; No space left on device"), "is full"),
        (tf.errors.UnknownError(None, None, "a; Disk quota exceeded"), "quota"),
    ],
    ids=str,
)
def test_errors_of_all_libraries(error, said):
    with pytest.raises(WriteError, match=f"^FILE cannot be written: .*{said}"), writing("FILE"):
        raise error


def test_the_reason_may_lie_deeper():
    with pytest.raises(WriteError, match="is full"), writing("FILE"):
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise RuntimeError("cannot close the archive") from error


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
        PermissionError(errno.EACCES, "Permission denied"),
        ValueError("anything"),
        KeyboardInterrupt(),
    ],
    ids=str,
)
def test_other_errors_pass(error):
    with pytest.raises(type(error)) as caught, writing("FILE"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("short", [1, 100, 5000])
def test_labels_are_whole_or_refused(tmp_path, short):
    """The last bytes of a file are those that `np.save` loses without a word."""
    labels = np.random.default_rng(0).normal(size=(40, 200)).astype(np.float32)

    whole = tmp_path / "whole.labels"
    write_labels(whole, labels)
    np.testing.assert_array_equal(np.load(whole), labels)
    with (
        file_limit(whole.stat().st_size - short),
        pytest.raises(WriteError, match=r"less\.labels cannot be written: it is larger"),
    ):
        write_labels(tmp_path / "less.labels", labels)


def test_a_file_of_an_unfinished_folder_is_called_as_it_would_be(tmp_path):
    folder = tmp_path / "frames"
    with (
        file_limit(100),
        pytest.raises(WriteError, match=re.escape(f"{folder / 'a.txt'} cannot be written")),
        files.atomic_directory(folder) as temporary,
    ):
        files.write_text(temporary / "a.txt", "x" * 200)
    assert list(tmp_path.iterdir()) == []


def test_events_for_tensorboard_that_cannot_be_begun(tmp_path):
    match = r"tfevents\.\* cannot be written: it is larger than files may be here[^\n]*$"
    with file_limit(10), pytest.raises(WriteError, match=match):
        EventFile(tmp_path)


def test_events_for_tensorboard_are_not_lost_without_a_word(tmp_path):
    events = EventFile(tmp_path)
    (path,) = tmp_path.iterdir()

    def write():
        with events.events():
            tf.summary.image("picture", NOISE[None], step=0)
            tf.summary.scalar("number", 1.0, step=0)

    write()
    with (
        file_limit(path.stat().st_size + 1000),
        pytest.raises(WriteError, match=r"tfevents.* cannot be written") as caught,
    ):
        for _ in range(3):
            write()
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A training of two ticks, with its data set."""
    folder = tmp_path_factory.mktemp("run")
    dataset = make_tiny_dataset(folder)
    config = tiny_config(folder, total_kimg=0.064, network_snapshot_ticks=1, checkpoint_ticks=1)
    return train_tiny(config, dataset), dataset


def names(run_dir):
    return sorted(str(path.relative_to(run_dir)) for path in run_dir.rglob("*"))


@pytest.mark.parametrize("limit", first_is_fast([2_000, 30_000]))
def test_a_run_stops_with_one_line_and_continues_when_there_is_room(run, tmp_path, limit):
    """At the lower limit a picture fails, at the other one the snapshot or the checkpoint."""
    _, dataset = run
    config = tiny_config(tmp_path, total_kimg=0.064, checkpoint_ticks=1)
    run_dir = train_tiny(config, dataset)
    kept = [path.name for path in (run_dir / "checkpoints").iterdir()]
    more = tiny_config(tmp_path, image_snapshot_ticks=1, checkpoint_ticks=1)
    with file_limit(limit), pytest.raises(WriteError, match="cannot be written") as caught:
        train_tiny(more, dataset, run_dir)
    assert "\n" not in str(caught.value)
    assert {*kept} <= {path.name for path in (run_dir / "checkpoints").iterdir()}
    assert not [name for name in names(run_dir) if "tmp" in name or "_temp" in name]
    train_tiny(more, dataset, run_dir)
    lines = read_json_lines(run_dir / "stats.jsonl")
    assert [line["Progress/kimg"] for line in lines] == [0.032, 0.064, 0.096, 0.128]


@contextlib.contextmanager
def may_become_read_only(folder):
    """Yields a function that makes a folder read-only; it is writable again after the block."""
    mounted = []

    def mount(*options):
        command = ["mount", "-o", ",".join(options), folder, folder]
        return subprocess.run(command, capture_output=True).returncode == 0

    def make_read_only():
        if not mount("bind"):
            pytest.skip("only an administrator can mount a folder")
        mounted.append(folder)
        assert mount("remount", "bind", "ro")

    try:
        yield make_read_only
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_run_whose_folder_becomes_read_only_stops_and_continues(run, tmp_path):
    _, dataset = run
    config = tiny_config(tmp_path, network_snapshot_ticks=1)
    run_dir = tmp_path / "results" / "run"
    create_run_directory(run_dir, options.to_dict(config))

    with may_become_read_only(run_dir) as make_read_only:

        def evaluate(nets, snapshot, kimg, writer, on_best):
            if kimg > 0.05:
                make_read_only()

        with pytest.raises(WriteError, match=r"cannot be written: .* is read-only") as caught:
            train_tiny(config, dataset, run_dir, evaluate)
        assert "\n" not in str(caught.value)
    train_tiny(config, dataset, run_dir)
    lines = read_json_lines(run_dir / "stats.jsonl")
    assert [line["Progress/kimg"] for line in lines] == [0.032, 0.064, 0.096, 0.128]


@pytest.mark.slow
def test_a_run_continues_after_a_kill_in_the_middle_of_everything(run, tmp_path):
    _, dataset = run
    config = tiny_config(tmp_path, total_kimg=0.064)
    run_dir = train_tiny(config, dataset)
    stats = run_dir / "stats.jsonl"
    stats.write_bytes(stats.read_bytes()[:-300])
    (run_dir / "checkpoints" / "ckpt-96_temp").mkdir()
    (run_dir / "checkpoints" / "ckpt-96.data-00000-of-00001").touch()
    (run_dir / ".0123.tmp.keras").touch()
    (run_dir / "8x8" / ".0123.tmp.png").touch()
    train_tiny(tiny_config(tmp_path, total_kimg=0.096), dataset, run_dir)
    assert not list(run_dir.rglob(".*"))
    checkpoints = names(run_dir / "checkpoints")
    assert [name for name in checkpoints if "96" in name or "temp" in name] == [
        "ckpt-96.data-00000-of-00001",
        "ckpt-96.index",
    ]
    lines = read_json_lines(stats)
    assert [line["Progress/kimg"] for line in lines] == [0.032, 0.096]


@pytest.mark.parametrize("name", [OPTIONS_FILE, "stats.jsonl", "options_history.jsonl"])
def test_a_damaged_file_of_a_run_is_named(run, tmp_path, capsys, name):
    run_dir, _ = run
    results = tmp_path / "results"
    copy = results / "00001-tiny-1gpu"
    copy.mkdir(parents=True)
    for path in run_dir.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    (copy / name).write_text('{"half": \n{}\n')
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    arguments = [f"--config.result_dir={results}", "--resume=1", "--config.metrics.names=none"]
    # With options that would be stored if the run could be continued.
    arguments += ["--config.loss.r1_gamma=7.0", "--config.schedule.total_kimg=0.128"]
    assert train.main(arguments) == 1
    error = capsys.readouterr().err
    assert f"{name} is damaged" in error
    assert "Traceback" not in error
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_names_of_snapshots_and_pictures_tell_the_images(run):
    run_dir, _ = run
    snapshots = sorted(path.name for path in run_dir.glob("*.keras"))
    assert snapshots == [
        "network-snapshot-000000.keras",
        "network-snapshot-000000_032.keras",
        "network-snapshot-000000_064.keras",
    ]
    assert json.loads((run_dir / OPTIONS_FILE).read_text())
