"""Every command works in folders of any name: what is a pattern or a code elsewhere is a letter."""

import importlib.util
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.event_files import events
from support.image_sources import noise, write_folder, write_zip
from support.installed import onnxruntime_web
from support.tiny_feature_network import write_feature_network
from support.tiny_run import make_dataset, make_run
from tensorflow import keras

from msg_stylegan import load_networks
from msg_stylegan.commands import (
    convert,
    dataset_tool,
    export,
    generate,
    model_card,
    run_metrics,
    train,
)
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.export import FORMATS
from msg_stylegan.files import read_json_lines
from msg_stylegan.image_counts import FAKES
from msg_stylegan.pictures.sheets import save_image
from msg_stylegan.tensorflow_files import plain_path
from msg_stylegan.training.checkpoint import TrainingCheckpoint

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")

# The colon is within the first part of relative paths, where it could end a protocol.
EVERYTHING = "x:[1] *?\\ '\" \n ü %d ${HOME} {a} #&;|~ " + os.fsdecode(b"\xff")
NAMES = ["runs[1]", "runs[!a]", "r*", "r?ns1", "r\\uns", "a b", "a'\"b", "a\nb", "Größe"]
NAMES += [EVERYTHING, os.fsdecode(b"caf\xe9"), "%s%d", "a:b"]


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
        assert Path(plain).samefile(tmp_path / "t[1]")
    assert list((tmp_path / "t[1]").iterdir()) == []


def scores(run_dir, key):
    with plain_path(run_dir) as plain:
        return events(Path(plain))[f"Metrics/{key}"]


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Relative paths of folders for pictures, data, results, cache and output."""
    monkeypatch.chdir(tmp_path)
    names = ("pictures", "data", "results", "cache", "out")
    folders = {name: Path(f"{EVERYTHING}{name}") for name in names}
    for folder in folders.values():
        folder.mkdir()
    pictures = {f"{EVERYTHING}{i}.png": noise(i) for i in range(24)}
    write_folder(folders["pictures"], pictures)
    return SimpleNamespace(**folders)


@pytest.fixture
def run_dir(places):
    make_dataset(places.data / "tiny", channels=3)
    return make_run(places.results, places.data, channels=3)


def test_data_sets(places):
    dataset, copies = str(places.data / f"{EVERYTHING}set"), places.out / f"{EVERYTHING}pictures"
    assert dataset_tool.main(["create_from_images", dataset, str(places.pictures)]) == 0
    for command in ("verify", "info", "extract"):
        assert dataset_tool.main([command, dataset, *([str(copies)] * (command == "extract"))]) == 0
    assert len(list(copies.rglob("*.png"))) == 24
    assert dataset_tool.main(["compare", dataset, dataset]) == 0


def test_sources(places):
    lmdb, h5py = pytest.importorskip("lmdb"), pytest.importorskip("h5py")
    pictures = {path.name: path.read_bytes() for path in places.pictures.iterdir()}
    with (
        lmdb.open(os.fsencode(places.out / "lmdb"), map_size=2**24) as environment,
        environment.begin(write=True) as transaction,
    ):
        for name, content in pictures.items():
            transaction.put(os.fsencode(name), content)
    with h5py.File(places.out / f"{EVERYTHING}.h5", "w") as file:
        file["data"] = np.zeros((4, 3, 16, 16), np.uint8)
    (places.out / "list.txt").write_bytes(b"a.png\nb.png\n")
    write_folder(places.out, {"a.png": noise(0), "b.png": noise(1)})
    archive = write_zip(places.out / f"{EVERYTHING}.zip", {"a.png": noise(0), "b.png": noise(1)})
    for command, source, count in (
        ("create_lsun", places.out / "lmdb", 24),
        ("create_from_hdf5", places.out / f"{EVERYTHING}.h5", 4),
        ("create_from_images", places.out / "list.txt", 2),
        ("create_from_images", archive, 2),
    ):
        dataset = places.data / f"{EVERYTHING}{source.name[-5:]}"
        size = ["--resolution=16"] * (command == "create_lsun")
        assert dataset_tool.main([command, str(dataset), str(source), *size]) == 0
        assert TFRecordDataset(dataset).num_images == count


@pytest.mark.slow
def test_training_and_resuming(places):
    make_dataset(places.data / f"{EVERYTHING}set")
    size = [f"--config.{name}.channel_{k}" for name in ("generator", "discriminator") for k in "bm"]
    size = [f"{name}ase=64" if name[-1] == "b" else f"{name}ax=8" for name in size]
    trained = [
        *("--config=digits", *size, "--config.generator.mapping_layers=2"),
        *(f"--config.data_dir={places.data}", f"--config.dataset.path={EVERYTHING}set"),
        *(f"--config.result_dir={places.results}", f"--config.cache_dir={places.cache}"),
        *("--config.dataset.resolution=0", "--config.schedule.batch_size=8"),
        *("--config.schedule.tick_kimg=0.016", "--config.schedule.image_grid=4x2"),
        *("--config.schedule.image_snapshot_ticks=1", "--config.metrics.names=swd20"),
    ]
    assert train.main([*trained, "--config.schedule.total_kimg=0.032"]) == 0
    (run_dir,) = places.results.iterdir()
    place = f"--config.result_dir={places.results}"
    resumed = [place, f"--resume={run_dir}", "--config.schedule.total_kimg=0.048"]
    assert train.main(resumed) == 0
    assert load_networks(run_dir).info["cur_nimg"] == 48
    assert checkpoints(run_dir)[-1] == "ckpt-48.index"
    kimg = [line["Progress/kimg"] for line in read_json_lines(run_dir / "stats.jsonl")]
    assert kimg == [0.016, 0.032, 0.048]
    assert len(read_json_lines(run_dir / "metric-swd20.jsonl")) == 3
    assert len(list(run_dir.glob("events.out.tfevents.*"))) == 2


def test_drawing(places, run_dir):
    outdir = places.out / EVERYTHING
    common = [f"--result_dir={places.results}", f"--outdir={outdir}"]
    for command in (
        ["images", "--seeds=0-1"],
        ["interpolation", "--seeds=0-1", "--transition=2"],
        ["project", f"--target={next(places.pictures.iterdir())}", "--steps=2"],
    ):
        assert generate.main([*command, f"--network={run_dir}", *common]) == 0
    for kimg in (0, 0.016, 1, 1.5):
        picture = noise(0, 20, 30)
        save_image(picture, run_dir / "all_scales" / FAKES.name(kimg))
    assert generate.main(["timelapse", f"--run={run_dir}", *common]) == 0
    with Image.open(outdir / "seed0000.png") as picture:
        assert picture.size == (16, 16)
    for name, count in (("interpolation.mp4", 24), ("timelapse.mp4", 4)):
        with av.open(str(outdir.absolute() / name)) as container:
            assert len(list(container.decode(video=0))) == count


def test_metrics(places, run_dir, tmp_path):
    # Keras itself does not write under all names.
    written = write_feature_network(tmp_path)
    keras.models.load_model(written).export(str(tmp_path / "exported"))
    feature_network = places.out / f"{EVERYTHING}.keras"
    saved_model = places.out / f"{EVERYTHING}network"
    written.rename(feature_network)
    (tmp_path / "exported").rename(saved_model)
    for model in (feature_network.with_suffix(""), saved_model):
        shutil.copy(written.with_suffix(".json"), f"{model}.json")
    common = [f"--cache_dir={places.cache}", f"--result_dir={places.results}", "--batch_size=8"]
    network = [*common, f"--feature_network={feature_network}", "--metrics=fd20"]
    assert run_metrics.main([f"--run={run_dir}", "--all", *network]) == 0
    assert len(read_json_lines(run_dir / "metric-fd20-tiny.jsonl")) == 2
    assert len(scores(run_dir, "fd20-tiny")) == 2
    output, statistics = places.out / f"{EVERYTHING}.jsonl", places.out / f"{EVERYTHING}.npz"
    fakes = [f"--fakes={places.pictures}", f"--reals={places.data / 'tiny'}", *common]
    fakes += [f"--feature_network={saved_model}", "--metrics=fd20", f"--output={output}"]
    assert run_metrics.main([*fakes, f"--export_stats={statistics}"]) == 0
    assert len(read_json_lines(output)) == 1
    assert statistics.is_file()


@pytest.mark.slow
def test_files_for_others(places, run_dir):
    network = [f"--network={run_dir}", f"--result_dir={places.results}"]
    G = load_networks(run_dir).G_ema
    z = np.zeros((1, G.z_dim), np.float32)
    extra = {"web": [f"--onnxruntime_web={onnxruntime_web()}"]}
    for name in FORMATS:
        target = places.out / f"{EVERYTHING}{name}{FORMATS[name].suffix}"
        if name in ("onnx", "web") and importlib.util.find_spec("tf2onnx") is None:
            continue
        if name == "web" and onnxruntime_web() is None:
            continue
        arguments = [f"--format={name}", f"--output={target}", *extra.get(name, [])]
        assert export.main([*network, *arguments]) == 0
        assert target.exists()
    with plain_path(places.out / f"{EVERYTHING}savedmodel") as plain:
        function = tf.saved_model.load(plain).signatures["serving_default"]
        images = function(z=tf.constant(z), truncation_psi=tf.constant(1.0))
    ours = G(G.place_z(z), noise_mode="const")[-1]
    np.testing.assert_allclose(images["images_16x16"], ours, atol=1e-4)
    arrays, card = places.out / f"{EVERYTHING}all.npz", places.out / f"{EVERYTHING}card"
    assert convert.main([str(run_dir), str(arrays)]) == 0
    assert load_networks(arrays).G_ema is not None
    assert model_card.main([f"--run={run_dir}", f"--output={card}"]) == 0
    assert (card / "README.md").is_file()
