"""Weights of one network in every kind of file give the same canonical arrays."""

import gzip
import io
import json
import pickle
import shutil
import sys
import tarfile
import types

import h5py
import numpy as np
import pytest
import tensorflow as tf
from support import synthetic_inception, torch_writer
from support.checkout import ROOT
from tensorflow import keras

from metrics.feature_networks import graph_def as graph_def_module
from metrics.feature_networks import inception_weights
from metrics.feature_networks.fetch import PUBLISHED
from metrics.feature_networks.graph_def import read_graph_def, read_graph_def_archive
from metrics.feature_networks.library import FeatureNetworks, MissingWeightsError
from metrics.feature_networks.weight_files import detect_kind, digest_arrays, read_weights

SMALL = {
    "a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b/beta": np.array([1.5, -2.0], np.float32),
}


def graph_def(arrays):
    graph = tf.compat.v1.GraphDef()
    placeholder = graph.node.add()
    placeholder.name, placeholder.op = "input", "Placeholder"
    arrays = {**arrays, "DecodeJpeg/contents": np.array(b"jpeg"), "size": np.array([299, 299])}
    for name, array in arrays.items():
        node = graph.node.add()
        node.name, node.op = name, "Const"
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))
    return graph


def write_graph_def(path, arrays):
    path.write_bytes(graph_def(arrays).SerializeToString())


def write_archive(path, arrays, name="classify_image_graph_def.pb"):
    with tarfile.open(path, "w:gz", compresslevel=0) as archive:
        for member, content in (
            ("imagenet_2012_challenge_label_map_proto.pbtxt", b"# text"),
            (name, graph_def(arrays).SerializeToString()),
        ):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_tflib(path, arrays):
    module = types.ModuleType("tfutil")
    body = {"__module__": "tfutil", "__getstate__": lambda self: self.state}
    module.Network = type("Network", (), body)
    network = module.Network()
    network.state = {
        "version": 2,
        "name": "inception",
        "static_kwargs": {},
        "build_module_src": "raise SystemExit('this ran')",
        "build_func_name": "build",
        "variables": list(arrays.items()),
    }
    sys.modules["tfutil"] = module
    try:
        path.write_bytes(pickle.dumps(network, 4))
    finally:
        del sys.modules["tfutil"]


def write_keras(path, arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def write_torch(path, arrays):
    torch_writer.write_zip(path, torch_writer.tensors(arrays))


def write_old_torch(path, arrays):
    torch_writer.write_legacy(path, torch_writer.tensors(arrays))


def write_arrays(path, arrays):
    path.write_bytes(pickle.dumps(arrays, 4))


# Writer -> kind of its files.
WRITERS = {
    write_torch: "torch",
    write_old_torch: "torch",
    write_graph_def: "graph_def",
    write_archive: "graph_def",
    write_tflib: "tflib",
    write_keras: "keras",
    write_arrays: "arrays",
}


@pytest.mark.parametrize("write", WRITERS)
def test_the_content_says_the_kind(tmp_path, write):
    # A misleading name.
    path = tmp_path / "weights.txt"
    write(path, SMALL)
    assert detect_kind(path) == WRITERS[write]
    arrays = read_weights(path)
    for name, array in SMALL.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)


@pytest.mark.parametrize("write", WRITERS)
def test_a_part_of_a_file_is_refused(tmp_path, write):
    path = tmp_path / "weights"
    write(path, SMALL)
    data = path.read_bytes()
    # A graph that ends after a node is a graph; its arrays are missed later.
    complete = [len(data)]
    if write is write_graph_def:
        nodes = [len(node.SerializeToString()) + 2 for node in graph_def(SMALL).node]
        complete += np.cumsum(nodes).tolist()
    for length in sorted({*range(0, len(data), max(1, len(data) // 200))} - {*complete}):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=str(path)):
            read_weights(path)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        (b"hello", r"It is text, .*: 'hello'.*\.pth.*\.pb.*\.pkl.*\.h5"),
        (bytes(100), "nothing but zeros"),
        (bytes(range(200, 256)), "unknown"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_weights(tmp_path / "file")


def test_a_zip_of_something_else_is_refused(tmp_path):
    shutil.make_archive(str(tmp_path / "file"), "zip", ROOT / "metrics" / "feature_networks")
    with pytest.raises(ValueError, match="unknown"):
        read_weights(tmp_path / "file.zip")


def test_a_constant_must_be_there_to_be_believed():
    graph = graph_def(SMALL)
    graph.node[1].attr["value"].tensor.tensor_shape.dim[0].size = 2**40
    with pytest.raises(ValueError, match="claims the shape"):
        read_graph_def(graph.SerializeToString())


@pytest.mark.parametrize(
    "content",
    [b"", gzip.compress(b"no tar" * 200), gzip.compress(b"")],
    ids=["empty", "no tar", "empty gzip"],
)
def test_another_archive_is_refused(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError):
        read_graph_def_archive(tmp_path / "file")


def test_an_archive_is_not_unpacked_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(graph_def_module, "_MAX_SIZE", 2**24)
    with tarfile.open(tmp_path / "bomb", "w:gz") as archive:
        info = tarfile.TarInfo("zeros")
        info.size = 20 * 2**20
        archive.addfile(info, _Zeros())
    assert (tmp_path / "bomb").stat().st_size < 10**6
    with pytest.raises(ValueError, match="unpacks to more"):
        read_graph_def_archive(tmp_path / "bomb")


class _Zeros:
    def read(self, size):
        return bytes(size)


def test_an_array_in_another_file_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"1234")
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file.create_dataset("a", (4,), "u1", external=[(str(secret), 0, 4)])
    with pytest.raises(ValueError, match="lies in another file"):
        read_weights(tmp_path / "file.h5")


def test_an_array_of_nothing_is_refused(tmp_path):
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file.create_dataset("a", (2**30,), "f8", chunks=(2**20,), compression="gzip")
    with pytest.raises(ValueError, match="much larger in memory"):
        read_weights(tmp_path / "file.h5")


def test_the_digest_is_that_of_names_and_numbers():
    same = {name: np.asfortranarray(array) for name, array in reversed(SMALL.items())}
    assert digest_arrays(same) == digest_arrays(SMALL)
    changes = {"b/beta": np.array([1.5, -2.5], np.float32)}, {"c": np.ones(1)}
    assert len({digest_arrays({**SMALL, **change}) for change in ({}, *changes)}) == 3


@pytest.fixture(scope="module")
def canonical():
    return inception_weights.from_torch(synthetic_inception.torch_arrays())


@pytest.mark.parametrize(
    "write, arrays",
    [
        (write_torch, synthetic_inception.torch_arrays),
        (write_old_torch, synthetic_inception.torch_arrays),
        (write_graph_def, synthetic_inception.graph_def_arrays),
        (write_archive, synthetic_inception.graph_def_arrays),
        (write_tflib, synthetic_inception.tflib_arrays),
    ],
)
def test_inception_from_every_kind_of_file(tmp_path, canonical, write, arrays):
    write(tmp_path / "file", arrays())
    result = getattr(inception_weights, f"from_{WRITERS[write]}")(read_weights(tmp_path / "file"))
    assert result.keys() == canonical.keys()
    for name, array in canonical.items():
        np.testing.assert_array_equal(result[name], array, strict=True)


@pytest.mark.parametrize("name", ["inception", "clean_inception", "keras_inception", "vgg16"])
def test_what_is_missing_is_explained(tmp_path, name):
    folder = "vgg16" if name == "vgg16" else "inception"
    networks = FeatureNetworks(tmp_path)
    for call in (networks.check, networks.get):
        with pytest.raises(MissingWeightsError) as error:
            call(name)
        text = str(error.value)
        assert str(tmp_path / folder) in text and "https://" in text
        assert f"--{folder}_weights" in text and f"--config.metrics.{folder}_weights" in text
        if name != "keras_inception":
            assert f"--fetch_{folder}" in text and PUBLISHED[folder].urls[0] in text


def test_lpips_needs_two_files(tmp_path):
    networks = FeatureNetworks(tmp_path)
    for call in (networks.check, networks.get):
        with pytest.raises(MissingWeightsError, match="VGG16"):
            call("lpips")
    (tmp_path / "vgg16").mkdir()
    write_torch(tmp_path / "vgg16" / "file", SMALL)
    with pytest.raises(MissingWeightsError, match="The weights of LPIPS are missing"):
        networks.check("lpips")


def test_an_unknown_network_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Expected one of .*clean_inception.*alexnet"):
        FeatureNetworks(tmp_path).check("alexnet")


def test_files_that_do_not_fit_are_named_with_the_reason(tmp_path):
    folder = tmp_path / "inception"
    folder.mkdir()
    (folder / "notes.txt").write_text("hello")
    (folder / "inception.pth.part").write_bytes(b"PK")
    write_keras(folder / "keras.h5", synthetic_inception.keras_arrays())
    networks = FeatureNetworks(tmp_path)
    with pytest.raises(MissingWeightsError) as error:
        networks.check("inception")
    text = str(error.value)
    assert "notes.txt does not fit" in text and ".part" not in text
    assert "keras.h5 does not fit: Keras' Inception was trained anew on 1000 classes" in text
    networks.check("keras_inception")

    write_torch(folder / "other.pth", SMALL)
    networks.check("inception")
    with pytest.raises(MissingWeightsError, match=r"other\.pth does not fit: These are not the"):
        networks.get("inception")


def test_a_named_file_is_the_only_one(tmp_path):
    (tmp_path / "inception").mkdir()
    write_torch(tmp_path / "inception" / "good.pth", synthetic_inception.torch_arrays())
    networks = FeatureNetworks(tmp_path, paths={"inception": str(tmp_path / "mine.pth")})
    with pytest.raises(MissingWeightsError, match=r"mine\.pth does not fit"):
        networks.check("inception")
    FeatureNetworks(tmp_path, paths={"inception": ""}).check("inception")


@pytest.mark.slow
def test_the_first_file_that_fits_is_used(tmp_path):
    folder = tmp_path / "inception"
    folder.mkdir()
    write_torch(folder / "a_bad.pth", SMALL)
    write_graph_def(folder / "a_graph.pb", synthetic_inception.graph_def_arrays())
    expected = FeatureNetworks(tmp_path).get("inception").identity

    changed = {**synthetic_inception.torch_arrays(), "fc.bias": np.zeros(1008, np.float32)}
    write_torch(folder / "z.pth", changed)
    write_torch(folder / "b.pth", synthetic_inception.torch_arrays())
    networks = FeatureNetworks(tmp_path)
    inception = networks.get("inception")
    # The same weights, whatever file they come from; not those of z.pth.
    assert inception.identity == expected
    assert networks.get("inception") is inception
    assert networks.get("clean_inception").model is inception.model
    assert networks.get("clean_inception").identity != expected


def write_custom(folder, name):
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.GlobalAveragePooling2D()(inputs)
    keras.Model(inputs, outputs).save(folder / "own.keras")
    (folder / "own.json").write_text(json.dumps({"name": name, "input_size": 8}))
    return folder / "own.keras"


def test_the_network_of_the_user(tmp_path):
    networks = FeatureNetworks(tmp_path, custom=str(write_custom(tmp_path, "own")))
    assert networks.custom_name == "own"
    networks.check("own")
    network = networks.get("own")
    assert network.dim == 3
    assert FeatureNetworks(tmp_path, custom="").custom_name is None
    with pytest.raises(ValueError, match="own"):
        FeatureNetworks(tmp_path).check("own")


def test_the_network_of_the_user_has_a_name_of_its_own(tmp_path):
    with pytest.raises(ValueError, match="lpips"):
        FeatureNetworks(tmp_path, custom=write_custom(tmp_path, "lpips"))


def test_a_pickle_of_several_networks_is_not_weights(golden):
    with pytest.raises(ValueError, match="networks G, D, Gs"):
        read_weights(golden / "msg_stylegan_32.pkl")


def test_a_network_of_recordings_is_a_file_of_pytorch(golden):
    path = golden / "bmsg_32_GAN_GEN.pth"
    assert detect_kind(path) == "torch" and len(read_weights(path)) == 24
