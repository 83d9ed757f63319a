"""Files and runs that are opened: what a file is, is told by its content."""

import pickle
import shutil

import pytest
from support import tflib_writer
from support.network_weights import assert_equal_networks
from support.pickled_networks import SETTINGS, trio
from support.tiny_run import make_networks, make_run
from tensorflow import keras

from msg_stylegan.networks import save_networks
from msg_stylegan.pretrained import find_network_file, load_networks

# Nothing may be run out of a file.
pytestmark = pytest.mark.usefixtures("victim")


def test_the_kind_of_a_file_is_not_told_by_its_name(tmp_path, small_networks):
    save_networks(small_networks, tmp_path / "snapshot.keras", {"cur_nimg": 5})
    shutil.copyfile(tmp_path / "snapshot.keras", tmp_path / "network.pkl")
    nets = load_networks(tmp_path / "network.pkl")
    assert nets.info == {"cur_nimg": 5}
    assert_equal_networks(nets, small_networks)
    tflib_writer.save(tmp_path / "network.keras", trio(small_networks, SETTINGS))
    assert_equal_networks(load_networks(tmp_path / "network.keras"), small_networks)


def test_run_folders(tmp_path):
    run_dir = make_run(tmp_path / "results", tmp_path)
    assert load_networks(run_dir).info["cur_nimg"] == 1000
    newest = run_dir / "network-snapshot-000001.keras"
    for name in ("latest", "1", run_dir, newest, str(newest)):
        assert find_network_file(name, tmp_path / "results") == newest
    (tmp_path / "a.pkl").write_bytes(b"")
    assert find_network_file(tmp_path / "a.pkl", tmp_path) == tmp_path / "a.pkl"
    for name in ("no.pkl", "no.pth", "no.npz", "no.keras", "no"):
        with pytest.raises(FileNotFoundError, match=name):
            find_network_file(name, tmp_path / "results")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_networks(tmp_path / "no.pkl")


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"\x89HDF\r\n\x1a\n", b"weights"])
def test_other_files_are_named(tmp_path, content):
    (tmp_path / "thing.pkl").write_bytes(content)
    with pytest.raises(ValueError, match=r"thing\.pkl (is not a file of networks|cannot be read)"):
        load_networks(tmp_path / "thing.pkl")


def test_pickles_of_something_else_are_named(tmp_path):
    (tmp_path / "thing.pkl").write_bytes(pickle.dumps({"G": 1}))
    with pytest.raises(ValueError, match=r"thing\.pkl.*something other than networks"):
        load_networks(tmp_path / "thing.pkl")


def test_other_models_of_keras_are_not_made(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(tmp_path / "other.keras")
    make_networks().G.save(tmp_path / "G.keras")
    for name in ("other", "G"):
        with pytest.raises(ValueError, match=rf"{name}\.keras holds a .*, not the networks"):
            load_networks(tmp_path / f"{name}.keras")
