"""Every command works in folders of any name: what is a pattern or a code elsewhere is a letter."""

import os

import av
import numpy as np
import pytest
import tensorflow as tf
from image_sources import noise, write_folder
from PIL import Image
from tiny_feature_network import write_feature_network

import convert
import dataset_tool
import export
import generate
import model_card
import run_metrics
import train
from msg_stylegan import load_networks
from msg_stylegan.files import read_json_lines
from msg_stylegan.plain_paths import plain_path
from msg_stylegan.training.checkpoint import TrainingCheckpoint

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")

# The colon is within the first part of relative paths, where it could end a protocol.
EVERYTHING = "x:[1] *?\\ '\" \n ü %d ${HOME} {a} #&;|~ " + os.fsdecode(b"\xff")
NAMES = ["runs[1]", "runs[!a]", "r*", "r?ns1", "r\\uns", "a b", "a'\"b", "a\nb", "Größe", EVERYTHING]
NAMES += [os.fsdecode(b"caf\xe9"), "%s%d", "a:b"]


def module(value):
    result = tf.Module()
    result.v = tf.Variable(float(value))
    return result


def checkpoints(run_dir):
    return sorted(path.name for path in (run_dir / "checkpoints").glob("*.index"))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_checkpoints_roll_and_come_back_and_leave_the_neighbours_alone(tmp_path, name):
    # Each is matched by some of the names, if these are taken for patterns.
    neighbours = [tmp_path / other for other in ("runs1", "runs", "rxns1", "r")]
    for neighbour in neighbours:
        other = TrainingCheckpoint(neighbour, 2, m=module(1))
        other.save(16)
        other.save(32)
    m = module(0)
    checkpoint = TrainingCheckpoint(tmp_path / name, 2, m=m)
    for nimg in (0, 16, 32, 48, 64):
        m.v.assign(nimg)
        checkpoint.save(nimg)
    fresh = module(-1)
    assert TrainingCheckpoint(tmp_path / name, 2, m=fresh).restore_latest()
    assert fresh.v.numpy() == 64
    assert checkpoints(tmp_path / name) == ["ckpt-48.index", "ckpt-64.index"]
    for neighbour in neighbours:
        assert checkpoints(neighbour) == ["ckpt-16.index", "ckpt-32.index"]


def test_a_temporary_folder_of_such_a_name_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "t[1]").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t[1]"))
    with plain_path(tmp_path / "t[1]") as plain:
        assert "[" not in plain
        assert os.path.samefile(plain, tmp_path / "t[1]")
    assert list((tmp_path / "t[1]").iterdir()) == []


@pytest.mark.slow
def test_every_command(tmp_path, monkeypatch):
    """From pictures to a model card, with nothing but names that hold every letter."""
    monkeypatch.chdir(tmp_path)
    for name in ("pictures", "data", "results", "cache", "out"):
        (tmp_path / f"{EVERYTHING}{name}").mkdir()
    pictures, data, results, cache, out = (
        tmp_path.__class__(f"{EVERYTHING}{name}")
        for name in ("pictures", "data", "results", "cache", "out")
    )
    write_folder(pictures, {f"{EVERYTHING}{i}.png": noise(i) for i in range(24)})
    dataset = data / f"{EVERYTHING}set"
    assert dataset_tool.main(["create_from_images", str(dataset), str(pictures)]) == 0
    assert dataset_tool.main(["verify", str(dataset)]) == 0
    assert dataset_tool.main(["info", str(dataset)]) == 0
    assert dataset_tool.main(["extract", str(dataset), str(out / f"{EVERYTHING}pictures")]) == 0
    assert len(list((out / f"{EVERYTHING}pictures").rglob("*.png"))) == 24

    trained = [
        "train.py",
        "--config=digits",
        *(f"--config.data_dir={data}", f"--config.dataset.path={dataset.name}"),
        *(f"--config.result_dir={results}", f"--config.cache_dir={cache}"),
        *("--config.dataset.resolution=0", "--config.generator.channel_base=64"),
        *("--config.generator.channel_max=8", "--config.discriminator.channel_base=64"),
        *("--config.discriminator.channel_max=8", "--config.schedule.batch_size=8"),
        *("--config.schedule.tick_kimg=0.016", "--config.schedule.image_grid=4x2"),
        *("--config.schedule.image_snapshot_ticks=1", "--config.metrics.names=swd20"),
    ]
    assert train.main([*trained, "--config.schedule.total_kimg=0.032"]) == 0
    (run_dir,) = results.iterdir()
    resumed = ["train.py", f"--config.result_dir={results}", "--config.schedule.total_kimg=0.048"]
    assert train.main([*resumed, f"--resume={run_dir.name}"]) == 0
    assert load_networks(run_dir).info["cur_nimg"] == 48
    assert checkpoints(run_dir)[-1] == "ckpt-48.index"
    assert [line["Progress/kimg"] for line in read_json_lines(run_dir / "stats.jsonl")] == [
        0.016,
        0.032,
        0.048,
    ]
    assert len(read_json_lines(run_dir / "metric-swd20.jsonl")) == 3

    network = [f"--network={run_dir}", f"--result_dir={results}"]
    drawn = [*network, f"--outdir={out / EVERYTHING}"]
    assert generate.main(["images", *drawn, "--seeds=0-1"]) == 0
    assert generate.main(["interpolation", *drawn, "--seeds=0-1", "--transition=2"]) == 0
    assert generate.main(["project", *drawn, f"--target={pictures}", "--num=1", "--steps=2"]) == 0
    timelapse = [f"--run={run_dir}", f"--outdir={out / EVERYTHING}", f"--result_dir={results}"]
    assert generate.main(["timelapse", *timelapse]) == 0
    with Image.open(out / EVERYTHING / "seed0000.png") as picture:
        assert picture.size == (16, 16)
    for name in ("interpolation", "timelapse"):
        with av.open(f"file:{(out / EVERYTHING / name).absolute()}.mp4") as container:
            assert len(list(container.decode(video=0))) == 4

    feature_network = write_feature_network(out / EVERYTHING)
    scored = [f"--cache_dir={cache}", f"--feature_network={feature_network}", "--metrics=fd20"]
    assert run_metrics.main([*network[1:], f"--run={run_dir}", *scored, "--all"]) == 0
    scores = out / f"{EVERYTHING}.jsonl"
    files = [f"--fakes={pictures}", f"--reals={dataset}", f"--output={scores}"]
    assert run_metrics.main([*files, *scored, f"--export_stats={out / EVERYTHING}.npz"]) == 0
    assert len(read_json_lines(scores)) == 1

    for name, suffix in (("savedmodel", ""), ("tflite", ".tflite"), ("keras", ".keras")):
        target = out / f"{EVERYTHING}{name}{suffix}"
        assert export.main([*network, f"--format={name}", f"--output={target}"]) == 0
    with plain_path(out / f"{EVERYTHING}savedmodel") as plain:
        function = tf.saved_model.load(plain).signatures["serving_default"]
    G = load_networks(run_dir).G_ema
    z = np.zeros((1, G.z_dim), np.float32)
    psi = {"truncation_psi": tf.constant(1.0)} if G.has_mapping else {}
    ours = G(G.place_z(z), noise_mode="const")[-1]
    np.testing.assert_allclose(function(z=tf.constant(z), **psi)["images_16x16"], ours, atol=1e-4)
    arrays = out / f"{EVERYTHING}.npz"
    assert convert.main([str(run_dir), str(arrays)]) == 0
    assert load_networks(arrays).G_ema is not None
    card = out / f"{EVERYTHING}card"
    assert model_card.main([f"--run={run_dir}", f"--output={card}"]) == 0
    assert (card / "README.md").is_file()
