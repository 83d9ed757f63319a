"""Pickles of tflib networks: variables come back, the code in them never runs."""

import pickle
import sys
import types

import numpy as np
import pytest
from support.original_recording import original_paths

from msg_stylegan.foreign_files.tflib_pickle import read_tflib, read_tflib_file

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
NAMES = {"today": "dnnlib.tflib.network", "ProGAN": "tfutil"}


@pytest.fixture(params=NAMES)
def network_class(request, monkeypatch):
    """A class that pickles as the original's does."""
    module = types.ModuleType(NAMES[request.param])
    body = {"__module__": module.__name__, "__getstate__": lambda self: self.state}
    module.Network = type("Network", (), body)
    parts = module.__name__.split(".")
    for i in range(1, len(parts)):
        parent = ".".join(parts[:i])
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.Network


def make(network_class, name="net", **changes):
    network = network_class()
    network.state = {
        "version": 2,
        "name": name,
        "static_kwargs": {"resolution": 32, "fmap": np.int64(7), "list": [1, None], "text": "a"},
        "build_module_src": "raise SystemExit('this ran')",
        "build_func_name": "build",
        "variables": [("conv/weight", np.arange(6.0).reshape(2, 3)), ("lod", np.float32(2.0))],
        **changes,
    }
    return network


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_network(network_class, protocol):
    (network,) = read_tflib(pickle.dumps(make(network_class), protocol))
    assert (network.name, network.version, network.build_func_name) == ("net", 2, "build")
    assert network.static_kwargs == {"resolution": 32, "fmap": 7, "list": [1, None], "text": "a"}
    assert network.components == {}
    assert list(network.variables) == ["conv/weight", "lod"]
    np.testing.assert_array_equal(network.variables["conv/weight"], np.arange(6.0).reshape(2, 3))
    assert network.variables["lod"] == 2.0 and network.variables["lod"].shape == ()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_networks_with_parts(network_class, protocol):
    parts = {"synthesis": make(network_class, "G_synthesis"), "other": make(network_class, "o")}
    top = make(network_class, "G", version=3, components=parts)
    result = read_tflib(pickle.dumps((top, make(network_class, "D"), top), protocol))
    assert [network.name for network in result] == ["G", "D", "G"]
    assert list(result[0].components) == ["synthesis", "other"]
    assert list(result[0].all_variables()) == [
        *("conv/weight", "lod", "G_synthesis/conv/weight", "G_synthesis/lod"),
        *("o/conv/weight", "o/lod"),
    ]


@pytest.mark.parametrize("path", original_paths("*.pkl"))
@pytest.mark.usefixtures("victim")
def test_recorded_pickles(path):
    networks = read_tflib_file(path)
    assert [network.name for network in networks] == ["G", "D", "Gs"]
    with np.load(path.with_suffix(".npz")) as arrays:
        for network in networks:
            prefix = f"{network.name}/"
            variables = network.all_variables()
            assert {prefix + name for name in variables} == {
                name for name in arrays if name.startswith(prefix)
            }
            for name, array in variables.items():
                np.testing.assert_array_equal(array, arrays[prefix + name], strict=True)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"version": 4}, "version 4"),
        ({"version": "3"}, "version"),
        ({"name": None}, "name"),
        ({"variables": [("a", np.ones(1)), ("a", np.ones(1))]}, "twice"),
        ({"variables": [("a", [1.0])]}, "not an array"),
        ({"variables": [("a",)]}, "without a name or value"),
        ({"variables": {}}, "variables"),
        ({"static_kwargs": {"a": {"b": 1}}}, "Setting 'a'"),
        ({"static_kwargs": {"a": [0] * 1000}}, "Setting 'a'"),
        ({"components": {"part": 1}}, "Part 'part'"),
    ],
)
def test_a_strange_network_is_refused(network_class, changes, message):
    with pytest.raises(ValueError, match=message):
        read_tflib(pickle.dumps(make(network_class, **changes), 4))


def test_a_part_without_end_is_refused(network_class):
    network = make(network_class)
    network.state["components"] = {"part": network}
    with pytest.raises(ValueError, match="Part 'part'"):
        read_tflib(pickle.dumps(network, 4))


def test_too_many_networks_are_refused(network_class):
    with pytest.raises(ValueError, match="more than 32 networks"):
        read_tflib(pickle.dumps([make(network_class, str(i)) for i in range(33)], 4))


@pytest.mark.parametrize("value", [[], {"a": 1}, np.ones(3), "text", (1, 2)])
def test_a_pickle_of_something_else_is_refused(tmp_path, value):
    path = tmp_path / "file.pkl"
    path.write_bytes(pickle.dumps(value, 4))
    with pytest.raises(ValueError, match=r"file\.pkl cannot be read.*something other"):
        read_tflib_file(path)


def test_a_state_never_given_is_refused():
    with pytest.raises(ValueError, match="without a state"):
        read_tflib(b"cdnnlib.tflib.network\nNetwork\n)\x81.")
