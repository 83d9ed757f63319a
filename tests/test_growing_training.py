"""Whole trainings that grow, small ones: 4 -> 8 -> 16 pixels."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.tiny_training import (
    assert_same_checkpoints,
    checkpoint_values,
    make_tiny_dataset,
    tiny_config,
    train_tiny,
)

from msg_stylegan import load_networks, options
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.files import read_json_lines
from msg_stylegan.training.optimizers import make_optimizer, reset_optimizer
from msg_stylegan.training.training_state import TrainingState

LSGAN = {"loss.name": "lsgan", "loss.label_noise": 0.3, "loss.r1_gamma": 0.0}
WGAN_GP = {"loss.name": "wgan_gp", "loss.r1_gamma": 0.0}


def growing_config(folder, total_kimg, loss):
    """4: 0 to 16. 8: fade to 40, stable to 56. 16: fade to 80, stable from then on."""
    return options.changed(
        tiny_config(folder, tick_kimg=0.016, total_kimg=total_kimg),
        {
            "generator.body": "progan",
            "generator.mapping_layers": 0,
            "discriminator.body": "progan",
            "discriminator.mbstd_blocks": "last",
            "growing.start_resolution": 4,
            "growing.fade_kimg": 0.024,
            "growing.stabilize_kimg": 0.016,
            "growing.batch_sizes": ("8:4",),
            **loss,
        },
    )


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_tiny_dataset(folder)
    return folder / "tiny"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data_folder):
    """From 4x4 to 8x8 without interruption; the last item is what was evaluated, in kimg."""
    folder = tmp_path_factory.mktemp("finished")
    dataset = TFRecordDataset(data_folder, resolution=8)
    evaluated = []

    def evaluate(nets, snapshot, kimg, writer, on_best):
        assert nets.G_ema.resolution == 8
        evaluated.append(kimg)

    config = growing_config(folder, 0.056, LSGAN)
    return train_tiny(config, dataset, evaluate=evaluate), config, dataset, evaluated


def test_every_stage_is_announced(tmp_path, data_folder, capsys):
    train_tiny(growing_config(tmp_path, 0.024, LSGAN), TFRecordDataset(data_folder, resolution=8))
    said = capsys.readouterr().out.splitlines()
    starts = [line.rpartition(" in batches of ")[0] for line in said if "in batches of" in line]
    assert starts == ["4x4 stabilize, to 0.016 kimg", "8x8 fade, to 0.024 kimg"]


def test_a_growth_resumed_inside_a_fade_is_bit_for_bit_the_uninterrupted_one(finished, tmp_path):
    run_dir, config, dataset, _ = finished
    half_dir = train_tiny(growing_config(tmp_path, 0.024, LSGAN), dataset)
    stopped = checkpoint_values(half_dir)
    assert stopped["progress/cur_nimg/.ATTRIBUTES/VARIABLE_VALUE"] == 24

    # The snapshot opens inside the fade. Its last update began after 20 images, 4 into the fade.
    nets = load_networks(half_dir)
    for network in (nets.G, nets.G_ema, nets.D):
        assert network.resolution == 8
        assert network.get_config()["is_fading"]
        assert float(np.asarray(network.alpha)) == pytest.approx(4 / 24)
    (images,) = nets.G_ema(np.zeros((3, 8), np.float32))
    assert images.shape == (3, 8, 8, 1)

    train_tiny(config, dataset, run_dir=half_dir)
    assert_same_checkpoints(half_dir, run_dir)


def test_files_of_a_growing_run(finished):
    run_dir, _, _, evaluated = finished
    for res in (4, 8):
        pictures = sorted((run_dir / f"{res}x{res}").glob("fakes*.png"))
        with Image.open(pictures[0]) as picture:
            assert picture.size == (4 * res, 2 * res)
    assert (run_dir / "reals.png").exists()
    # At the end of every tick and of every stage.
    lines = read_json_lines(run_dir / "stats.jsonl")
    kimgs = [line["Progress/kimg"] for line in lines]
    assert kimgs == [0.016, 0.032, 0.040, 0.048, 0.056]
    assert all(np.isfinite(list(line.values())).all() for line in lines)
    assert [line["Progress/G_updates"] for line in lines] == [2, 4, 2, 2, 2]
    # Scores of lower resolutions and of mixtures would mean nothing.
    assert evaluated == [0.056]
    nets = load_networks(run_dir)
    assert nets.G_ema.get_config()["is_fading"] is False
    assert float(np.asarray(nets.G_ema.alpha)) == 1.0


@pytest.mark.slow
@pytest.mark.further
def test_two_levels_with_a_gradient_penalty(data_folder, tmp_path):
    dataset = TFRecordDataset(data_folder)
    whole = growing_config(tmp_path / "whole", 0.096, WGAN_GP)
    run_dir = train_tiny(whole, dataset)
    # Inside the fade to 16x16, and at the boundary before it, where levels up to 8x8 are trained.
    for stop_kimg, trained in ((0.068, (4, 8, 16)), (0.056, (4, 8))):
        half = growing_config(tmp_path / str(stop_kimg), stop_kimg, WGAN_GP)
        half_dir = train_tiny(half, dataset)
        start = TrainingState(half, tmp_path / "new", [dataset], tf.distribute.get_strategy())
        later = load_networks(half_dir)
        for blocks in (lambda n: n.G.synthesis.blocks, lambda n: n.D.blocks):
            for one, two in zip(blocks(start.nets), blocks(later), strict=True):
                same = [np.array_equal(a, b) for a, b in zip(one.weights, two.weights, strict=True)]
                assert all(same) == (one.resolution not in trained)
        train_tiny(whole, dataset, run_dir=half_dir)
        assert_same_checkpoints(half_dir, run_dir)


@pytest.mark.parametrize("name", ["Adam", "RMSprop"])
def test_a_reset_optimizer_is_a_new_one(name, tmp_path):
    config = options.changed(tiny_config(tmp_path), {"optimizer.name": name})
    start = np.array([1.0, -2.0], np.float32)

    def updates(optimizer, variable):
        variable.assign(start)
        for gradient in ([1.0, 2.0], [-3.0, 0.5]):
            optimizer.apply_gradients([(tf.constant(gradient), variable)])
        return variable.numpy()

    variable = tf.Variable(start)
    optimizer = make_optimizer(config.optimizer, 0.1, 0, [variable])
    first = updates(optimizer, variable)
    assert np.abs(updates(optimizer, variable) - first).max() > 1e-4
    reset_optimizer(optimizer)
    np.testing.assert_array_equal(updates(optimizer, variable), first)
