"""Downloads that are not what they seem: every reader says what the file is."""

import bz2
import gzip
import io
import json
import lzma
import re
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.image_sources import SIXTEEN, noise, write_folder
from support.pickled_networks import SETTINGS, trio
from support.stored_data_sets import write_records
from support.tflib_writer import dumps

from metrics.feature_networks.custom import load_custom_network
from metrics.feature_networks.library import FeatureNetworks, MissingWeightsError
from metrics.moments import read_statistics
from msg_stylegan import load_networks
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.data.sources import labels, open_source, open_store
from msg_stylegan.data.sources.digits import open_mnist
from msg_stylegan.data.sources.hdf5 import Hdf5Source
from msg_stylegan.data.sources.known_files import read_pickled_file
from msg_stylegan.data.sources.label_files import parse_csv, parse_json
from msg_stylegan.data.sources.svhn import open_svhn
from msg_stylegan.data.verify import verify
from msg_stylegan.mistaken_file import what_it_is
from msg_stylegan.projection import read_points, read_projection, read_target
from msg_stylegan.sampling.style_directions import read_direction


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


PAGE = "\n<!DOCTYPE html><html>Quota exceeded"
CONTENTS = {
    "page": (PAGE.encode(), "web page.*Download it again"),
    "page of a Windows program": (PAGE.encode("utf-16"), "web page.*Download it again"),
    "shouted page": (b"<HTML><HEAD>Virus scan", "web page.*Download it again"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS.*lfs pull"),
    "annex": (b"/annex/objects/MD5E-s9--0.pkl\n", "git-annex.*annex get"),
    "empty": (b"", "empty.*Download it again"),
    "zeros": (bytes(5000), "zeros.*Download it again"),
    "gzip": (gzip.compress(b"weights"), "compressed .gzip.*Unpack it"),
    "bzip2": (bz2.compress(b"weights"), "compressed .bzip2.*Unpack it"),
    "xz": (lzma.compress(b"weights"), "compressed .xz.*Unpack it"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(99), "compressed .Zstandard.*Unpack it"),
    "lzma": (lzma.compress(b"weights", lzma.FORMAT_ALONE), "compressed .LZMA.*Unpack it"),
    "safetensors": (b"\x40\0\0\0\0\0\0\0" + b'{"w":{"dtype":"F32"}}', "safetensors"),
    "tar": (in_tar(b"\x80weights" * 99), "tar archive.*Unpack it"),
    "half zip": (half_zip(), "zip archive.*Download it again"),
    "error": (b'{"error": "access denied"}', "JSON.*access denied.*Download it again"),
    "text": (b"Not Found", "text.*Not Found.*Download it again"),
}
# A JSON file may hold text, and Inception's graph comes as gzip.
TEXT_IS_EXPECTED = ("error", "text")
# What servers send, or nothing at all, whatever was asked for.
NO_ARCHIVES = ("page", "shouted page", "pointer", "empty", "zeros")


def read_records(path):
    TFRecordDataset(path.parent)


def read_labels(path):
    folder = path.parent.with_name("labelled")
    write_records(folder, np.zeros((2, 16, 16, 3), np.uint8))
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
    "x.h5": Hdf5Source,
    "train_32x32.mat": lambda path: open_svhn(path.parent),
    "data_batch_1": read_pickled_file,
    "network.pkl": load_networks,
    "network.pth": load_networks,
    "network.npz": load_networks,
    "network.keras": load_networks,
    "stats.npz": read_statistics,
    "projection.npz": read_projection,
    "walk.npz": read_points,
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
        message = "not a file of directions|not valid JSON|complete example"
    if file == "data_batch_1" and content in TEXT_IS_EXPECTED:
        message = "not a pickle of data"
    if file == "x-r04.tfrecords" and content == "empty":
        message = "is empty"
    (tmp_path / "set").mkdir()
    path = tmp_path / "set" / file
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"(?s){message}") as caught:
        READERS[file](path)
    assert file in str(caught.value) and "Traceback" not in str(caught.value)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("content", [*NO_ARCHIVES, *TEXT_IS_EXPECTED, "half zip"])
def test_files_of_mnist_that_are_something_else(tmp_path, content, ending):
    data, message = CONTENTS[content]
    (tmp_path / f"train-images-idx3-ubyte{ending}").write_bytes(data)
    with pytest.raises(ValueError, match=f"train-images-idx3-ubyte{ending} is .*{message}"):
        open_mnist(tmp_path)


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz"])
@pytest.mark.parametrize("content", [*NO_ARCHIVES, *TEXT_IS_EXPECTED, "half zip"])
def test_archives_that_are_something_else(tmp_path, name, content):
    data, message = CONTENTS[content]
    message = "damaged one: .*Download it again" if content == "half zip" else message
    (tmp_path / name).write_bytes(data)
    said = "holds no images" if content == "zeros" else "is not a"
    with pytest.raises(ValueError, match=f"{name} {said} .*{message}") as error:
        open_source(tmp_path / name, SIXTEEN)
    assert len(str(error.value).splitlines()) == 1 and not str(error.value).endswith("..")


@pytest.mark.parametrize("name", ["x.txt", "download", "x.php"])
@pytest.mark.parametrize("content", NO_ARCHIVES)
def test_lists_that_are_something_else(tmp_path, name, content):
    data, message = CONTENTS[content]
    (tmp_path / name).write_bytes(data)
    said = "holds no images" if content == "zeros" else "is not a"
    with pytest.raises(ValueError, match=f"{name} {said} .*{message}"):
        open_source(tmp_path / name, SIXTEEN)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_that_are_not_archives(tmp_path, compress):
    path = tmp_path / "x.tar.gz"
    path.write_bytes(compress(CONTENTS["page"][0]))
    with pytest.raises(ValueError, match=r"x\.tar\.gz is compressed, but what is in .*web page"):
        open_store(path)
    path.write_bytes(compress(in_tar(np.random.default_rng(0).bytes(9999)))[:5000])
    with pytest.raises(ValueError, match=r"x\.tar\.gz is .*damaged one: .*Download it again"):
        open_store(path)


def test_archives_without_files_are_not_doubted(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        entry = tarfile.TarInfo("photos")
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
    store = open_store(tmp_path / "x.tar")
    assert store.names == store.notices == []


LABELS = {
    "json": (parse_json, json.dumps({"labels": [[f"{i}.png", [i, 0.5]] for i in range(9)]})),
    "csv": (lambda data, path: parse_csv(data, path, set()), "a.png,1\nb.png,2\n"),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("content", [*NO_ARCHIVES, "gzip", "bzip2", "xz", "half zip", "tar"])
def test_labels_that_are_something_else(kind, content):
    data, message = CONTENTS[content]
    with pytest.raises(ValueError, match=f"x.{kind} is not a .* file of labels: .*{message}"):
        LABELS[kind][0](data, f"x.{kind}")


@pytest.mark.parametrize("kind", LABELS)
def test_labels_that_are_compressed_are_to_be_unpacked(kind):
    parse, text = LABELS[kind]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(f"x.{kind}", text)
    for data in (gzip.compress(text.encode()), stream.getvalue()):
        with pytest.raises(ValueError, match=r"file of labels: It is .*Unpack it"):
            parse(data, f"x.{kind}")


@given(data=st.data())
def test_json_whose_end_is_missing_is_said_to_be_that(data):
    leaves = st.none() | st.booleans() | st.integers() | st.text()
    content = data.draw(st.lists(st.recursive(leaves, st.lists), max_size=4))
    text = json.dumps(content, ensure_ascii=data.draw(st.booleans())).encode()
    cut = text[: data.draw(st.integers(1, len(text)))]
    what = what_it_is(cut, expected="json")
    if cut == text:
        assert what is None
    else:
        assert what == "It is JSON whose end is missing. Download it again."


def test_json_with_an_error_in_it_is_not_called_half():
    for text in (b'{"a": 1,}', b"[1 2]", b'{"a" 1}', b"[nul]", b"[" * 100_000 + b"]"):
        assert what_it_is(text, expected="json") is None


@pytest.mark.parametrize("content", ["page", "pointer", "gzip"])
def test_what_lies_beside_the_images_as_labels(tmp_path, content):
    data, message = CONTENTS[content]
    store = open_store(write_folder(tmp_path, {"a.png": noise(0), "dataset.json": data}))
    (notice,) = labels.read_labels("auto", store).notices
    assert re.search(f"dataset.json is not a file of labels .* is not used: .*{message}", notice)
    assert not notice.endswith("..")


def test_what_lies_beside_the_images_may_be_empty(tmp_path):
    store = open_store(write_folder(tmp_path, {"a.png": noise(0), "dataset.json": b""}))
    with pytest.raises(ValueError, match=r"it is empty.*`--labels none` leaves it out"):
        labels.read_labels("auto", store)


@pytest.mark.parametrize("name", ["x-r02.tfrecords", "x-r04.tfrecords"])
@pytest.mark.parametrize("content", [*NO_ARCHIVES, "gzip"])
def test_records_that_are_something_else(tmp_path, name, content):
    write_records(tmp_path / "x", np.zeros((1, 16, 16, 3), np.uint8))
    data, message = CONTENTS[content]
    message = "is empty" if content == "empty" else message
    (tmp_path / "x" / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"{name} .*{message}"):
        verify(tmp_path / "x")
    if name == "x-r04.tfrecords":
        with pytest.raises(ValueError, match=f"{name} .*{message}"):
            TFRecordDataset(tmp_path / "x")


def test_directions_without_directions(tmp_path):
    for content, reason in (
        ({}, "it lacks format, scale, layers, vectors"),
        ({"format": "msg_stylegan directions 1", "scale": 1}, "it lacks layers, vectors"),
        ([], "it lacks format"),
        ({"format": "x", "scale": 1, "layers": [], "vectors": []}, "its format is not"),
    ):
        (tmp_path / "a.json").write_text(json.dumps(content))
        with pytest.raises(ValueError, match=f"not a file of directions: {reason}"):
            read_direction(f"{tmp_path / 'a.json'}:0")


def test_targets_that_are_something_else_are_named_with_one_full_stop(tmp_path):
    (tmp_path / "a.png").write_bytes(CONTENTS["page"][0])
    with pytest.raises(ValueError, match=r"a\.png cannot be used: .*Download it again\.$"):
        read_target(tmp_path / "a.png", 16, 3)


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
def test_images_and_labels_that_are_something_else(tmp_path, content):
    data, message = CONTENTS[content]
    with pytest.raises(ValueError, match=f"not an image of a known format.*{message}"):
        PictureReader().open(data)
    with pytest.raises(ValueError, match=f"labels.json is not a JSON file of labels.*{message}"):
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
    for expected in (None, "text", "json", "zip", "tar"):
        answer = what_it_is(path, expected)
        assert answer is None or (answer.startswith("It ") and answer.endswith("."))
        assert answer == what_it_is(data, expected)


def test_what_may_be_right_is_not_doubted(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    (tmp_path / "a.pkl").write_bytes(dumps({"a": 1}, 2))
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    assert what_it_is(tmp_path / "a.npz") is None
    assert what_it_is(tmp_path / "a.pkl") is None
    assert what_it_is(tmp_path / "a.json", expected="json") is None


@pytest.mark.parametrize("file", ["stats.npz", "projection.npz", "mine.keras"])
@pytest.mark.parametrize("data", [b"\x08\x07\x12\x07pytorch\x1a\x052.0.0", b"\x80\x04N.", b"\0"])
def test_unknown_contents_get_no_advice_of_libraries(tmp_path, file, data):
    """NumPy advises to run what is in the file, and Keras calls a file missing that is there."""
    (tmp_path / file).write_bytes(data)
    with pytest.raises(ValueError, match="content is unknown") as caught:
        READERS[file](tmp_path / file)
    assert not re.search("pickle|not found", str(caught.value))


def test_a_zip_of_weights_is_to_be_unpacked(tmp_path):
    (tmp_path / "vgg16").mkdir()
    with zipfile.ZipFile(tmp_path / "vgg16" / "vgg16.zip", "w") as archive:
        archive.writestr("vgg16.pth", b"weights")
    with pytest.raises(MissingWeightsError, match=r"zip archive\. .*unpack it"):
        FeatureNetworks(tmp_path).get("vgg16")
