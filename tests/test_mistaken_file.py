"""Downloads that are not what they seem: every reader says what the file is."""

import bz2
import gzip
import io
import json
import lzma
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pickled_networks import SETTINGS, trio
from tflib_writer import dumps

from metrics.feature_networks.custom import load_custom_network
from metrics.feature_networks.library import FeatureNetworks, MissingWeightsError
from metrics.moments import read_statistics
from msg_stylegan import load_networks
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.data.sources.label_files import parse_json
from msg_stylegan.data.writer import DatasetWriter
from msg_stylegan.mistaken_file import what_it_is
from msg_stylegan.projection import read_projection
from msg_stylegan.style_directions import read_direction


def in_tar(data):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("file")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def half_zip():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data.npy", bytes(1000))
    return stream.getvalue()[:500]


CONTENTS = {
    "page": (b"\n<!DOCTYPE html><html>Quota exceeded", "web page.*Download it again"),
    "shouted page": (b"<HTML><HEAD>Virus scan", "web page.*Download it again"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS.*lfs pull"),
    "empty": (b"", "empty.*Download it again"),
    "zeros": (bytes(5000), "zeros.*Download it again"),
    "gzip": (gzip.compress(b"weights"), "compressed .gzip.*Unpack it"),
    "bzip2": (bz2.compress(b"weights"), "compressed .bzip2.*Unpack it"),
    "xz": (lzma.compress(b"weights"), "compressed .xz.*Unpack it"),
    "tar": (in_tar(b"\x80weights" * 99), "tar archive.*Unpack it"),
    "half zip": (half_zip(), "zip archive.*Download it again"),
    "error": (b'{"error": "access denied"}', "JSON.*access denied.*Download it again"),
    "text": (b"Not Found", "text.*Not Found.*Download it again"),
}
# A JSON file may hold text, and Inception's graph comes as gzip.
TEXT_IS_EXPECTED = ("error", "text")


def read_records(path):
    TFRecordDataset(path.parent)


def read_labels(path):
    folder = path.parent.with_name("labelled")
    with DatasetWriter(folder) as writer:
        for _ in range(2):
            writer.add_image(np.zeros((16, 16, 3), np.uint8))
    shutil.copy(path, folder)
    TFRecordDataset(folder, max_label_size=-1)


def read_feature_network(path):
    path.with_suffix(".json").write_text('{"name": "mine", "input_size": 8}')
    load_custom_network(path)


def read_settings(path):
    path.with_suffix(".keras").write_bytes(b"any")
    load_custom_network(path.with_suffix(".keras"))


# Name of a file -> who reads it.
READERS = {
    "network.pkl": load_networks,
    "network.pth": load_networks,
    "network.npz": load_networks,
    "network.keras": load_networks,
    "stats.npz": read_statistics,
    "projection.npz": read_projection,
    "mine.keras": read_feature_network,
    "x-r04.tfrecords": read_records,
    "x-rxx.labels": read_labels,
    "directions.json": lambda path: read_direction(f"{path}:0"),
    "mine.json": read_settings,
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("file", READERS)
def test_readers_say_what_the_file_is(tmp_path, file, content):
    data, message = CONTENTS[content]
    if file.endswith(".json") and content in TEXT_IS_EXPECTED:
        message = "no file of directions|not valid JSON|complete example"
    if file == "x-r04.tfrecords" and content == "empty":
        message = "is empty"
    (tmp_path / "set").mkdir()
    path = tmp_path / "set" / file
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"(?s){message}") as caught:
        READERS[file](path)
    assert file in str(caught.value) and "Traceback" not in str(caught.value)


@pytest.mark.parametrize("content", [name for name in CONTENTS if name != "gzip"])
def test_weights_that_do_not_fit_are_not_called_missing(tmp_path, content):
    data, message = CONTENTS[content]
    (tmp_path / "inception").mkdir()
    path = tmp_path / "inception" / "weights.pth"
    path.write_bytes(data)
    for networks in (
        FeatureNetworks(tmp_path),
        FeatureNetworks(tmp_path / "elsewhere", paths={"inception": str(path)}),
    ):
        with pytest.raises(
            MissingWeightsError, match=f"(?s){path} does not fit.*{message}"
        ) as error:
            networks.get("inception")
        assert "missing" not in str(error.value)


def test_a_named_file_that_is_not_there(tmp_path):
    networks = FeatureNetworks(tmp_path, paths={"inception": str(tmp_path / "no.pth")})
    with pytest.raises(MissingWeightsError, match=r"no\.pth does not fit: there is no such file"):
        networks.check("inception")


@pytest.mark.parametrize("reader", [read_statistics, read_projection, what_it_is])
def test_a_folder_is_said_to_be_one(tmp_path, reader):
    try:
        message = reader(tmp_path)
    except ValueError as error:
        message = str(error)
    assert "It is a folder" in message


@pytest.mark.parametrize("content", ["page", "pointer", "zeros"])
def test_images_and_labels_that_are_none(tmp_path, content):
    data, message = CONTENTS[content]
    with pytest.raises(ValueError, match=f"no image of a known format.*{message}"):
        PictureReader().open(data)
    with pytest.raises(ValueError, match=f"labels.json is no JSON file of labels.*{message}"):
        parse_json(data, "labels.json")


def test_half_a_pickle(tmp_path, small_networks):
    data = dumps(trio(small_networks, SETTINGS), 2)
    for size in (len(data) // 2, len(data) - 1):
        (tmp_path / "half.pkl").write_bytes(data[:size])
        with pytest.raises(ValueError, match=r"half\.pkl cannot be read.*Download it again"):
            load_networks(tmp_path / "half.pkl")


@given(data=st.binary(max_size=300))
def test_anything_is_answered(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(data)
    answer = what_it_is(path)
    assert answer is None or (answer.startswith("It ") and answer.endswith("."))


def test_what_may_be_right_is_not_doubted(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    (tmp_path / "a.pkl").write_bytes(dumps({"a": 1}, 2))
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    assert what_it_is(tmp_path / "a.npz") is None
    assert what_it_is(tmp_path / "a.pkl") is None
    assert what_it_is(tmp_path / "a.json", expected_text=True) is None
