import dataclasses
import itertools
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stored_data_sets import random_images, store, write_records

from msg_stylegan.commands import dataset_tool
from msg_stylegan.data import verify as verify_module
from msg_stylegan.data.dataset_folder import MANIFEST_NAME
from msg_stylegan.data.record_format import ENCODINGS, RecordError, encode_example, frame
from msg_stylegan.data.verify import Facts, verify

NUM_IMAGES = 3
FILES = ("x-r02.tfrecords", "x-r03.tfrecords")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A data set of three images with labels, not to be changed."""
    directory = tmp_path_factory.mktemp("sound") / "x"
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (NUM_IMAGES, 8, 8, 1), np.uint8)
    return write_records(directory, images, np.eye(NUM_IMAGES, 2, dtype=np.float32))


@pytest.fixture
def copy(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "x")


def write_images(path, images):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in images:
            writer.write(encode_example(image))


def test_sound_data_set(sound):
    assert verify(sound) == Facts(
        num_images=NUM_IMAGES,
        resolution=8,
        num_channels=1,
        label_size=2,
        encoding="raw",
        levels=(8, 4),
        num_shards=1,
    )


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


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("levels", ["all", "top"])
@pytest.mark.parametrize("num_shards", [1, 2, 7])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_way_of_storage_is_sound(tmp_path, encoding, levels, num_shards, channels):
    path = store(
        tmp_path / "x",
        random_images(5, 16, channels),
        np.eye(5, 3),
        encoding=encoding,
        levels=levels,
        num_shards=num_shards,
    )
    expected = Facts(
        num_images=5,
        resolution=16,
        num_channels=channels,
        label_size=3,
        encoding=encoding,
        levels=(16, 8, 4) if levels == "all" else (16,),
        num_shards=num_shards,
    )
    assert verify(path) == expected
    (path / MANIFEST_NAME).unlink()
    if num_shards <= 5:
        assert verify(path) == expected
    else:
        with pytest.raises(RecordError, match="is empty"):
            verify(path)


@settings(max_examples=60)
@given(data=st.data())
def test_every_flipped_bit_of_every_storage_is_found(tmp_path_factory, data):
    encoding = data.draw(st.sampled_from(ENCODINGS))
    num_shards = data.draw(st.sampled_from([1, 2]))
    manifest = data.draw(st.booleans())
    path = store(
        tmp_path_factory.mktemp("flip") / "x",
        random_images(4, 8),
        encoding=encoding,
        num_shards=num_shards,
        manifest=manifest,
    )
    file = data.draw(st.sampled_from(sorted(path.glob("*.tfrecords*"))))
    offsets = list(verify_module.iterate_offsets(file))
    content = bytearray(file.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    record = int(np.searchsorted(offsets, position, side="right")) - 1
    where = f"{file.name}, record {record} at byte {offsets[record]}: .*checksum"
    with pytest.raises(RecordError, match=where):
        verify(path)


@settings(max_examples=60)
@given(data=st.data())
def test_every_truncation_of_every_storage_is_found(tmp_path_factory, data):
    path = store(
        tmp_path_factory.mktemp("truncation") / "x",
        random_images(5, 8, data.draw(st.sampled_from([1, 3]))),
        np.eye(5, 2),
        encoding=data.draw(st.sampled_from(ENCODINGS)),
        levels=data.draw(st.sampled_from(["all", "top"])),
        num_shards=data.draw(st.sampled_from([1, 2])),
    )
    file = data.draw(st.sampled_from(sorted(path.iterdir())))
    content = file.read_bytes()
    # Behind the last brace of the manifest there is a line feed.
    size = data.draw(st.integers(0, len(content) - 2))
    is_records = ".tfrecords" in file.name
    offsets = list(verify_module.iterate_offsets(file)) if is_records else []
    file.write_bytes(content[:size])
    record = int(np.searchsorted(offsets, size, side="right")) - 1
    message = file.name
    if size == 0 and is_records:
        message += " is empty"
    elif is_records and size not in offsets:
        message += f", record {record} at byte {offsets[record]}: the file ends inside it"
    with pytest.raises(ValueError, match=message):
        verify(path)


@pytest.fixture
def many_small_chunks(monkeypatch):
    """Chunks of two records, and processes for the smallest data sets."""
    monkeypatch.setattr(verify_module, "_CHUNK_RECORDS", 2)
    monkeypatch.setattr(verify_module, "_BYTES_PER_WORKER", 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_problem_is_named_whatever_works(tmp_path, many_small_chunks, workers):
    path = store(tmp_path / "x", random_images(9, 8), encoding="png")
    expected = verify(path, workers)
    assert dataclasses.asdict(expected)["num_images"] == 9
    file = path / "x-r03.tfrecords"
    whole = file.read_bytes()
    offsets = list(verify_module.iterate_offsets(file))
    content = bytearray(whole[:-5])
    content[offsets[5] + 50] ^= 1
    content[offsets[7] + 50] ^= 1
    file.write_bytes(content)
    with pytest.raises(RecordError, match=f"r03.*, record 5 at byte {offsets[5]}: its checksum"):
        verify(path, workers)
    content = bytearray(whole[:-5])
    file.write_bytes(content)
    with pytest.raises(RecordError, match=f"r03.*, record 8 at byte {offsets[8]}: the file ends"):
        verify(path, workers)
    content[offsets[3]] ^= 1
    file.write_bytes(content)
    with pytest.raises(RecordError, match=f"r03.*, record 3 at byte {offsets[3]}: .*its length"):
        verify(path, workers)


def test_encodings_must_be_alike(tmp_path):
    images = random_images(3, 8).transpose(0, 3, 1, 2)
    records = [
        frame(encode_example(image, encoding))
        for image, encoding in zip(images, ["png", "png", "jpeg"], strict=True)
    ]
    (tmp_path / "x-r03.tfrecords").write_bytes(b"".join(records))
    with pytest.raises(RecordError, match=r"record 2 .*its encoding is jpeg, .* first png"):
        verify(tmp_path)


def test_undecodable_images_are_found(tmp_path):
    payloads = [encode_example(image.T, "png") for image in random_images(3, 8)]
    payloads[1] = payloads[1].replace(b"IDAT", b"IDXT")
    (tmp_path / "x-r03.tfrecords").write_bytes(b"".join(map(frame, payloads)))
    with pytest.raises(RecordError, match=r"record 1 at byte \d+: .*not a PNG image"):
        verify(tmp_path)


def change_manifest(**changes):
    def change(path):
        content = json.loads((path / MANIFEST_NAME).read_text())
        (path / MANIFEST_NAME).write_text(json.dumps(content | changes))

    return change


def change_label(path):
    content = bytearray((path / "x-rxx.labels").read_bytes())
    content[-1] ^= 0x40
    (path / "x-rxx.labels").write_bytes(content)


def change_entry(**changes):
    def change(path):
        content = json.loads((path / MANIFEST_NAME).read_text())
        content["files"]["x-r03.tfrecords"] |= changes
        (path / MANIFEST_NAME).write_text(json.dumps(content))

    return change


def replace_images(path):
    other = store(path.parent / "other" / "x", random_images(5, 8, seed=1))
    for file in other.glob("*.tfrecords"):
        shutil.copy(file, path / file.name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_manifest(num_images=4), r"manifest.*`num_images` is 4, but the files have 5"),
        (change_manifest(resolution=16), "`resolution` is 16, but the files have 8"),
        (change_manifest(num_channels=1), "`num_channels` is 1, but the files have 3"),
        (change_manifest(label_size=1), "`label_size` is 1, but the files have 2"),
        (change_manifest(encoding="png"), "`encoding` is png, but the files have raw"),
        (change_manifest(levels=[8]), r"`levels` is \[8\], but the files have \[8, 4\]"),
        (change_manifest(num_shards=2), "`num_shards` is 2, but the files have 1"),
        (change_manifest(fingerprint="0"), "`fingerprint` is not that of the files"),
        (change_manifest(files={}), r"the file x-r02\.tfrecords is in the folder only"),
        (change_manifest(version=3), "has version 3"),
        (change_entry(bytes=7), r"r03\.tfrecords: `bytes` is \d+, in .*manifest.json 7"),
        (change_entry(records=7), r"r03\.tfrecords: `records` is 5, in .*manifest.json 7"),
        (change_entry(sha256="0"), r"r03\.tfrecords: `sha256` is \w{64}, in .*manifest.json 0"),
        (change_label, r"x-rxx\.labels: `sha256` is"),
        (replace_images, r"r03\.tfrecords: `sha256` is"),
        (
            lambda path: (path / FILES[0]).unlink(),
            r"`levels` is \[8, 4\], but the files have \[8\]",
        ),
        (lambda path: (path / "x-rxx.labels").unlink(), "`label_size` is 2, but the files have 0"),
        (lambda path: (path / MANIFEST_NAME).write_text("{"), "manifest.json is damaged"),
    ],
)
def test_manifest_must_agree(tmp_path, change, message):
    path = store(tmp_path / "x", random_images(5, 8), np.eye(5, 2))
    change(path)
    with pytest.raises(ValueError, match=message):
        verify(path)


def test_lower_levels_must_be_means(copy):
    rng = np.random.default_rng(1)
    write_images(copy / FILES[0], rng.integers(0, 256, (NUM_IMAGES, 1, 4, 4), np.uint8))
    with pytest.raises(RecordError, match=r"r02\.tfrecords, record 0 .*2x2 mean .*r03"):
        verify(copy)


def test_resolution_must_be_that_of_the_name(copy):
    shutil.copy(copy / FILES[1], copy / FILES[0])
    with pytest.raises(RecordError, match=r"r02\.tfrecords, record 0 .*8x8 instead of 4x4"):
        verify(copy)


@pytest.mark.parametrize("workers", ["0", "-1"])
def test_wrong_numbers_of_workers_are_one_error(copy, capsys, workers):
    assert dataset_tool.main(["verify", str(copy), "--workers", workers]) == 1
    error = capsys.readouterr().err
    assert error == f"error: `--workers` must be 1 or more. Received: {workers}\n"


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
        (lambda path: (path / "x.tfrecords").touch(), "does not end in -rNN"),
        (lambda path: (path / "y-r03.tfrecords").touch(), "different data sets"),
        (lambda path: (path / "x-r01.tfrecords").touch(), "below the smallest level"),
        (lambda path: (path / "x-r05.tfrecords").touch(), "lacks levels: there is no file -r04"),
        (lambda path: (path / "x-r03.tfrecords-00000-of-00002").touch(), "different data sets"),
        (lambda path: (path / "x-r04.tfrecords").touch(), r"r04\.tfrecords is empty"),
        (lambda path: (path / "y.labels").touch(), "two files of labels"),
        (lambda path: (path / "x-rxx.labels").write_bytes(b"x"), "not a file of labels"),
    ],
)
def test_wrong_folder(copy, change, message):
    change(copy)
    with pytest.raises(ValueError, match=message):
        verify(copy)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((NUM_IMAGES, 2), np.float64), "float64 numbers instead of float32"),
        (
            np.zeros((NUM_IMAGES - 1, 2), np.float32),
            r"\[2, 2\]\. Expected one row .* of the 3 images",
        ),
        (np.zeros(NUM_IMAGES, np.float32), r"\[3\]\. Expected one row .* of the 3 images"),
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
