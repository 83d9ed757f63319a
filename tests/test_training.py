"""Whole trainings, small ones: what they write, and that an interrupted one continues exactly."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.network_weights import assert_equal_networks
from support.tiny_training import (
    assert_same_checkpoints,
    checkpoint_values,
    make_tiny_dataset,
    tiny_config,
    train_tiny,
)

from msg_stylegan import load_networks
from msg_stylegan.files import read_json_lines
from msg_stylegan.networks import snapshots_of_run
from msg_stylegan.options import changed
from msg_stylegan.training.interruption import ABORT_FILE


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Four ticks without interruption."""
    folder = tmp_path_factory.mktemp("finished")
    dataset = make_tiny_dataset(folder, label_size=3)
    return train_tiny(tiny_config(folder), dataset), dataset


def test_a_resumed_training_is_bit_for_bit_the_uninterrupted_one(finished, tmp_path):
    run_dir, dataset = finished
    half = train_tiny(tiny_config(tmp_path, total_kimg=0.064), dataset)
    assert checkpoint_values(half)["progress/cur_nimg/.ATTRIBUTES/VARIABLE_VALUE"] == 64
    with (half / "stats.jsonl").open("a") as file:
        file.write('{"Progress/kimg": 0.096, "from": "a session that was killed"}\n')
    train_tiny(tiny_config(tmp_path), dataset, run_dir=half)
    assert_same_checkpoints(half, run_dir)
    assert_equal_networks(load_networks(half), load_networks(run_dir))
    lines = read_json_lines(half / "stats.jsonl")
    assert [line["Progress/kimg"] for line in lines] == [0.032, 0.064, 0.096, 0.128]
    assert not any("from" in line for line in lines)


@pytest.mark.slow
def test_resume_in_the_middle_of_a_tick_and_metrics_change_nothing(finished, tmp_path):
    run_dir, dataset = finished

    def evaluate(nets, snapshot, kimg, writer, on_best):
        nets.G_ema(np.random.randn(4, 8), dataset.read_labels(np.arange(4)))
        tf.random.normal([3])
        return ("score", -kimg)

    config = tiny_config(tmp_path, total_kimg=0.040, network_snapshot_ticks=1)
    half = train_tiny(config, dataset, evaluate=evaluate)
    train_tiny(tiny_config(tmp_path), dataset, run_dir=half, evaluate=evaluate)
    assert_same_checkpoints(half, run_dir)


def test_files_of_a_run(finished):
    run_dir, _ = finished
    names = {path.name for path in run_dir.iterdir()}
    assert {"training_options.json", "log.txt", "stats.jsonl", "reals.png"} <= names
    assert any("tfevents" in name for name in names)
    for res in (4, 8, 16):
        # Own pixels, not enlarged: 4 columns, 2 rows.
        with Image.open(run_dir / f"{res}x{res}" / "fakes000000.png") as picture:
            assert picture.size == (4 * res, 2 * res)
    assert (run_dir / "all_scales" / "fakes000000.png").exists()
    lines = read_json_lines(run_dir / "stats.jsonl")
    assert [line["Progress/kimg"] for line in lines] == [0.032, 0.064, 0.096, 0.128]
    assert all(np.isfinite(list(line.values())).all() for line in lines)
    assert [line["Progress/D_updates"] for line in lines] == [4.0] * 4
    log = (run_dir / "log.txt").read_text(encoding="utf-8")
    assert "tick 4" in log and "Finished" in log


def test_snapshot_of_a_run(finished):
    run_dir, _ = finished
    nets = load_networks(run_dir)
    assert nets.info["cur_nimg"] == 128
    # Of the images 0 to 51, in turn.
    assert nets.info["labels"] == {"kind": "classes", "counts": [18, 17, 17], "names": None}
    labels = np.eye(3, dtype=np.float32)
    images = nets.G_ema(np.zeros((3, 8)), labels, truncation_psi=0.7, noise_mode="const")
    assert [image.shape for image in images] == [(3, r, r, 1) for r in (4, 8, 16)]
    assert nets.D(images, labels).shape == (3, 1)
    assert np.any(nets.G.w_avg.numpy())


def test_a_finished_run_is_left_alone(finished):
    run_dir, dataset = finished
    before = {path: path.stat().st_mtime_ns for path in run_dir.rglob("*.keras")}
    train_tiny(tiny_config(run_dir.parent.parent), dataset, run_dir=run_dir)
    assert {path: path.stat().st_mtime_ns for path in run_dir.rglob("*.keras")} == before
    assert len(read_json_lines(run_dir / "stats.jsonl")) == 4


@pytest.mark.slow
def test_old_snapshots_go_and_the_best_stays(tmp_path):
    dataset = make_tiny_dataset(tmp_path)
    config = tiny_config(
        tmp_path, tick_kimg=1.0, total_kimg=4.0, network_snapshot_ticks=1, keep_snapshots=2
    )
    scores = {0: 5.0, 1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
    best_so_far = []

    def evaluate(nets, snapshot, kimg, writer, on_best):
        score = scores[round(kimg)]
        best_so_far.append(score)
        if score == min(best_so_far):
            on_best("score", score)

    run_dir = train_tiny(config, dataset, evaluate=evaluate)
    kept = [path.name for path in snapshots_of_run(run_dir)]
    assert kept == [f"network-snapshot-{kimg:06d}.keras" for kimg in (1, 3, 4)]
    best = json.loads((run_dir / "best_snapshot.json").read_text())
    assert best == {"snapshot": kept[0], "metric": "score", "value": 1.0}
    checkpoints = sorted(path.name for path in (run_dir / "checkpoints").glob("*.index"))
    assert checkpoints == ["ckpt-3000.index", "ckpt-4000.index"]


@pytest.mark.parametrize(
    "changes, kind",
    [
        ({"loss.r1_gamma": 1e38}, "[GD]"),
        # The loss is sound, and its updates are applied.
        ({"loss.r1_gamma": 3e38, "loss.penalty_interval": 32}, "D by its penalties"),
    ],
)
def test_training_with_infinite_gradients_stops_with_a_message(tmp_path, changes, kind):
    dataset = make_tiny_dataset(tmp_path)
    config = changed(tiny_config(tmp_path, total_kimg=0.3, max_skipped_updates=1), changes)
    with pytest.raises(FloatingPointError, match=rf"updates of {kind} up to .* were skipped"):
        train_tiny(config, dataset)


def test_abort_file_stops_and_saves(tmp_path):
    dataset = make_tiny_dataset(tmp_path)
    config = tiny_config(tmp_path, total_kimg=1000.0)

    def evaluate(nets, snapshot, kimg, writer, on_best):
        (snapshot.parent / ABORT_FILE).touch()

    run_dir = train_tiny(config, dataset, evaluate=evaluate)
    assert not (run_dir / ABORT_FILE).exists()
    assert (run_dir / "checkpoints" / "ckpt-0.index").exists()


@pytest.mark.slow
def test_a_run_that_was_set_back_keeps_no_best_snapshot_of_other_weights(tmp_path):
    dataset = make_tiny_dataset(tmp_path)
    schedule = {"network_snapshot_ticks": 1, "keep_checkpoints": 9}
    scores = {"network-snapshot-000000_064.keras": 0.0}

    def evaluate(nets, snapshot, kimg, writer, on_best):
        score = scores.pop(snapshot.name, 1.0)
        if score == 0:
            on_best("score", score)

    config = tiny_config(tmp_path, total_kimg=0.064, **schedule)
    run_dir = train_tiny(config, dataset, evaluate=evaluate)
    assert (run_dir / "best_snapshot.json").exists()
    for path in (run_dir / "checkpoints").glob("ckpt-64.*"):
        path.unlink()
    train_tiny(config, dataset, run_dir=run_dir, evaluate=evaluate)
    assert not (run_dir / "best_snapshot.json").exists()
