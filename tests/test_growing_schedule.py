"""The schedule of progressive growing, as a function of the number of images."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from msg_stylegan.training.growing import GrowingSchedule, read_batch_sizes
from msg_stylegan.training.growing_step import alpha_of, fade_reals

PGGAN_BATCHES = ("4:16", "64:8", "128:4")


def pggan(resolution=256, **options):
    defaults = {"fade_kimg": 600, "stabilize_kimg": 600, "batch_size": 16}
    return GrowingSchedule(resolution, 4, **{**defaults, "batch_sizes": PGGAN_BATCHES, **options})


def test_the_stages_of_pggan():
    schedule = pggan()
    sides = [4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256]
    assert [stage.resolution for stage in schedule.stages] == sides
    assert [stage.is_fading for stage in schedule.stages] == [False] + [True, False] * 6
    assert [stage.end - stage.start for stage in schedule.stages] == [600_000] * 13
    assert schedule.total_kimg == 7800
    batches = {stage.resolution: stage.batch_size for stage in schedule.stages}
    assert batches == {4: 16, 8: 16, 16: 16, 32: 16, 64: 8, 128: 4, 256: 4}
    iterations = [600_000 // stage.batch_size for stage in schedule.stages]
    assert iterations == [37_500] * 7 + [75_000] * 2 + [150_000] * 4


@pytest.mark.parametrize("fade_kimg", [0, 0.017, 3])
def test_stages_follow_each_other_without_gap(fade_kimg):
    schedule = pggan(64, fade_kimg=fade_kimg, stabilize_kimg=0.1)
    assert schedule.stages[0].start == 0
    for one, two in itertools.pairwise(schedule.stages):
        assert one.end == two.start
        assert schedule.stage_at(one.end - 1) is one
        assert schedule.stage_at(one.end) is two
        assert (two.resolution, two.is_fading) > (one.resolution, not one.is_fading) or (
            two.resolution == one.resolution
        )
    last = schedule.stages[-1]
    assert schedule.stage_at(last.end + 10**9) is last
    assert any(stage.is_fading for stage in schedule.stages) == (fade_kimg > 0)


def level(schedule, nimg):
    """Resolution reached as a real number: log2 of the side, with the share of the new level."""
    stage = schedule.stage_at(nimg)
    return np.log2(stage.resolution) - 1.0 + stage.alpha(nimg)


def test_growth_is_continuous_and_never_goes_back():
    schedule = pggan(32, fade_kimg=0.05, stabilize_kimg=0.03)
    levels = np.array([level(schedule, nimg) for nimg in range(400)])
    steps = np.diff(levels)
    assert levels[0] == 2
    assert levels[-1] == 5
    assert steps.min() >= 0
    assert steps.max() <= 1 / 50 + 1e-9


def test_the_stage_depends_on_the_number_of_images_alone():
    schedule, again = pggan(32), pggan(32)
    for nimg in np.random.default_rng(0).integers(0, 5_000_000, 50):
        assert schedule.stage_at(nimg) == again.stage_at(nimg)
        stage = schedule.stage_at(nimg)
        assert stage.start <= nimg < stage.end or stage is schedule.stages[-1]
        assert 0 <= stage.alpha(nimg) <= 1


def test_alpha_in_the_graph_is_that_of_the_schedule():
    schedule = pggan(16)
    for stage in schedule.stages:
        for nimg in (stage.start, stage.start + 12_345, stage.end, stage.end + 7):
            tensor = alpha_of(stage, tf.constant(nimg, tf.int64))
            assert float(tensor) == pytest.approx(stage.alpha(nimg), abs=1e-6)


def test_batch_sizes_hold_from_their_resolution_on():
    assert read_batch_sizes((), 32) == {4: 32}
    assert read_batch_sizes(("64:8", "4:64"), 32) == {4: 64, 64: 8}
    for text in ("64", "64:", ":8", "a:b", "64:0", "2:8", "64:8.5", ""):
        with pytest.raises(ValueError, match=r"growing\.batch_sizes"):
            read_batch_sizes((text,), 32)


def test_impossible_schedules_are_refused():
    with pytest.raises(ValueError, match=r"growing\.start_resolution=64"):
        GrowingSchedule(32, 64, 1, 1, 16)
    with pytest.raises(ValueError, match=r"growing\.start_resolution=5"):
        GrowingSchedule(32, 5, 1, 1, 16)
    for lengths in ((-1, 1), (1, 0)):
        with pytest.raises(ValueError, match=r"growing\.fade_kimg"):
            GrowingSchedule(32, 4, *lengths, 16)


@pytest.mark.parametrize("parts", [1, 2])
def test_reals_become_sharp_in_a_fade(parts):
    stage = GrowingSchedule(8, 4, 0.016, 0.008, 4).stages[1]
    assert stage.is_fading
    images = np.random.default_rng(0).integers(0, 256, (8, 4 // parts, 8, 8, 1), np.uint8)
    batches = tf.data.Dataset.from_tensor_slices({"images": images, "labels": np.zeros((8, 1))})
    start = stage.start + 2
    for index, batch in enumerate(fade_reals(batches, stage, start, parts)):
        alpha = stage.alpha(start + index // parts * 4)
        sharp = images[index].astype(np.float32)
        means = sharp.reshape(-1, 4, 2, 4, 2, 1).mean(axis=(2, 4))
        blurred = means.repeat(2, axis=1).repeat(2, axis=2)
        expected = alpha * sharp + (1 - alpha) * blurred
        np.testing.assert_allclose(batch["images"], expected, atol=1e-3)
    stable = GrowingSchedule(8, 4, 1, 1, 4).stages[0]
    assert fade_reals(batches, stable, 0) is batches
