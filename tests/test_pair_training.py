"""Trainings of two domains as a pair, small ones."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.network_weights import assert_equal_networks
from support.tiny_training import (
    assert_same_checkpoints,
    checkpoint_values,
    make_tiny_pair,
    tiny_config,
    train_tiny,
)

from msg_stylegan import load_networks
from msg_stylegan.coupling.sharing import shared_variables
from msg_stylegan.files import read_json_lines
from msg_stylegan.networks import snapshots_of_run
from msg_stylegan.options import changed
from msg_stylegan.training.training_state import TrainingState

JUDGES = {"classifier": lambda images: tf.reduce_mean(images, axis=(1, 2, 3))[:, None]}
COUPLED = {
    "coupling.sharing": "mapping",
    "coupling.feature": 10.0,
    "coupling.weights": 1.0,
    "coupling.semantic": 10.0,
    "coupling.classifier": "c.keras",
    "coupling.cycle": 1.0,
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_tiny_pair(tmp_path_factory.mktemp("data"))


def config_of(folder, pair, changes=COUPLED, **schedule):
    return changed(tiny_config(folder, **schedule), {**pair[1], **changes})


def train(folder, pair, changes=COUPLED, run_dir=None, **schedule):
    config = config_of(folder, pair, changes, **schedule)
    return train_tiny(config, pair[0], run_dir, judges=JUDGES)


@pytest.fixture(scope="module")
def finished(pair, tmp_path_factory):
    return train(tmp_path_factory.mktemp("run"), pair, total_kimg=0.064)


@pytest.mark.slow
@pytest.mark.further
def test_a_resumed_pair_is_bit_for_bit_the_uninterrupted_one(finished, pair, tmp_path):
    half = train(tmp_path, pair, total_kimg=0.040)
    train(tmp_path, pair, run_dir=half, total_kimg=0.064)
    assert_same_checkpoints(half, finished)


def test_everything_is_in_the_statistics(finished):
    line = read_json_lines(finished / "stats.jsonl")[-1]
    for name in ("feature", "weights", "semantic", "cycle"):
        assert np.isfinite(line[f"Loss/coupling/{name}"]) and line[f"Loss/coupling/{name}"] > 0
    for name in ("D/loss", "G/loss", "scores/real", "scores/fake", "r1_penalty"):
        assert line[f"Loss/{name}"] != line[f"Loss/{name}_b"]
    assert line["Progress/D_updates"] == line["Progress/G_updates"] == 4


def test_pairs_are_side_by_side_at_every_scale(finished, pair):
    nets = load_networks(finished)
    for side in (4, 8, 16):
        with Image.open(finished / f"{side}x{side}" / "fakes000000_064.png") as picture:
            assert picture.size == (4 * side, 2 * side) and picture.mode == "RGB"
            grid = np.asarray(picture)
        gray = grid[:, :side], grid[:, 2 * side : 3 * side]
        for images in gray:
            assert (images == images[..., :1]).all()
        in_colour = grid[:, side : 2 * side]
        assert (in_colour != in_colour[..., :1]).any()
    assert nets.is_pair
    for name in ("reals.png", "reals_b.png"):
        with Image.open(finished / name) as picture:
            assert picture.size == (2 * 16, 2 * 16)


def test_a_snapshot_holds_both_domains_and_the_encoder(finished):
    path = snapshots_of_run(finished)[-1]
    nets = load_networks(path)
    assert set(nets.members) == {"G", "D", "G_ema", "G_b", "D_b", "G_ema_b", "E"}
    assert_equal_networks(nets, load_networks(path))
    assert (nets.G_ema.num_channels, nets.G_ema_b.num_channels, nets.E.num_channels) == (1, 3, 3)
    z = np.random.default_rng(0).normal(size=(2, 8)).astype(np.float32)
    for name, G in (("a", nets.G_ema), ("b", nets.G_ema_b)):
        alone = nets.of_domain(name)
        assert set(alone.members) == {"G", "D", "G_ema"} and not alone.is_pair
        for image, expected in zip(
            alone.G_ema(z, noise_mode="const"), G(z, noise_mode="const"), strict=True
        ):
            np.testing.assert_array_equal(image, expected)


def test_shared_weights_stay_equal_in_every_bit(pair, tmp_path):
    config = config_of(tmp_path, pair, {"coupling.sharing": "hard"}, total_kimg=0.016)
    at_start = TrainingState(config, tmp_path, pair[0], tf.distribute.get_strategy()).nets
    nets = load_networks(train_tiny(config, pair[0]))
    of_a, of_b = (shared_variables(domain, config.coupling) for domain in nets.domains)
    before = shared_variables(at_start.domains[0], config.coupling)
    for name, variables in of_a.items():
        assert variables
        for a, b in zip(variables, of_b[name], strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        moved = [
            np.any(np.asarray(a) != np.asarray(start))
            for a, start in zip(variables, before[name], strict=True)
        ]
        assert np.mean(moved) > 0.8
    own = [np.asarray(G.synthesis.blocks[0].torgb.kernel)[..., :1] for G in (nets.G, nets.G_b)]
    assert np.any(own[0] != own[1])


@pytest.mark.slow
def test_domains_without_coupling_train_as_if_alone(pair, tmp_path):
    uncoupled = {"augment.groups": ("color",), "augment.probability": 0.5}
    (tmp_path / "alone").mkdir()
    both = train(tmp_path, pair, uncoupled, total_kimg=0.032)
    alone = train_tiny(
        changed(tiny_config(tmp_path / "alone", total_kimg=0.032), uncoupled), pair[0][0]
    )
    ours, expected = load_networks(both), load_networks(alone)
    for name, network in expected.members.items():
        for a, b in zip(ours.members[name].variables, network.variables, strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-5)


@pytest.mark.slow
def test_each_domain_may_have_an_augmentation_of_its_own(pair, tmp_path):
    adaptive = {"augment.groups": ("blit",), "augment.interval": 1, "augment.kimg": 0.5}
    apart = {**adaptive, "coupling.same_augmentation": False}
    values = checkpoint_values(train(tmp_path, pair, apart, total_kimg=0.016))
    assert sum("adaptive/value" in name for name in values) == 2
    values = checkpoint_values(train(tmp_path, pair, adaptive, total_kimg=0.016))
    assert sum("adaptive/value" in name for name in values) == 1


def test_info_of_a_domain():
    from msg_stylegan.networks.snapshot import info_of_domain

    dataset = {"path": "a", "path_b": "b", "mirror": True}
    info = {"options": {"dataset": dataset, "seed": 3}, "dataset": "A", "dataset_b": "B"}
    info |= {"fingerprint": "1", "fingerprint_b": "2", "labels": {"kind": "vectors"}}
    info |= {"labels_b": {"kind": "classes"}, "cur_nimg": 5}
    ours = json.loads(json.dumps(info_of_domain(info, "b")))
    assert ours == {
        "options": {"dataset": {"path": "b", "mirror": True}, "seed": 3},
        "dataset": "B",
        "fingerprint": "2",
        "labels": {"kind": "classes"},
        "cur_nimg": 5,
        "domain": "b",
    }
    ours = info_of_domain(info, "a")
    assert (ours["dataset"], ours["options"]["dataset"]["path"]) == ("A", "a")
    assert ours["labels"] == {"kind": "vectors"}
    del info["labels_b"]
    assert "labels" not in info_of_domain(info, "b")
