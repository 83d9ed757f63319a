import itertools
import shutil

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from msg_stylegan.data.records import RecordError, encode_example
from msg_stylegan.data.verify import Facts, verify
from msg_stylegan.data.writer import DatasetWriter

NUM_IMAGES = 3
FILES = ("x-r02.tfrecords", "x-r03.tfrecords")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A data set of three images with labels, not to be changed."""
    directory = tmp_path_factory.mktemp("sound") / "x"
    rng = np.random.default_rng(0)
    with DatasetWriter(directory) as writer:
        for _ in range(NUM_IMAGES):
            writer.add_image(rng.integers(0, 256, (8, 8, 1), np.uint8))
        writer.add_labels(np.eye(NUM_IMAGES, 2, dtype=np.float32))
    return directory


@pytest.fixture
def copy(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "x")


def write_images(path, images):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in images:
            writer.write(encode_example(image))


def test_sound_data_set(sound):
    expected = Facts(num_images=NUM_IMAGES, resolution=8, num_channels=1, label_size=2)
    assert verify(sound) == expected


def test_labels_are_optional(copy):
    (copy / "x-rxx.labels").unlink()
    assert verify(copy).label_size == 0


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_every_flipped_bit_is_found_in_its_record(sound, tmp_path_factory, data):
    name = data.draw(st.sampled_from(FILES))
    content = bytearray((sound / name).read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    damaged = shutil.copytree(sound, tmp_path_factory.mktemp("flip") / "x")
    (damaged / name).write_bytes(content)
    stride = len(content) // NUM_IMAGES
    record = position // stride
    with pytest.raises(RecordError, match=f"{name}, record {record} at byte {record * stride}: "):
        verify(damaged)


def test_truncation_is_found_in_its_record(copy):
    path = copy / FILES[0]
    whole = path.read_bytes()
    stride = len(whole) // NUM_IMAGES
    # Every byte of the first record and around the ends of the others, and some between.
    near_ends = (size for size in range(len(whole)) if (size + 8) % stride < 24)
    for size in sorted({*range(stride), *near_ends, *range(0, len(whole), 7)}):
        path.write_bytes(whole[:size])
        record, rest = divmod(size, stride)
        expected = f"record {record} at byte {record * stride}: the file ends inside it"
        if not rest:
            expected = f"ends after {record} records, others go on" if record else "is empty"
        expected = f"{FILES[0]}.*{expected}"
        with pytest.raises(RecordError, match=expected):
            verify(copy)


def test_longer_file_is_found(copy):
    path = copy / FILES[0]
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(RecordError, match=f"{FILES[0]}, record 3 .*the file ends inside it"):
        verify(copy)


def test_lower_levels_must_be_means(copy):
    rng = np.random.default_rng(1)
    write_images(copy / FILES[0], rng.integers(0, 256, (NUM_IMAGES, 1, 4, 4), np.uint8))
    with pytest.raises(RecordError, match=r"r02\.tfrecords, record 0 .*2x2 mean .*r03"):
        verify(copy)


def test_resolution_must_be_that_of_the_name(copy):
    shutil.copy(copy / FILES[1], copy / FILES[0])
    with pytest.raises(RecordError, match=r"r02\.tfrecords, record 0 .*8x8 instead of 4x4"):
        verify(copy)


@pytest.mark.parametrize("channels", [(2, 2, 2), (1, 1, 3)])
def test_channels_must_be_alike(copy, channels):
    for name, side in zip(FILES, (4, 8), strict=True):
        write_images(copy / name, [np.zeros((c, side, side), np.uint8) for c in channels])
    record = 0 if channels[0] == 2 else 2
    with pytest.raises(RecordError, match=f"record {record} .*{channels[record]} channels"):
        verify(copy)


def test_foreign_records_are_found(copy):
    with tf.io.TFRecordWriter(str(copy / FILES[1])) as writer:
        writer.write(b"something else")
    with pytest.raises(RecordError, match=r"r03\.tfrecords, record 0 at byte 0: Not an image"):
        verify(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: shutil.rmtree(path), "no folder"),
        (lambda path: [(path / name).unlink() for name in FILES], r"no \.tfrecords file"),
        (lambda path: (path / FILES[0]).unlink(), "lacks levels: there is no file -r02"),
        (lambda path: (path / "x.tfrecords").touch(), "does not end in -rNN"),
        (lambda path: (path / "y-r03.tfrecords").touch(), "are the same level"),
        (lambda path: (path / "x-r01.tfrecords").touch(), "below the smallest level"),
        (lambda path: (path / "x-r05.tfrecords").touch(), "lacks levels: there is no file -r04"),
        (lambda path: (path / "x-r04.tfrecords").touch(), r"r04\.tfrecords is empty"),
        (lambda path: (path / "y.labels").touch(), "two files of labels"),
        (lambda path: (path / "x-rxx.labels").write_bytes(b"x"), "not a file of labels"),
    ],
)
def test_wrong_folder(copy, change, message):
    change(copy)
    with pytest.raises(RecordError, match=message):
        verify(copy)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((NUM_IMAGES, 2), np.float64), "float64 numbers instead of float32"),
        (np.zeros((NUM_IMAGES - 1, 2), np.float32), r"\[2, 2\], expected 3 rows"),
        (np.zeros(NUM_IMAGES, np.float32), r"\[3\], expected 3 rows"),
        (np.full((NUM_IMAGES, 2), np.inf, np.float32), "row 0: not a finite number"),
    ],
)
def test_wrong_labels(copy, labels, message):
    with (copy / "x-rxx.labels").open("wb") as file:
        np.save(file, labels)
    with pytest.raises(RecordError, match=message):
        verify(copy)


def test_truncated_labels(copy):
    path = copy / "x-rxx.labels"
    whole = path.read_bytes()
    for size in itertools.chain(range(0, len(whole), 7), [len(whole) - 1]):
        path.write_bytes(whole[:size])
        with pytest.raises(RecordError, match="labels"):
            verify(copy)
