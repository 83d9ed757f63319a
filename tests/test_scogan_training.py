"""Soft-CoGAN's networks in a training, and in the file of a snapshot."""

import numpy as np
import pytest
from support.network_weights import assert_equal_networks
from support.scogan_networks import interface, scogan_config
from support.stored_data_sets import random_images, write_records
from support.tiny_training import assert_same_checkpoints, tiny_config, train_tiny

from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.networks import build_networks, load_snapshot, newest_snapshot, save_networks
from msg_stylegan.networks.scogan_synthesis import ScoganSynthesis
from msg_stylegan.options import DiscriminatorOptions, GeneratorOptions


def training_config(folder, total_kimg):
    return scogan_config(tiny_config(folder, total_kimg=total_kimg, tick_kimg=0.008))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Run directory of two iterations, and the data set."""
    folder = tmp_path_factory.mktemp("scogan")
    write_records(folder / "tiny", random_images(24, 32, 1))
    dataset = TFRecordDataset(folder / "tiny")
    return train_tiny(training_config(folder, 0.016), dataset), dataset


def test_training(trained):
    nets = load_snapshot(newest_snapshot(trained[0]))
    assert type(nets.G_ema.synthesis) is ScoganSynthesis
    for network in (nets.G, nets.G_ema):
        assert all(np.all(np.isfinite(np.asarray(v))) for v in network.variables)
        assert np.any(network.synthesis.blocks[0].chain[2].mean.numpy())


@pytest.mark.slow
@pytest.mark.further
def test_resumed_training_repeats_norms_and_dropout(trained, tmp_path):
    run_dir, dataset = trained
    half = train_tiny(training_config(tmp_path, 0.008), dataset)
    train_tiny(training_config(tmp_path, 0.016), dataset, run_dir=half)
    assert_same_checkpoints(half, run_dir)


def test_snapshot_brings_them_back(tmp_path):
    options = {"body": "scogan", "weight_init": "he"}
    nets = build_networks(
        GeneratorOptions(**options, z_dim=5, z_space="uniform"),
        DiscriminatorOptions(**options, norm="layer"),
        interface(num_channels=1, label_size=2),
    )
    nets.G(np.ones((3, 5), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1]], training=True)
    save_networks(nets, tmp_path / "snapshot.keras", {"cur_nimg": 3})
    again = load_snapshot(tmp_path / "snapshot.keras")
    assert again.get_config() == nets.get_config()
    assert_equal_networks(again, nets)
    assert again.D.options.norm == "layer"
    assert again.G.options.weight_init == "he"
    # The averages of G have moved, those of G_ema have not.
    averages = [network.synthesis.blocks[0].chain[2].mean for network in (again.G, again.G_ema)]
    assert [bool(np.any(average.numpy())) for average in averages] == [True, False]
