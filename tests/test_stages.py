"""The stages of a training, as a function of the number of images."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from support.stored_data_sets import write_records

from msg_stylegan.commands.train_report import summary
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.options import changed
from msg_stylegan.presets import get_preset
from msg_stylegan.training.reals import fade_images
from msg_stylegan.training.stages import stage_at, stages_of


def pggan(resolution=256, **growing):
    config = changed(
        get_preset("pggan_celeba"), {f"growing.{name}": value for name, value in growing.items()}
    )
    return stages_of(config, resolution)


def test_ordinary_training_is_one_stage_without_an_end():
    (stage,) = stages_of(get_preset("ffhq512"), 512)
    assert (stage.resolution, stage.start, stage.batch_size) == (512, 0, 16)
    assert not stage.is_fading
    assert stage.end == math.inf
    assert stage.is_last


def test_the_stages_of_pggan():
    stages = pggan()
    sides = [4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256]
    assert [stage.resolution for stage in stages] == sides
    assert [stage.is_fading for stage in stages] == [False] + [True, False] * 6
    assert [stage.start for stage in stages] == [600_000 * i for i in range(13)]
    # As long as all stages.
    assert get_preset("pggan_celeba").schedule.total_kimg == 13 * 600
    batches = {stage.resolution: stage.batch_size for stage in stages}
    assert batches == {4: 16, 8: 16, 16: 16, 32: 16, 64: 8, 128: 4, 256: 4}


@pytest.mark.parametrize("fade_kimg", [0.0, 0.017, 3.0])
def test_stages_follow_each_other_without_gap(fade_kimg):
    stages = pggan(64, fade_kimg=fade_kimg, stabilize_kimg=0.1)
    assert stages[0].start == 0
    for one, two in itertools.pairwise(stages):
        assert one.end == two.start
        assert stage_at(stages, one.end - 1) is one
        assert stage_at(stages, one.end) is two
    assert [stage.is_last for stage in stages] == [False] * (len(stages) - 1) + [True]
    assert stage_at(stages, 10**9) is stages[-1]
    assert any(stage.is_fading for stage in stages) == (fade_kimg > 0)


def test_growth_is_continuous_and_never_goes_back():
    """Resolution reached as a real number: log2 of the side, with the share of the new level."""
    stages = pggan(32, fade_kimg=0.05, stabilize_kimg=0.03)
    reached = [(stage_at(stages, nimg), nimg) for nimg in range(400)]
    levels = [np.log2(stage.resolution) - 1 + float(stage.alpha(nimg)) for stage, nimg in reached]
    steps = np.diff(levels)
    assert (levels[0], levels[-1]) == (2, 5)
    assert steps.min() >= 0
    assert steps.max() <= 1 / 50 + 1e-6


def test_alpha_goes_from_0_to_1_in_a_fade_and_is_1_elsewhere():
    plain, fade = pggan(8)[:2]
    for nimg, expected in ((0, 0), (12_345, 12_345 / 600_000), (600_000, 1), (600_007, 1)):
        of_number = fade.alpha(fade.start + nimg)
        of_variable = fade.alpha(tf.Variable(fade.start + nimg, dtype=tf.int64))
        assert float(of_number) == float(of_variable) == pytest.approx(expected, abs=1e-7)
        assert float(plain.alpha(nimg)) == 1


def test_batch_sizes_hold_from_their_resolution_on():
    def sizes(*texts):
        return [stage.batch_size for stage in pggan(128, fade_kimg=0.0, batch_sizes=texts)]

    assert sizes() == [16] * 6
    assert sizes("64:8", "4:64") == [64] * 4 + [8] * 2


@pytest.mark.parametrize(
    "preset, words",
    [("ffhq512", "batch of 8 images on each"), ("progan", "batch of 8 images, then 4, then 2 on")],
)
def test_the_report_names_the_batches_of_all_stages(preset, words, tmp_path):
    config = changed(get_preset(preset), {"dataset.resolution": 0})
    write_records(tmp_path / "a", np.zeros((1, 512, 512, 3), np.uint8))
    assert words in summary(config, tmp_path, [TFRecordDataset(tmp_path / "a")], num_replicas=2)


def test_reals_become_sharp_in_a_fade():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    sharp = images.astype(np.float32)
    blurred = sharp.reshape(3, 4, 2, 4, 2, 1).mean(axis=(2, 4)).repeat(2, axis=1).repeat(2, axis=2)
    for alpha in (0.0, 0.25, 1.0):
        expected = alpha * sharp + (1 - alpha) * blurred
        np.testing.assert_allclose(fade_images(images, alpha), expected, atol=1e-3)
