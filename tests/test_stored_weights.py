"""A checkpoint holds every weight of the networks, those that no optimizer knows, too."""

import numpy as np
import pytest
import tensorflow as tf
from support.network_weights import assert_equal_networks, randomize
from support.tiny_pair import make_pair
from support.tiny_run import make_networks
from support.tiny_training import make_tiny_dataset, tiny_config, train_tiny

from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks, load_snapshot, newest_snapshot
from msg_stylegan.networks.named_variables import named_variables
from msg_stylegan.options import DiscriminatorOptions, GeneratorOptions
from msg_stylegan.training.checkpoint import TrainingCheckpoint
from msg_stylegan.training.stored_weights import StoredWeights
from msg_stylegan.training.training_state import TrainingState

SMALL = {"channel_base": 64, "channel_max": 8}


def make_progan(stage_resolution=0):
    last = {"mbstd_blocks": "last"} if stage_resolution else {}
    return build_networks(
        GeneratorOptions(body="progan", z_dim=8, mapping_layers=0, **SMALL),
        DiscriminatorOptions(body="progan", **SMALL, **last),
        Interface(16, 3),
        stage_resolution=stage_resolution,
    )


def make_scogan():
    options = {"body": "scogan"}
    data = Interface(128, 1, connect="none")
    return build_networks(GeneratorOptions(**options), DiscriminatorOptions(**options), data)


KINDS = pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: make_networks(label_size=3), id="stylegan"),
        pytest.param(make_progan, id="progan"),
        pytest.param(lambda: make_progan(stage_resolution=8), id="growing"),
        pytest.param(make_scogan, id="scogan"),
        pytest.param(lambda: make_pair(has_encoder=True), id="pair"),
    ],
)


@KINDS
def test_every_weight_has_one_name(make):
    for network in make().members.values():
        named = named_variables(network)
        assert {id(variable) for variable in named.values()} == {id(v) for v in network.variables}
        assert len(named) == len(network.variables)


@KINDS
def test_every_weight_is_restored(make, tmp_path):
    nets = make()
    randomize(nets)
    TrainingCheckpoint(tmp_path, 1, weights=StoredWeights(nets)).save(8)
    others = make()
    for variable in others.variables:
        variable.assign(tf.zeros_like(tf.convert_to_tensor(variable)))
    assert TrainingCheckpoint(tmp_path, 1, weights=StoredWeights(others)).restore_latest()
    assert_equal_networks(others, nets)


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """A run of half the length, its data set and its options."""
    folder = tmp_path_factory.mktemp("half")
    dataset = make_tiny_dataset(folder)
    config = tiny_config(folder, total_kimg=0.064)
    return train_tiny(config, dataset), dataset, config


KERAS_3 = pytest.mark.skipif(
    not hasattr(tf.keras, "ops"), reason="with Keras 2 nothing was ever left out"
)


def as_older_versions_did(half, tmp_path):
    """A run whose checkpoint leaves out what they left out, with Keras 3."""
    run_dir, dataset, config = half
    state = TrainingState(config, run_dir, [dataset], tf.distribute.get_strategy())
    nets = tf.Module()
    nets.G, nets.G_ema = tf.Module(), tf.Module()
    nets.G.w_avg, nets.G_ema.w_avg = state.nets.G.w_avg, state.nets.G_ema.w_avg
    objects = {name: getattr(state, name) for name in ("G_opt", "D_opt", "progress")}
    folder = tmp_path / "checkpoints"
    tf.train.CheckpointManager(tf.train.Checkpoint(nets=nets, **objects), str(folder), 1).save(64)
    return state.nets


def resumed(half, run_dir):
    _, dataset, config = half
    return TrainingState(config, run_dir, [dataset], tf.distribute.get_strategy()).nets


@KERAS_3
def test_what_an_old_checkpoint_lacks_comes_from_the_snapshot(half, tmp_path, caplog):
    snapshot = newest_snapshot(half[0])
    expected = as_older_versions_did(half, tmp_path)
    (tmp_path / snapshot.name).write_bytes(snapshot.read_bytes())
    assert_equal_networks(resumed(half, tmp_path), expected)
    assert "those of the snapshot count" in caplog.text


@KERAS_3
def test_without_a_snapshot_the_average_begins_anew_and_that_is_said(half, tmp_path, caplog):
    expected = as_older_versions_did(half, tmp_path)
    nets = resumed(half, tmp_path)
    for name, source in (("G", "G"), ("D", "D"), ("G_ema", "G")):
        ours, theirs = getattr(nets, name), getattr(expected, source)
        for a, b in zip(ours.variables, theirs.variables, strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert "G_ema begins as a copy of G" in caplog.text


def test_a_run_that_continues_keeps_its_average(half, tmp_path):
    run_dir, _, _ = half
    assert_equal_networks(resumed(half, run_dir), load_snapshot(newest_snapshot(run_dir)))
