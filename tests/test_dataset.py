import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.records import encode_example
from msg_stylegan.data.writer import DatasetWriter


def random_images(num_images=6, resolution=32, channels=3, seed=0):
    shape = (num_images, resolution, resolution, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def make(directory, images, labels=None):
    with DatasetWriter(directory) as writer:
        for image in images:
            writer.add_image(image)
        if labels is not None:
            writer.add_labels(labels)
    return directory


def test_facts(tmp_path):
    path = make(tmp_path / "cats", random_images(channels=1), np.eye(6, dtype=np.float32))
    dataset = TFRecordDataset(f"{path}/", max_label_size=4)
    assert dataset.name == "cats"
    assert dataset.path == path
    assert dataset.num_images == 6
    assert (dataset.resolution, dataset.stored_resolution) == (32, 32)
    assert (dataset.num_channels, dataset.shape) == (1, (32, 32, 1))
    assert (dataset.label_size, dataset.stored_label_size) == (4, 6)


def test_images_by_any_indices(tmp_path):
    images = random_images()
    dataset = TFRecordDataset(make(tmp_path / "a", images))
    for indices in ([3], [5, 0, 0, 2], np.arange(6), []):
        np.testing.assert_array_equal(
            dataset.read_images(indices), images[np.asarray(indices, np.int64)]
        )


@pytest.mark.parametrize("resolution", [4, 8, 16, 32])
def test_lower_level_is_the_same_with_and_without_its_file(tmp_path, resolution):
    path = make(tmp_path / "a", random_images())
    stored = TFRecordDataset(path, resolution=resolution)
    from_file = stored.read_images(range(6))
    fingerprint = stored.fingerprint()
    for level in range(2, 5):
        (path / f"a-r{level:02d}.tfrecords").unlink()
    computed = TFRecordDataset(path, resolution=resolution)
    np.testing.assert_array_equal(computed.read_images(range(6)), from_file)
    assert computed.shape == stored.shape == (resolution, resolution, 3)
    assert computed.read_images([]).shape == (0, resolution, resolution, 3)
    assert (computed.fingerprint() == fingerprint) == (resolution == 32)


@pytest.mark.parametrize(("max_label_size", "size"), [(0, 0), (-1, 3), (1, 1), (3, 3)])
def test_labels_are_the_first_components(tmp_path, max_label_size, size):
    labels = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    dataset = TFRecordDataset(make(tmp_path / "a", random_images(), labels), 0, max_label_size)
    result = dataset.read_labels([4, 1, 1])
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, labels[[4, 1, 1], :size])
    with pytest.raises(IndexError):
        dataset.read_labels([6])


def test_no_labels(tmp_path):
    dataset = TFRecordDataset(make(tmp_path / "a", random_images()), max_label_size=-1)
    assert dataset.label_size == 0
    assert dataset.read_labels([0, 1]).shape == (2, 0)


def test_iteration_repeats_and_ends_with_a_short_batch(tmp_path):
    images = random_images()
    dataset = TFRecordDataset(make(tmp_path / "a", images))
    assert [len(batch) for batch in dataset.iterate_images(4)] == [4, 2]
    batches = list(dataset.iterate_images(4, num_images=15))
    assert [len(batch) for batch in batches] == [4, 4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(batches), images[np.arange(15) % 6])
    batches = list(dataset.iterate_images(4, num_images=9, start=5))
    np.testing.assert_array_equal(np.concatenate(batches), images[np.arange(5, 14) % 6])


def test_mirroring_depends_on_seed_and_position_only(tmp_path):
    images = random_images()
    dataset = TFRecordDataset(make(tmp_path / "a", images))

    def stream(batch_size, seed=0, start=0, num_images=600):
        return np.concatenate(
            list(dataset.iterate_images(batch_size, num_images, True, seed, start))
        )

    whole = stream(600)
    np.testing.assert_array_equal(stream(7), whole)
    np.testing.assert_array_equal(stream(50, start=123, num_images=400), whole[123:523])
    originals = images[np.arange(600) % 6]
    kept = (whole == originals).all(axis=(1, 2, 3))
    flipped = (whole == originals[:, :, ::-1]).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(kept, ~flipped)
    # Five standard deviations around one half.
    assert abs(kept.mean() - 0.5) < 5 * 0.5 / np.sqrt(600)
    assert not np.array_equal(stream(600, seed=1), whole)


def test_fingerprint_is_of_the_content(tmp_path):
    images = random_images()
    labels = np.eye(6, dtype=np.float32)
    path = make(tmp_path / "a", images, labels)
    fingerprint = TFRecordDataset(path).fingerprint()
    assert len(fingerprint) == 64

    os.utime(path / "a-r05.tfrecords", (1, 1))
    path = path.rename(tmp_path / "renamed")
    assert TFRecordDataset(path).fingerprint() == fingerprint
    again = make(tmp_path / "elsewhere" / "b", images, labels)
    assert TFRecordDataset(again).fingerprint() == fingerprint

    others = {TFRecordDataset(path, resolution=16).fingerprint()}
    others.add(TFRecordDataset(path, max_label_size=-1).fingerprint())
    others.add(TFRecordDataset(path, max_label_size=2).fingerprint())
    others.add(TFRecordDataset(make(tmp_path / "fewer", images[:5])).fingerprint())
    for i in range(6):
        changed = images.copy()
        changed[i, 31, 31, 2] ^= 1
        others.add(TFRecordDataset(make(tmp_path / f"changed{i}", changed)).fingerprint())
    assert len(others) == 10
    assert fingerprint not in others


def test_fingerprint_of_large_files_is_a_sample(tmp_path):
    path = make(tmp_path / "a", random_images(1, 4, 1))
    record = (path / "a-r02.tfrecords").read_bytes()
    count = (65 << 20) // len(record)
    (path / "a-r02.tfrecords").write_bytes(record * count)
    fingerprint = TFRecordDataset(path).fingerprint()
    assert TFRecordDataset(path).fingerprint() == fingerprint
    for position in (100, len(record) * count - 20):
        content = bytearray(record * count)
        content[position] ^= 1
        (path / "a-r02.tfrecords").write_bytes(content)
        assert TFRecordDataset(path).fingerprint() != fingerprint


def break_channels(path):
    path.mkdir()
    for level, channels in ((2, 1), (3, 3)):
        side = 2**level
        with tf.io.TFRecordWriter(str(path / f"x-r{level:02d}.tfrecords")) as writer:
            writer.write(encode_example(np.zeros((channels, side, side), np.uint8)))


def break_shape(path):
    path.mkdir()
    with tf.io.TFRecordWriter(str(path / "x-r03.tfrecords")) as writer:
        writer.write(encode_example(np.zeros((1, 8, 4), np.uint8)))


def break_count(path):
    file = make(path, random_images()) / "x-r03.tfrecords"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def break_labels(path):
    with (make(path, random_images()) / "x-rxx.labels").open("wb") as file:
        np.save(file, np.zeros((5, 2), np.float32))


def break_level(path):
    make(path, random_images())
    (path / "y-r05.tfrecords").write_bytes((path / "x-r05.tfrecords").read_bytes())


@pytest.mark.parametrize(
    ("prepare", "options", "message"),
    [
        (lambda path: None, {}, r"`dataset\.path`: there is no folder .*x"),
        (lambda path: path.mkdir(), {}, r"`dataset\.path`: .*x holds no \.tfrecords"),
        (lambda path: path.touch(), {}, r"`dataset\.path`: there is no folder .*x"),
        (None, {"resolution": 64}, r"`dataset\.resolution` is 64, but .* 32x32"),
        (None, {"resolution": 12}, r"`dataset\.resolution` must be a power of two"),
        (None, {"resolution": 2}, r"`dataset\.resolution` must be a power of two"),
        (None, {"resolution": -4}, r"`dataset\.resolution` must be a power of two"),
        (None, {"max_label_size": 1}, r"`dataset\.max_label_size` is 1, but .* no numbers"),
        (None, {"max_label_size": -2}, r"`dataset\.max_label_size` must be"),
        (break_channels, {}, "differ in their number of channels"),
        (break_shape, {}, "4x8 cannot be used"),
        (break_count, {"resolution": 8}, "holds 3 records, but .* holds 6.*verify"),
        (break_labels, {}, r"x-rxx\.labels has the shape \[5, 2\].* 6 images"),
        (break_level, {}, "both hold images of 32x32"),
        (
            lambda path: (make(path, random_images()) / "x.labels").touch(),
            {},
            "not a file of labels",
        ),
    ],
)
def test_errors(tmp_path, prepare, options, message):
    path = tmp_path / "x"
    prepare(path) if prepare else make(path, random_images())
    with pytest.raises(ValueError, match=message):
        TFRecordDataset(path, **options)


_MEMORY_SCRIPT = """
import sys
import numpy as np, psutil, tensorflow as tf
from msg_stylegan.data.batches import training_batches
from msg_stylegan.data.dataset import TFRecordDataset

dataset = TFRecordDataset(sys.argv[1])
# The first batches start TensorFlow's threads and buffers.
batches = iter(training_batches(dataset, batch_size=16, seed=0))
for _ in range(4):
    next(batches)
before = peak = psutil.Process().memory_info().rss
for _ in range(2 * dataset.num_images // 16):
    next(batches)
    peak = max(peak, psutil.Process().memory_info().rss)
for _ in dataset.iterate_images(16):
    peak = max(peak, psutil.Process().memory_info().rss)
print(dataset.num_images, peak - before)
"""


def test_memory_does_not_grow_with_the_data_set(tmp_path):
    image = random_images(1, 256)[0].transpose(2, 0, 1)
    with tf.io.TFRecordWriter(str(tmp_path / "x-r08.tfrecords")) as writer:
        payload = encode_example(image)
        for _ in range(1024):
            writer.write(payload)
    command = [sys.executable, "-c", _MEMORY_SCRIPT, str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    num_images, growth = map(int, output.split())
    assert num_images * image.size > 200e6
    assert growth < 50e6
