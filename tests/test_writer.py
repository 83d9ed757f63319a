import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stored_data_sets import random_images, write_records

from msg_stylegan.data.assembly import write_labels
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.pyramid import downsample, image_pyramid, pyramid_resolutions
from msg_stylegan.data.writer import DatasetWriter


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
    images = random_images(7, resolution, channels)
    labels = np.eye(7)
    write_records(tmp_path / "ours", images, labels.astype(np.float32))
    write_plainly(tmp_path / "plain", "ours", images, labels)
    ours = {path.name: path.read_bytes() for path in (tmp_path / "ours").iterdir()}
    plain = {path.name: path.read_bytes() for path in (tmp_path / "plain").iterdir()}
    assert ours == plain


def test_plain_data_set_reads(tmp_path):
    images = random_images(5, 16, 3)
    labels = np.eye(5)
    write_plainly(tmp_path / "plain", "other-name", images, labels)
    dataset = TFRecordDataset(tmp_path / "plain", max_label_size=-1)
    np.testing.assert_array_equal(dataset.read_images(range(5)), images)
    np.testing.assert_array_equal(dataset.read_labels(range(5)), labels)


@settings(deadline=None, max_examples=20)
@given(
    num_images=st.integers(1, 6),
    resolution=st.sampled_from([4, 8, 16, 32]),
    channels=st.sampled_from([1, 3]),
    label_size=st.integers(0, 4),
    seed=st.integers(0, 1000),
)
def test_round_trip(tmp_path_factory, num_images, resolution, channels, label_size, seed):
    images = random_images(num_images, resolution, channels, seed)
    labels = np.random.default_rng(seed).normal(size=(num_images, label_size)).astype(np.float32)
    directory = tmp_path_factory.mktemp("round") / "trip"
    write_records(directory, images, labels if label_size else None)
    dataset = TFRecordDataset(directory, max_label_size=-1)
    assert dataset.shape == (resolution, resolution, channels)
    assert (dataset.num_images, dataset.label_size) == (num_images, label_size)
    np.testing.assert_array_equal(dataset.read_images(range(num_images)), images)
    np.testing.assert_array_equal(dataset.read_labels(range(num_images)), labels)


def test_names_with_and_without_trailing_slash(tmp_path):
    for name in ("plain", "slash/"):
        write_records(f"{tmp_path}/{name}", random_images(1, 8, 1), np.ones((1, 2), np.float32))
        prefix = name.rstrip("/")
        names = sorted(path.name for path in (tmp_path / name).iterdir())
        assert names == [
            f"{prefix}-{end}" for end in ("r02.tfrecords", "r03.tfrecords", "rxx.labels")
        ]


def test_relative_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_records("here", random_images(1, 4, 1))
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


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((8, 8, 2), np.uint8), r"cat\.png: expected 1 channel .*Received: 2"),
        (np.zeros((8, 16, 3), np.uint8), r"cat\.png: images must be square.*16x8"),
        (np.zeros((12, 12, 3), np.uint8), r"cat\.png: the side must be a power of two.*12x12"),
        (np.zeros((2, 2, 3), np.uint8), r"cat\.png: the side must be a power of two"),
        (np.zeros((8, 8, 3), np.float32), r"cat\.png: expected uint8.*float32"),
        (np.zeros((8, 8), np.uint8), r"cat\.png: expected uint8"),
        (np.zeros((16, 16, 3), np.uint8), r"cat\.png: .*16x16 RGB, but dog\.png is 8x8 RGB"),
        (np.zeros((8, 8, 1), np.uint8), r"cat\.png: .*8x8 grayscale, but dog\.png is 8x8 RGB"),
    ],
)
def test_wrong_image_is_named_and_nothing_is_left(tmp_path, image, message):
    with pytest.raises(ValueError, match=message), DatasetWriter(tmp_path / "out") as writer:
        writer.add_image(random_images(1, 8, 3)[0], "dog.png")
        writer.add_image(image, "cat.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "labels", [np.zeros((2, 1)), np.zeros(1), np.zeros((1, 0)), np.full((1, 1), np.nan)]
)
def test_wrong_labels_leave_nothing(tmp_path, labels):
    with pytest.raises(ValueError, match=r"[Ll]abels"):
        write_records(tmp_path / "out", random_images(1, 8, 3), labels)
    assert list(tmp_path.iterdir()) == []


def test_image_after_labels_leaves_nothing(tmp_path):
    message = "after the last image"
    with pytest.raises(ValueError, match=message), DatasetWriter(tmp_path / "out") as writer:
        writer.add_image(random_images(1, 8, 3)[0])
        writer.add_labels(np.ones((1, 1)))
        writer.add_image(random_images(1, 8, 3)[0])
    assert list(tmp_path.iterdir()) == []


def test_no_image_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="No image"):
        write_records(tmp_path / "out", [])
    assert list(tmp_path.iterdir()) == []


def test_interruption_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), DatasetWriter(tmp_path / "out") as writer:
        writer.add_image(random_images(1, 8, 3)[0])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_nothing_shows_before_the_end(tmp_path):
    with DatasetWriter(tmp_path / "out") as writer:
        writer.add_image(random_images(1, 8, 3)[0])
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out").is_dir()


def test_existing_folder_is_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()
    with pytest.raises(FileExistsError, match="out"):
        write_records(tmp_path / "out", random_images(1, 8, 3))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["precious"]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3, 4), (1, 5), (0, 2)])
def test_labels_are_read_back_whatever_their_order_in_memory_is(tmp_path, order, shape):
    labels = np.random.default_rng(0).normal(size=shape).astype(np.float32, order=order)
    write_labels(tmp_path / "a.labels", labels)
    np.testing.assert_array_equal(np.load(tmp_path / "a.labels"), labels)
