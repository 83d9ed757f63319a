"""Files that attack whoever opens them: refused by load_networks and `convert`, without effect."""

import json
import os
import pickle
import random
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from support import hostile_pickles, tflib_writer, torch_writer
from support.pickled_networks import SETTINGS, make_trio, trio

from msg_stylegan import load_networks
from msg_stylegan.commands import convert
from msg_stylegan.networks import save_networks

# Names of what the attacks call.
CALLS = r"names '(\w+\.system|(builtins|__builtin__)\.\w+|numpy\.\w+\.\w+)', which is not plain"
NAMELESS = {"extension registry"}


def assert_refused(path, capsys, message=None):
    """Both ways to open the file end in one message, and nothing else happens to the folder."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(ValueError, match=message) as caught:
        load_networks(path)
    assert path.name in str(caught.value)
    assert convert.main([str(path), str(path.with_name("out.npz"))]) == 1
    assert str(caught.value) in capsys.readouterr().err
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize("name", hostile_pickles.running(""))
def test_pickles_that_run_something(tmp_path, victim, capsys, name):
    path = tmp_path / "network.pkl"
    path.write_bytes(hostile_pickles.running(f"touch {victim}")[name])
    assert_refused(path, capsys, None if name in NAMELESS else CALLS)


@pytest.mark.parametrize("place", hostile_pickles.inside_networks(""))
def test_calls_inside_of_networks(tmp_path, victim, capsys, place):
    path = tmp_path / "network.pkl"
    path.write_bytes(hostile_pickles.inside_networks(f"touch {victim}")[place])
    assert_refused(path, capsys, "system")


def test_the_attacks_inside_of_networks_are_real(tmp_path):
    # What the original's way of reading would have done.
    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            made = {"__setstate__": lambda self, state: None}
            return type("Network", (), made) if "dnnlib" in module else os.system

    victim = tmp_path / "ran"
    for place, data in hostile_pickles.inside_networks(f"touch {victim}").items():
        path = tmp_path / "network.pkl"
        path.write_bytes(data)
        with path.open("rb") as file:
            Unpickler(file).load()
        assert victim.exists(), place
        victim.unlink()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", ["GAN_GEN_1.pth", "GAN_DIS_1.pth"])
def test_calls_inside_of_state_dicts(tmp_path, victim, capsys, legacy, name):
    weights = torch_writer.tensors({"rgb_converters.0.weight": np.ones((3, 1, 1, 1), "f4")})
    call = hostile_pickles.Call(os.system, f"touch {victim}")
    write = torch_writer.write_legacy if legacy else torch_writer.write_zip
    write(tmp_path / name, weights | {"rgb_converters.0.bias": call})
    assert_refused(tmp_path / name, capsys, "system")


def test_calls_inside_of_arrays(tmp_path, victim, capsys):
    call = hostile_pickles.Call(os.system, f"touch {victim}")
    np.savez(tmp_path / "a.npz", meta=np.array("{}"), weight=np.array([call]))
    assert_refused(tmp_path / "a.npz", capsys, "type object")


@pytest.mark.parametrize(
    "config",
    [
        {"module": "os", "class_name": "system", "registered_name": "system"},
        {"module": "os", "class_name": "system", "registered_name": None},
        {"module": "builtins", "class_name": "Networks", "registered_name": "builtins>exec"},
        {"module": "keras.layers", "class_name": "Lambda", "registered_name": None},
        {"module": "keras", "class_name": "Sequential", "registered_name": "Sequential"},
    ],
)
def test_snapshots_of_something_else(tmp_path, victim, capsys, config):
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr(
            "config.json", json.dumps({**config, "config": {"command": f"touch {victim}"}})
        )
        archive.writestr("model.weights.h5", b"")
    assert_refused(path, capsys, "not the networks of a run")


@pytest.mark.parametrize("name", {**hostile_pickles.changing(), **hostile_pickles.growing()})
def test_pickles_that_change_or_fill_something(tmp_path, name):
    path = tmp_path / "network.pkl"
    path.write_bytes({**hostile_pickles.changing(), **hostile_pickles.growing()}[name])
    start = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"network\.pkl"):
            load_networks(path)
        assert tracemalloc.get_traced_memory()[1] < 150e6
    finally:
        tracemalloc.stop()
    # Far more than it takes, for machines that are busy.
    assert time.monotonic() - start < 60


@pytest.fixture(scope="module")
def small_files(tmp_path_factory):
    """Path of a good file for each kind."""
    folder = tmp_path_factory.mktemp("files")
    settings = SETTINGS | {"resolution": 8, "fmap_base": 4, "fmap_max": 2, "latent_size": 2}
    nets = make_trio(settings)
    record = tflib_writer.discriminator(nets.D, settings)
    save_networks(nets, folder / "a.keras", {})
    tflib_writer.save(folder / "D.pkl", record)
    tflib_writer.save(folder / "a.pkl", trio(nets, settings))
    assert convert.main([str(folder / "a.pkl"), str(folder / "a.npz")]) == 0
    shapes = {"final_block.conv_2.weight": (2, 2, 4, 4), "final_converter.weight": (1, 3, 1, 1)}
    arrays = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    torch_writer.write_legacy(folder / "a.pth", torch_writer.tensors(arrays))
    return folder


def test_files_cut_off_at_every_byte(tmp_path, small_files):
    data = (small_files / "D.pkl").read_bytes()
    load_networks(small_files / "D.pkl")
    path = tmp_path / "D.pkl"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"D\.pkl"):
            load_networks(path)


@pytest.mark.parametrize("name", ["a.pkl", "a.npz", "a.pth", "a.keras"])
def test_files_cut_off(tmp_path, small_files, name):
    data = (small_files / name).read_bytes()
    path = tmp_path / name
    for length in np.linspace(0, len(data) - 1, 50).astype(int):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=name):
            load_networks(path)


@pytest.mark.parametrize("name", ["D.pkl", "a.npz"])
def test_damaged_files_are_read_or_refused(tmp_path, small_files, name):
    original = (small_files / name).read_bytes()
    path, rng = tmp_path / name, random.Random(0)
    refused = 0
    for _ in range(60):
        data = bytearray(original)
        # Most of it is numbers; what describes them stands in front.
        data[rng.randrange(min(len(data), 3000))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            load_networks(path)
        except ValueError as error:
            assert name in str(error)
            refused += 1
    assert refused > 10
