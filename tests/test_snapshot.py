"""A snapshot holds three networks and their history, and appears whole or not at all."""

import contextlib
import json
import os
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from support.flat_options import networks_of
from support.folder_contents import names
from support.network_weights import assert_equal_networks, randomize
from support.plain_operations import one_hot
from support.tiny_discriminator import CHANGES as D_CHANGES
from support.tiny_discriminator import OPTIONS as D_OPTIONS
from support.tiny_discriminator import random_scales
from support.tiny_generator import CHANGES as G_CHANGES
from support.tiny_generator import OPTIONS as G_OPTIONS
from support.tiny_generator import images_of, latents
from tensorflow import keras

import msg_stylegan
from msg_stylegan.networks import (
    Networks,
    load_snapshot,
    newest_snapshot,
    save_networks,
    snapshots_of_run,
)
from msg_stylegan.networks.snapshot import MEMBERS

try:
    import resource
except ImportError:  # Windows
    resource = None

INFO = {
    "options": {"seed": 333, "loss": {"r1_gamma": 10.0}, "metrics": {"names": ["swd2k"]}},
    "cur_nimg": 12_000,
    "dataset": {"name": "Größe", "label_size": 0},
    "nothing": None,
}


def make_networks(seed=0, G_options=G_OPTIONS, D_options=D_OPTIONS, info=None):
    """Three networks that differ in all variables, also in those that are not trained."""
    nets = networks_of(G_options, D_options, info)
    randomize(nets, seed)
    return nets


def test_round_trip_is_exact(tmp_path):
    nets = make_networks()
    save_networks(nets, tmp_path / "snapshot.keras", INFO)
    assert names(tmp_path) == ["snapshot.keras"]
    again = msg_stylegan.load_networks(tmp_path / "snapshot.keras")

    assert again.info == INFO
    for network in ("G", "G_ema"):
        G, other = getattr(nets, network), getattr(again, network)
        assert other.get_config() == G.get_config()
        np.testing.assert_array_equal(other.w_avg.numpy(), G.w_avg.numpy())
        for psi in (1.0, 0.5):
            for image, expected in zip(
                images_of(other, truncation_psi=psi), images_of(G, truncation_psi=psi), strict=True
            ):
                np.testing.assert_array_equal(image, expected)
    assert again.D.get_config() == nets.D.get_config()
    images = random_scales(nets.D, 4)
    np.testing.assert_array_equal(again.D(images), nets.D(images))
    assert_equal_networks(again, nets)
    assert not np.array_equal(images_of(again.G)[0], images_of(again.G_ema)[0])


def test_round_trip_of_other_options(tmp_path):
    nets = make_networks(0, G_CHANGES, D_CHANGES)
    save_networks(nets, str(tmp_path / "snapshot.keras"), {})
    again = load_snapshot(str(tmp_path / "snapshot.keras"))
    assert again.info == {}
    assert_equal_networks(again, nets)
    z, labels = latents(nets.G), one_hot([0, 1, 2, 0], 3)
    images = nets.G_ema(z, labels, truncation_psi=0.7, truncation_cutoff=8, noise_mode="const")
    others = again.G_ema(z, labels, truncation_psi=0.7, truncation_cutoff=8, noise_mode="const")
    for image, other in zip(images, others, strict=True):
        np.testing.assert_array_equal(image, other)
    images = random_scales(nets.D, 4)
    np.testing.assert_array_equal(again.D(images, labels), nets.D(images, labels))


@pytest.mark.parametrize("there", [("D",), ("G",), ("G_ema",), ("G", "G_ema"), ("D", "G_ema")])
def test_networks_may_be_missing(tmp_path, there):
    whole = make_networks()
    nets = Networks(**{name: getattr(whole, name) if name in there else None for name in MEMBERS})
    nets.build()
    assert set(nets.members) == set(there)
    save_networks(nets, tmp_path / "snapshot.keras", INFO)
    again = load_snapshot(tmp_path / "snapshot.keras")
    assert again.info == INFO
    assert again.get_config() == nets.get_config()
    for name in MEMBERS:
        network = getattr(again, name)
        if name not in there:
            assert network is None
            continue
        for variable, other in zip(network.variables, getattr(whole, name).variables, strict=True):
            np.testing.assert_array_equal(np.asarray(variable), np.asarray(other))
    if "G_ema" in there:
        for image, other in zip(images_of(again.G_ema), images_of(whole.G_ema), strict=True):
            np.testing.assert_array_equal(image, other)


def test_impossible_sets_of_networks_are_refused():
    with pytest.raises(ValueError, match="at least one network"):
        Networks(G=None, D=None, G_ema=None)
    G, _, G_ema = (getattr(make_networks(), name) for name in MEMBERS)
    other = make_networks(G_options={**G_OPTIONS, "w_dim": 3}).G_ema
    with pytest.raises(ValueError, match="`G` and `G_ema` to have the same options"):
        Networks(G, None, other)
    assert Networks(G, None, G_ema).info == {}


def test_files_from_before_the_newer_options_are_read(tmp_path):
    """They know neither of the newer options, nor that networks may be missing."""
    path = tmp_path / "snapshot.keras"
    nets = make_networks()
    save_networks(nets, path, INFO)
    old = {
        "generator": ("synthesis", "z_space", "connect", "weight_init"),
        "discriminator": ("mbstd_blocks", "combine", "body", "connect", "weight_init", "norm"),
    }

    def forget(text):
        config = json.loads(text)
        del config["config"]["members"]
        for network, options in old.items():
            for option in options:
                del config["config"][network][option]
        return json.dumps(config)

    rewrite_config(path, forget)
    again = load_snapshot(path)
    assert again.get_config() == nets.get_config()
    assert_equal_networks(again, nets)


def test_loaded_networks_are_saved_again_without_loss(tmp_path):
    nets = make_networks()
    save_networks(nets, tmp_path / "first.keras", INFO)
    again = load_snapshot(tmp_path / "first.keras")
    save_networks(again, tmp_path / "second.keras", again.info)
    final = load_snapshot(tmp_path / "second.keras")
    assert final.info == INFO
    assert_equal_networks(final, nets)


def test_loaded_networks_can_be_trained(tmp_path):
    save_networks(make_networks(), tmp_path / "snapshot.keras", {})
    nets = load_snapshot(tmp_path / "snapshot.keras")
    before = nets.G.w_avg.numpy()
    with tf.GradientTape() as tape:
        logits = nets.D(nets.G(latents(nets.G), training=True))
        loss = tf.reduce_mean(tf.nn.softplus(-logits))
    weight = nets.G.trainable_variables[0]
    assert np.any(tape.gradient(loss, weight.value if hasattr(weight, "path") else weight))
    assert np.all(nets.G.w_avg.numpy() != before)


def test_average_starts_equal_to_the_generator():
    nets = networks_of(G_OPTIONS, D_OPTIONS, INFO)
    for average, variable in zip(nets.G_ema.variables, nets.G.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(average), np.asarray(variable))
    assert nets.info == INFO
    assert (nets.G.name, nets.D.name, nets.G_ema.name) == ("G", "D", "G_ema")
    assert len(nets.trainable_variables) == 2 * len(nets.G.trainable_variables) + len(
        nets.D.trainable_variables
    )


def test_info_with_unknown_values_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "snapshot.keras"
    nets = make_networks()
    save_networks(nets, path, INFO)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_networks(nets, path, {"path": tmp_path})
    assert names(tmp_path) == ["snapshot.keras"]
    assert path.read_bytes() == before


@contextlib.contextmanager
def full_disk():
    """No file may grow beyond 8 KiB, as if the disk were full; snapshots here are larger."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(resource is None, reason="this system cannot limit the size of files")
@pytest.mark.parametrize("exists", [False, True])
def test_full_disk_leaves_everything_as_it_was(tmp_path, exists):
    path = tmp_path / "network-snapshot-000001.keras"
    nets = make_networks()
    if exists:
        save_networks(nets, path, INFO)
    before = path.read_bytes() if exists else b""
    with pytest.raises(OSError), full_disk():
        save_networks(nets, path, {"cur_nimg": 1})
    assert names(tmp_path) == ([path.name] if exists else [])
    assert snapshots_of_run(tmp_path) == ([path] if exists else [])
    if exists:
        assert len(before) > 8192
        assert path.read_bytes() == before
        assert load_snapshot(tmp_path).info == INFO


class Interrupted(Networks):
    """Somebody presses Ctrl-C while it is being saved."""

    def get_config(self):
        raise KeyboardInterrupt


def test_interrupted_save_leaves_everything_as_it_was(tmp_path):
    path = tmp_path / "network-snapshot-000001.keras"
    nets = make_networks()
    save_networks(nets, path, INFO)
    before = path.read_bytes()
    interrupted = Interrupted(nets.G, nets.D, nets.G_ema, {})
    interrupted.build()
    with pytest.raises(KeyboardInterrupt):
        save_networks(interrupted, path, {"cur_nimg": 1})
    assert names(tmp_path) == [path.name]
    assert path.read_bytes() == before


def test_run_directory_means_its_newest_snapshot(tmp_path):
    for kimg in (100, 20, 3):
        nets = make_networks(kimg)
        save_networks(nets, tmp_path / f"network-snapshot-{kimg:06d}.keras", {"cur_nimg": kimg})
    # Neither of these is a snapshot.
    (tmp_path / ".network-snapshot-000900.1.tmp.keras").write_bytes(b"half")
    (tmp_path / "stats.jsonl").write_text("{}\n")
    assert [path.name for path in snapshots_of_run(tmp_path)] == [
        "network-snapshot-000003.keras",
        "network-snapshot-000020.keras",
        "network-snapshot-000100.keras",
    ]
    assert newest_snapshot(tmp_path).name == "network-snapshot-000100.keras"
    newest = load_snapshot(tmp_path)
    assert newest.info == {"cur_nimg": 100}
    assert_equal_networks(newest, make_networks(100))
    assert load_snapshot(newest_snapshot(str(tmp_path))).info == {"cur_nimg": 100}


def test_run_without_snapshots(tmp_path):
    for search in (load_snapshot, newest_snapshot):
        with pytest.raises(FileNotFoundError, match=f"{tmp_path.name} .*network-snapshot-"):
            search(tmp_path)
    assert snapshots_of_run(tmp_path) == []


def test_file_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.keras does not exist"):
        load_snapshot(tmp_path / "absent.keras")


def write_zip(path, **contents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in contents.items():
            archive.writestr(f"{name}.json", text)


def change_bytes(path):
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = os.urandom(2000)
    path.write_bytes(data)


# What happens to a snapshot -> ending of the file, and how it is done.
DAMAGES = {
    "empty": (".keras", lambda path: path.write_bytes(b"")),
    "garbage": (".keras", lambda path: path.write_bytes(os.urandom(5000))),
    "text": (".txt", lambda path: path.write_text("Not a network.\n")),
    "garbage named h5": (".h5", lambda path: path.write_bytes(os.urandom(5000))),
    "another archive": (".keras", lambda path: write_zip(path, readme="Not a network.")),
    "broken configuration": (".keras", lambda path: write_zip(path, config="{", metadata="{")),
    "truncated": (".keras", lambda path: os.truncate(path, path.stat().st_size // 2)),
    "bytes changed": (".keras", change_bytes),
    "unknown option": (".keras", lambda path: rewrite(path, '"w_avg_beta"', '"w_avg_gamma"')),
    "unknown class": (
        ".keras",
        lambda path: rewrite(path, "msg_stylegan>Networks", "msg_stylegan>Nothing", '"Networks"'),
    ),
    "other sizes": (".keras", lambda path: rewrite(path, '"channel_max": 8', '"channel_max": 4')),
}


def rewrite(path, old, new, also=None):
    """Replaces text in the configuration of a snapshot."""

    def replace(config):
        assert old in config
        config = config.replace(old, new)
        return config.replace(also, '"Nothing"') if also else config

    rewrite_config(path, replace)


def rewrite_config(path, change):
    """Replaces the configuration of a snapshot by `change` of it."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["config.json"] = change(content["config.json"].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("damage", DAMAGES)
def test_file_that_is_not_a_snapshot_is_named(tmp_path, damage):
    suffix, harm = DAMAGES[damage]
    path = tmp_path / f"broken{suffix}"
    save_networks(make_networks(), tmp_path / "whole.keras", INFO)
    (tmp_path / "whole.keras").rename(path)
    harm(path)
    with pytest.raises(ValueError, match=rf"{path.name} is not a readable snapshot"):
        load_snapshot(path)


def test_another_keras_model_is_named(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"other\.keras holds a Sequential"):
        load_snapshot(tmp_path / "other.keras")


def test_one_network_is_not_a_snapshot(tmp_path):
    make_networks().G.save(tmp_path / "G.keras")
    with pytest.raises(ValueError, match=r"G\.keras holds a Generator"):
        load_snapshot(tmp_path / "G.keras")
