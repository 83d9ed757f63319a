import concurrent.futures
import itertools
import os

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from support.new_process import run_python
from support.stored_data_sets import random_images, store, write_records

from msg_stylegan.data.batches import ShuffledOrder, training_batches
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.dataset_folder import MANIFEST_NAME, read_manifest
from msg_stylegan.data.record_format import ENCODINGS, encode_example


def test_facts(tmp_path):
    path = write_records(tmp_path / "cats", random_images(channels=1), np.eye(6, dtype=np.float32))
    dataset = TFRecordDataset(f"{path}/", max_label_size=4)
    assert dataset.name == "cats"
    assert dataset.path == path
    assert dataset.num_images == 6
    assert (dataset.resolution, dataset.stored_resolution) == (32, 32)
    assert (dataset.num_channels, dataset.shape) == (1, (32, 32, 1))
    assert (dataset.label_size, dataset.stored_label_size) == (4, 6)


def test_images_by_any_indices(tmp_path):
    images = random_images()
    dataset = TFRecordDataset(write_records(tmp_path / "a", images))
    for indices in ([3], [5, 0, 0, 2], np.arange(6), []):
        np.testing.assert_array_equal(
            dataset.read_images(indices), images[np.asarray(indices, np.int64)]
        )


@pytest.mark.parametrize("resolution", [4, 8, 16, 32])
def test_lower_level_is_the_same_with_and_without_its_file(tmp_path, resolution):
    path = write_records(tmp_path / "a", random_images())
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
    dataset = TFRecordDataset(
        write_records(tmp_path / "a", random_images(), labels), 0, max_label_size
    )
    result = dataset.read_labels([4, 1, 1])
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, labels[[4, 1, 1], :size])
    with pytest.raises(IndexError):
        dataset.read_labels([6])


def test_no_labels(tmp_path):
    dataset = TFRecordDataset(write_records(tmp_path / "a", random_images()), max_label_size=-1)
    assert dataset.label_size == 0
    assert dataset.read_labels([0, 1]).shape == (2, 0)


def test_iteration_takes_any_order_and_ends_with_a_short_batch(tmp_path):
    images = random_images()
    dataset = TFRecordDataset(write_records(tmp_path / "a", images))
    assert [len(batch) for batch in dataset.iterate_images(4)] == [4, 2]
    batches = list(dataset.iterate_images(4, [5, 0, 0, 3, 5]))
    assert [len(batch) for batch in batches] == [4, 1]
    np.testing.assert_array_equal(np.concatenate(batches), images[[5, 0, 0, 3, 5]])


def test_fingerprint_is_of_the_content(tmp_path):
    images = random_images()
    labels = np.eye(6, dtype=np.float32)
    path = write_records(tmp_path / "a", images, labels)
    fingerprint = TFRecordDataset(path).fingerprint()
    assert len(fingerprint) == 64

    os.utime(path / "a-r05.tfrecords", (1, 1))
    path = path.rename(tmp_path / "renamed")
    assert TFRecordDataset(path).fingerprint() == fingerprint
    again = write_records(tmp_path / "elsewhere" / "b", images, labels)
    assert TFRecordDataset(again).fingerprint() == fingerprint

    others = {TFRecordDataset(path, resolution=16).fingerprint()}
    others.add(TFRecordDataset(path, max_label_size=-1).fingerprint())
    others.add(TFRecordDataset(path, max_label_size=2).fingerprint())
    others.add(TFRecordDataset(write_records(tmp_path / "fewer", images[:5])).fingerprint())
    for i in range(6):
        changed = images.copy()
        changed[i, 31, 31, 2] ^= 1
        others.add(TFRecordDataset(write_records(tmp_path / f"changed{i}", changed)).fingerprint())
    assert len(others) == 10
    assert fingerprint not in others


def test_fingerprint_of_large_files_is_a_sample(tmp_path):
    path = write_records(tmp_path / "a", random_images(1, 4, 1))
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


STORAGE = list(itertools.product(ENCODINGS, ["all", "top"], [1, 3]))


@pytest.mark.parametrize(("encoding", "levels", "num_shards"), STORAGE)
@pytest.mark.parametrize(("resolution", "channels"), [(0, 3), (8, 1)])
def test_every_way_of_storage_trains(tmp_path, encoding, levels, num_shards, resolution, channels):
    images = random_images(10, 16, channels)
    # Smooth, so that JPEG loses little.
    images = (images // 16 + np.arange(10, dtype=np.uint8)[:, None, None, None] * 20).copy()
    labels = np.eye(10, 4)
    path = store(
        tmp_path / "a", images, labels, encoding=encoding, levels=levels, num_shards=num_shards
    )
    dataset = TFRecordDataset(path, resolution, max_label_size=-1)
    assert (dataset.num_images, dataset.encoding) == (10, encoding)
    expected = TFRecordDataset(store(tmp_path / "b", images), resolution).read_images(range(10))
    result = dataset.read_images(range(10))
    if encoding == "jpeg":
        assert np.abs(result.astype(int) - expected).mean() < 4
    else:
        np.testing.assert_array_equal(result, expected)

    order = ShuffledOrder(10, seed=3)
    for step, batch in enumerate(training_batches(dataset, batch_size=4, seed=3).take(6)):
        indices = order.at(np.arange(4 * step, 4 * step + 4))
        np.testing.assert_array_equal(batch["images"], result[indices])
        np.testing.assert_array_equal(batch["labels"], labels[indices])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_many_threads_may_read_and_decode(tmp_path, encoding):
    path = store(tmp_path / "a", random_images(12), encoding=encoding, num_shards=5)
    dataset = TFRecordDataset(path)
    expected = dataset.read_images(range(12))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for i, images in enumerate(pool.map(lambda i: dataset.read_images([i % 12, 0]), range(99))):
            np.testing.assert_array_equal(images, expected[[i % 12, 0]])


@given(st.data())
def test_damage_anywhere_ends_in_a_message_or_harmless(tmp_path_factory, data):
    path = store(
        tmp_path_factory.mktemp("damage") / "a",
        random_images(4, 8, data.draw(st.sampled_from([1, 3]))),
        np.eye(4, 2),
        encoding=data.draw(st.sampled_from(ENCODINGS)),
        num_shards=data.draw(st.integers(1, 2)),
        manifest=data.draw(st.booleans()),
    )
    file = data.draw(st.sampled_from(sorted(path.iterdir())))
    content = bytearray(file.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    damage = data.draw(st.sampled_from(["flip", "truncate", "overwrite", "insert"]))
    if damage == "flip":
        content[position] ^= 1 << data.draw(st.integers(0, 7))
    elif damage == "truncate":
        del content[position:]
    elif damage == "overwrite":
        content[position : position + 20] = data.draw(st.binary(min_size=20, max_size=20))
    else:
        content[position:position] = data.draw(st.binary(min_size=1, max_size=20))
    file.write_bytes(content)
    try:
        dataset = TFRecordDataset(path, data.draw(st.sampled_from([0, 4])), max_label_size=-1)
        images = dataset.read_images(range(dataset.num_images))
        labels = dataset.read_labels(range(dataset.num_images))
    except ValueError:
        return
    assert images.shape == (dataset.num_images, *dataset.shape)
    assert labels.shape == (dataset.num_images, dataset.label_size)


@pytest.mark.parametrize("resolution", [32, 16])
def test_fingerprint_comes_from_the_manifest(tmp_path, resolution):
    images, labels = random_images(), np.eye(6)
    fingerprint = TFRecordDataset(store(tmp_path / "a", images, labels), resolution).fingerprint()
    again = TFRecordDataset(store(tmp_path / "b", images), resolution)
    assert again.fingerprint() == fingerprint
    top = TFRecordDataset(store(tmp_path / "c", images, levels="top"), resolution)
    assert (top.fingerprint() == fingerprint) == (resolution == 32)
    other = TFRecordDataset(store(tmp_path / "d", random_images(seed=1)), resolution)
    assert other.fingerprint() != fingerprint
    labelled = [TFRecordDataset(tmp_path / "a", resolution, size).fingerprint() for size in (2, -1)]
    assert len({fingerprint, *labelled}) == 3
    manifest = read_manifest(tmp_path / "a")
    assert (labelled[1] == manifest["fingerprint"]) == (resolution == 32)


def test_fingerprint_of_shards_without_a_manifest(tmp_path):
    def fingerprint(name, images, num_shards):
        path = store(tmp_path / name, images, num_shards=num_shards, manifest=False)
        return TFRecordDataset(path).fingerprint()

    images = random_images()
    changed = images.copy()
    changed[5, 0, 0, 0] ^= 1
    assert fingerprint("a", images, 3) == fingerprint("b", images, 3)
    assert len({fingerprint("c", images, 2), fingerprint("d", changed, 2)}) == 2


def test_shards_of_skipped_images_are_empty(tmp_path):
    images = random_images(3)
    path = store(tmp_path / "a", images, num_shards=5)
    assert min(file.stat().st_size for file in path.glob("*.tfrecords-*")) == 0
    np.testing.assert_array_equal(TFRecordDataset(path).read_images([2, 0, 1]), images[[2, 0, 1]])
    # Nothing says that the images are not lost.
    (path / MANIFEST_NAME).unlink()
    with pytest.raises(ValueError, match="00000-of-00005 is empty"):
        TFRecordDataset(path)


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
    file = write_records(path, random_images()) / "x-r03.tfrecords"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def break_labels(path):
    with (write_records(path, random_images()) / "x-rxx.labels").open("wb") as file:
        np.save(file, np.zeros((5, 2), np.float32))


def break_level(path):
    write_records(path, random_images())
    (path / "y-r05.tfrecords").write_bytes((path / "x-r05.tfrecords").read_bytes())


def break_name(path):
    write_records(path, random_images())
    (path / "x-r05.tfrecords").rename(path / "x-r06.tfrecords")


def lose_shard(path):
    store(path, random_images(), num_shards=2)
    (path / "x-r05.tfrecords-00001-of-00002").unlink()


def truncate(path):
    file = store(path, random_images()) / "x-r05.tfrecords"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty_shard(path):
    (store(path, random_images(), num_shards=2) / "x-r05.tfrecords-00001-of-00002").write_bytes(b"")


def rename_all(path):
    store(path, random_images())
    for file in path.glob("*.tfrecords"):
        file.rename(path / f"y{file.name[1:]}")


def break_manifest(path):
    (store(path, random_images()) / MANIFEST_NAME).write_text("{")


@pytest.mark.parametrize(
    ("prepare", "options", "message"),
    [
        (lambda path: None, {}, r"There is no folder .*x"),
        (lambda path: path.mkdir(), {}, r"x has no \.tfrecords"),
        (lambda path: path.touch(), {}, r"There is no folder .*x"),
        (None, {"resolution": 64}, r"holds images of 32x32, but 64x64 are wanted"),
        (None, {"resolution": 12}, r"`dataset\.resolution` must be a power of two"),
        (None, {"resolution": 2}, r"`dataset\.resolution` must be a power of two"),
        (None, {"resolution": -4}, r"`dataset\.resolution` must be a power of two"),
        (None, {"max_label_size": 1}, r"`dataset\.max_label_size` is 1, but .* no numbers"),
        (None, {"max_label_size": -2}, r"`dataset\.max_label_size` must be"),
        (break_channels, {"resolution": 4}, "differ in their number of channels"),
        (break_shape, {}, "4x8 cannot be used"),
        (break_count, {"resolution": 8}, "holds 3 records, but .* holds 6.*verify"),
        (break_labels, {}, r"x-rxx\.labels has the shape \[5, 2\].* 6 images"),
        (break_level, {}, "belong to different data sets"),
        (break_name, {}, r"x-r06\.tfrecords: images of 32x32 cannot be used"),
        (lose_shard, {}, "is one of 2 shards.* missing: 00001"),
        (truncate, {}, r"r05\.tfrecords has \d+ bytes, but is listed with \d+ in manifest.*verify"),
        (empty_shard, {}, "00001-of-00002 has 0 bytes, but is listed with"),
        (rename_all, {}, r"y-r05\.tfrecords has \d+ bytes, but is not listed in manifest"),
        (break_manifest, {}, r"manifest\.json is damaged"),
        (
            lambda path: (write_records(path, random_images()) / "x.labels").touch(),
            {},
            "not a file of labels",
        ),
    ],
)
def test_errors(tmp_path, prepare, options, message):
    path = tmp_path / "x"
    prepare(path) if prepare else write_records(path, random_images())
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
    num_images, growth = map(int, run_python("-c", _MEMORY_SCRIPT, tmp_path).split())
    assert num_images * image.size > 200e6
    assert growth < 50e6
