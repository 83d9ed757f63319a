import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import tensorflow as tf
from support.checkout import ROOT
from support.conversion_probe import NoiseSource, contents, run
from support.new_process import listen_to_ctrl_c, run_python
from support.stored_data_sets import random_images

from msg_stylegan.data.assembly import write_labels
from msg_stylegan.data.conversion import shuffled_order
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.dataset_folder import find_levels, read_manifest
from msg_stylegan.data.pyramid import downsample, image_pyramid, pyramid_resolutions
from msg_stylegan.data.record_file import RecordFile
from msg_stylegan.data.verify import verify

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs signals and limits of POSIX")
ALL_GOOD = {"broken_every": 0, "copy_every": 0}


def order_of(num_images, seed=0):
    return np.random.RandomState(seed).permutation(num_images)


def kept_of(source, order, drop_duplicates=False):
    """Image numbers that belong into the data set, by a plain statement of the rules."""
    kept, seen = [], set()
    for index in order.tolist():
        if source.is_broken(index):
            continue
        pixels = source.pixels(index).tobytes()
        if drop_duplicates and pixels in seen:
            continue
        seen.add(pixels)
        kept.append(index)
    return kept


def stored_images(folder, resolution):
    files = [RecordFile(path) for path in find_levels(folder)[resolution]]
    return np.concatenate([file.read(range(file.num_records)) for file in files])


def labels_in(folder):
    (path,) = Path(folder).glob("*.labels")
    return np.load(path)


def start(out, **options):
    """Starts a conversion as a program of its own."""
    probe = ROOT / "tests" / "support" / "conversion_probe.py"
    return subprocess.Popen(
        [sys.executable, str(probe), "run", str(out), json.dumps(options)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_ctrl_c,
    )


def write_plainly(directory, name, images, labels):
    """A data set as the format's description says, with nothing but TensorFlow and numpy."""
    directory.mkdir()
    resolution = images.shape[1]
    for exponent in range(2, int(np.log2(resolution)) + 1):
        factor = resolution >> exponent
        side = 2**exponent
        path = directory / f"{name}-r{exponent:02d}.tfrecords"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for image in images:
                chw = image.transpose(2, 0, 1).astype(np.float64)
                blocks = chw.reshape(-1, side, factor, side, factor)
                level = np.rint(blocks.mean(axis=(2, 4))).clip(0, 255).astype(np.uint8)
                shape = tf.train.Int64List(value=level.shape)
                data = tf.train.BytesList(value=[level.tobytes()])
                feature = {
                    "shape": tf.train.Feature(int64_list=shape),
                    "data": tf.train.Feature(bytes_list=data),
                }
                example = tf.train.Example(features=tf.train.Features(feature=feature))
                # The order of a map is free; this is the reproducible one.
                writer.write(example.SerializeToString(deterministic=True))
    with (directory / f"{name}-rxx.labels").open("wb") as file:
        np.save(file, labels.astype(np.float32))


@pytest.mark.parametrize(("resolution", "channels"), [(8, 1), (8, 3), (32, 3), (64, 1)])
def test_files_are_those_of_plain_tensorflow(tmp_path, resolution, channels):
    facts = {"num_images": 30, "resolution": resolution, "channels": channels, **ALL_GOOD}
    source, order = NoiseSource(**facts), order_of(30)
    # A slash at the end gave nameless files in the original.
    run(f"{tmp_path}/ours/noise/", source=facts)
    images = np.stack([source.read(index) for index in order])
    write_plainly(tmp_path / "plain", "noise", images, source.labels[order])
    ours = contents(tmp_path / "ours" / "noise")
    manifest = json.loads(ours.pop("manifest.json"))
    assert ours == contents(tmp_path / "plain")
    assert manifest["num_images"] == 30
    assert [path.name for path in (tmp_path / "ours").iterdir()] == ["noise"]
    for folder in ("ours/noise", "plain"):
        dataset = TFRecordDataset(tmp_path / folder, max_label_size=-1)
        np.testing.assert_array_equal(dataset.read_images(range(30)), images)
        np.testing.assert_array_equal(dataset.read_labels(range(30)), source.labels[order])


def test_relative_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("here")
    assert (tmp_path / "here" / "here-r02.tfrecords").is_file()


@pytest.mark.parametrize("resolution", [8, 64, 1024])
def test_levels_are_rounded_once(resolution):
    # Block means of the full image in float64 are exact.
    image = random_images(1, resolution, 1)[0].transpose(2, 0, 1)
    levels = list(image_pyramid(image))
    assert [level.shape[1] for level in levels] == pyramid_resolutions(resolution)
    for level in levels:
        side = level.shape[1]
        blocks = image.reshape(1, side, resolution // side, side, -1).astype(np.float64)
        np.testing.assert_array_equal(level, np.rint(blocks.mean(axis=(2, 4))))
        np.testing.assert_array_equal(downsample(image, side), level)


@pytest.mark.parametrize("drop_duplicates", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_order_labels_and_lists(tmp_path, drop_duplicates, channels):
    out = tmp_path / "noise"
    options = {"drop_duplicates": drop_duplicates, "num_shards": 4}
    manifest = run(out, source={"channels": channels}, **options)
    source, order = NoiseSource(channels=channels), order_of(90)
    kept = kept_of(source, order, drop_duplicates)
    expected = np.stack([source.pixels(index).transpose(2, 0, 1) for index in kept])
    np.testing.assert_array_equal(stored_images(out, 16), expected)
    for level in (4, 8):
        scaled = [next(x for x in image_pyramid(i) if x.shape[1] == level) for i in expected]
        np.testing.assert_array_equal(stored_images(out, level), np.stack(scaled))
    np.testing.assert_array_equal(labels_in(out), source.labels[kept])
    assert manifest == read_manifest(out)
    broken = [index for index in order.tolist() if source.is_broken(index)]
    lines = [f"noise/{index}\tno luck with {index}" for index in broken]
    assert (out / "skipped.txt").read_text(encoding="utf-8").splitlines() == lines
    copies = kept_of(source, order, drop_duplicates=True)
    num_duplicates = len(kept_of(source, order)) - len(copies)
    pairs = (out / "duplicates.txt").read_text(encoding="utf-8").splitlines()
    assert len(pairs) == num_duplicates > 0
    for pair in pairs:
        later, first = (int(name.removeprefix("noise/")) for name in pair.split("\t"))
        assert order.tolist().index(first) < order.tolist().index(later)
        np.testing.assert_array_equal(source.pixels(first), source.pixels(later))
    facts = [manifest[key] for key in ("num_images", "num_skipped", "num_duplicates")]
    assert facts == [len(kept), len(broken), num_duplicates]
    # The shards are cut by positions, so that a broken image moves no other one to another shard.
    for shard, path in enumerate(find_levels(out)[16]):
        positions = order[shard * 90 // 4 : (shard + 1) * 90 // 4]
        members = sum(index in kept for index in positions.tolist())
        assert manifest["files"][path.name]["records"] == members


@pytest.mark.parametrize("encoding", ["raw", "png", "jpeg"])
@pytest.mark.parametrize("levels", ["all", "top"])
def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path, encoding, levels):
    options = {"encoding": encoding, "levels": levels, "num_shards": 3, "drop_duplicates": True}
    options["source"] = {"num_images": 40}
    run(tmp_path / "one" / "noise", **options, num_workers=1)
    run(tmp_path / "three" / "noise", **options, num_workers=3)
    assert contents(tmp_path / "one") == contents(tmp_path / "three")
    resolutions = [16, 8, 4] if levels == "all" else [16]
    assert list(find_levels(tmp_path / "one" / "noise")) == resolutions
    if encoding != "jpeg":
        source = NoiseSource(40)
        kept = kept_of(source, order_of(40), drop_duplicates=True)
        expected = np.stack([source.pixels(index).transpose(2, 0, 1) for index in kept])
        np.testing.assert_array_equal(stored_images(tmp_path / "one" / "noise", 16), expected)


def test_parts_do_not_show_in_the_bytes(tmp_path):
    for images_per_part in (1, 7, 100):
        run(tmp_path / str(images_per_part) / "noise", images_per_part=images_per_part)
    assert contents(tmp_path / "1") == contents(tmp_path / "7") == contents(tmp_path / "100")


@pytest.mark.slow
@posix_only
@pytest.mark.parametrize("drop_duplicates", [False, True])
def test_killed_at_any_operation_on_files(tmp_path, drop_duplicates):
    options = {"images_per_part": 4, "num_shards": 2, "drop_duplicates": drop_duplicates}
    options["source"] = {"num_images": 14, "resolution": 4 if drop_duplicates else 8}
    probe = ROOT / "tests" / "support" / "conversion_probe.py"
    command = [sys.executable, str(probe), "kill_everywhere", str(tmp_path), json.dumps(options)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    assert int(result.stdout.split()[-1]) > 60


@pytest.mark.slow
@posix_only
def test_killed_with_workers(tmp_path):
    options = {"num_shards": 2, "encoding": "png", "drop_duplicates": True}
    run(tmp_path / "whole" / "noise", **options)
    out = tmp_path / "killed" / "noise"
    parts = out.with_name(".noise.partial") / "parts"
    source = {"delay": 0.01}
    joined = []
    for num_parts in (1, 4, 8):
        with start(out, num_workers=2, source=source, **options) as process:
            deadline = time.monotonic() + 60
            while len(list(parts.glob("0*.json"))) < num_parts:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.005)
            workers = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGKILL)
        # They would write into the folder of the next start.
        assert psutil.wait_procs(workers, timeout=10)[1] == []
        assert not out.exists()
        state = parts / "joined.json"
        joined.append(json.loads(state.read_text())["parts"] if state.exists() else 0)
    assert joined == sorted(joined)
    assert joined[-1] > 0
    run(out, num_workers=2, **options)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["noise"]


@posix_only
def test_interruption_ends_the_workers_and_keeps_what_is_done(tmp_path):
    out = tmp_path / "killed" / "noise"
    parts = out.with_name(".noise.partial") / "parts"
    with start(out, num_workers=2, source={"delay": 0.02}) as process:
        while not list(parts.glob("0*.json")):
            time.sleep(0.005)
        workers = psutil.Process(process.pid).children(recursive=True)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert time.monotonic() - begin < 10
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    before = len(list(parts.glob("0*.json")))
    assert before > 0
    run(out)
    run(tmp_path / "whole" / "noise")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@posix_only
@pytest.mark.parametrize("num_workers", [1, 2])
def test_full_disk(tmp_path, num_workers):
    """A limit on the size of files stands for a full disk: the same calls fail."""
    out = tmp_path / "killed" / "noise"
    # Parts fit, but the file that they are joined to does not.
    with start(out, num_workers=num_workers, max_file_bytes=40_000) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "OSError" in errors
    assert re.search(r"noise-r0\d.tfrecords cannot be written: it is larger than files", errors)
    assert "Make room on the disk and run the same command again" in errors
    assert [path.name for path in out.parent.iterdir()] == [".noise.partial"]
    run(out, num_workers=num_workers)
    run(tmp_path / "whole" / "noise")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3, 4), (1, 5), (0, 2)])
def test_labels_are_read_back_whatever_their_order_in_memory_is(tmp_path, order, shape):
    labels = np.random.default_rng(0).normal(size=shape).astype(np.float32, order=order)
    write_labels(tmp_path / "a.labels", labels)
    np.testing.assert_array_equal(np.load(tmp_path / "a.labels"), labels)


def test_order_is_the_originals():
    assert shuffled_order(10).tolist() == [4, 0, 7, 5, 8, 3, 1, 6, 9, 2]
    assert sorted(shuffled_order(1000)) == list(range(1000))


def test_tensorflow_stays_out_of_the_workers():
    code = "import sys, msg_stylegan.data.conversion; sys.exit('tensorflow' in sys.modules)"
    run_python("-c", code)


@pytest.mark.parametrize("encoding", ["raw", "png", "jpeg"])
@pytest.mark.parametrize("levels", ["all", "top"])
@pytest.mark.parametrize("num_shards", [1, 3])
def test_every_way_to_store_it_is_sound(tmp_path, encoding, levels, num_shards):
    run(tmp_path / "noise", encoding=encoding, levels=levels, num_shards=num_shards)
    manifest = read_manifest(tmp_path / "noise")
    assert manifest["num_shards"] == num_shards
    facts = verify(tmp_path / "noise", workers=1)
    assert (facts.encoding, facts.num_shards) == (encoding, num_shards)
    assert facts.num_images == manifest["num_images"] and facts.label_size > 0
