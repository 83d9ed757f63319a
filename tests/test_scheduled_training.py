"""Training with options that change with the images shown."""

import math

import numpy as np
import pytest
import tensorflow as tf
from support.tiny_training import (
    assert_same_checkpoints,
    checkpoint_values,
    make_tiny_dataset,
    tiny_config,
    train_tiny,
)

from msg_stylegan.augmentation.adaptive import AdaptiveProbability
from msg_stylegan.augmentation.pipeline import Augmentation
from msg_stylegan.files import read_json_lines
from msg_stylegan.kimg_schedule import KimgSchedule, schedules_of
from msg_stylegan.options import OptimizerOptions, changed
from msg_stylegan.training.ema import ema_beta
from msg_stylegan.training.optimizers import make_optimizer, present_options, ramp_up_of

# R3GAN's, shortened to the four ticks of a tiny training; and what else may be scheduled beside it.
SCHEDULED = {
    "loss.name": "relativistic_logistic",
    "loss.r1_gamma": "2@0,0.2@0.1",
    "loss.r2_gamma": "1@0,0.1@0.1",
    "optimizer.G_learning_rate": "0.003@0,0.001@0.1",
    "optimizer.D_learning_rate": "0.003@0,0.002@0.03,0.001@0.1",
    "optimizer.beta2": "0.9@0,0.99@0.1",
    "optimizer.epsilon": "1e-7@0,1e-8@0.1",
    "schedule.ema_kimg": "0@0,0.1@0.1",
    "augment.groups": ("color",),
    "augment.adaptive": False,
    "augment.probability": "0@0,0.5@0.1",
}


def images(count):
    return tf.Variable(count, dtype=tf.int64)


@pytest.mark.parametrize("name", ["Adam", "RMSprop"])
def test_an_update_is_that_of_the_present_values(name):
    """Of the same optimizer with numbers, after any number of images, and in a graph."""
    options = {"beta2": "0.9@0,0.5@1", "epsilon": "0.1@0,2@1"}
    options |= {"beta1": "0.5@0,0.1@1"} if name == "Adam" else {}
    rate = "0.5@0,0.1@1"

    def after(values, rate, cur_nimg=None):
        variable = tf.Variable([1.0, -2.0])
        group = OptimizerOptions(name=name, **values)
        optimizer = make_optimizer(group, rate, 0, [variable], cur_nimg=cur_nimg)

        @tf.function(autograph=False)
        def update():
            with present_options(optimizer):
                optimizer.apply_gradients([(tf.constant([2.0, 0.5]), variable)])

        # Twice, so that running means count.
        update()
        update()
        return variable.numpy()

    scheduled = {option: KimgSchedule(text) for option, text in options.items()}
    for nimg in (0, 300, 5000):
        numbers = {option: float(text.at(nimg)) for option, text in scheduled.items()}
        expected = after(numbers, float(KimgSchedule(rate).at(nimg)))
        ours = after(scheduled, KimgSchedule(rate), images(nimg))
        np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_one_graph_follows_the_schedules_of_an_optimizer():
    cur_nimg, variable = images(0), tf.Variable([0.0])
    options = OptimizerOptions(beta2=KimgSchedule("0.5@0,0.9@1"))
    optimizer = make_optimizer(
        options, KimgSchedule("0.1@0,0.3@1"), 0, [variable], cur_nimg=cur_nimg
    )

    @tf.function(autograph=False)
    def update(gradient):
        with present_options(optimizer):
            optimizer.apply_gradients([(gradient, variable)])

    mean, place = 0.0, 0.0
    for step, (nimg, gradient) in enumerate([(0, 1.0), (500, -2.0), (1000, 0.5)], 1):
        cur_nimg.assign(nimg)
        update(tf.constant([gradient]))
        beta2 = 0.5 + 0.4 * (1 - math.cos(math.pi * nimg / 1000)) / 2
        rate = 0.1 + 0.2 * (1 - math.cos(math.pi * nimg / 1000)) / 2
        mean = beta2 * mean + (1 - beta2) * gradient**2
        # Adam without a running mean of gradients. It corrects the bias by the present decay.
        place -= rate * gradient / math.sqrt(mean / (1 - beta2**step))
        assert float(variable[0]) == pytest.approx(place, rel=1e-5)
    assert isinstance(optimizer.beta_2, float)
    assert update.experimental_get_tracing_count() == 1


def test_a_lazy_interval_slows_schedules_down_as_it_does_numbers():
    k, nimg = 4, 300
    rate, decay = KimgSchedule("0.5@0,0.1@1"), KimgSchedule("0.9@0,0.5@1")
    group = OptimizerOptions(beta2=decay)
    optimizer = make_optimizer(
        group, rate, 0, [tf.Variable([0.0])], lazy_interval=k, cur_nimg=images(nimg)
    )
    with present_options(optimizer):
        assert float(optimizer.beta_2) ** (k + 1) == pytest.approx(float(decay.at(nimg)) ** k)
    now = float(ramp_up_of(optimizer)(optimizer.iterations))
    assert now * (k + 1) == pytest.approx(float(rate.at(nimg)) * k)


def test_a_ramp_up_rises_to_the_present_learning_rate():
    rate, cur_nimg = KimgSchedule("0.5@0,0.1@1"), images(300)
    optimizer = make_optimizer(
        OptimizerOptions(), rate, 1000, [tf.Variable([0.0])], images_per_update=8, cur_nimg=cur_nimg
    )
    optimizer.iterations.assign(49)
    expected = float(rate.at(300)) * 50 * 8 / 1000
    assert float(ramp_up_of(optimizer)(optimizer.iterations)) == pytest.approx(expected)


def test_half_lives_of_the_average():
    half_life = KimgSchedule("0@0,2@1")
    for nimg in (0, 1, 250, 1000):
        number = float(half_life.at(nimg))
        assert float(ema_beta(16, half_life.at(nimg))) == pytest.approx(ema_beta(16, number))


def test_a_probability_of_augmentation():
    augmentation = Augmentation(["scale"], KimgSchedule("0@0,1@1"))
    np.testing.assert_array_equal(augmentation.draw((1, 2), 8, nimg=0)["scale"], np.ones(8))
    assert np.all(augmentation.draw((1, 2), 8, nimg=1000)["scale"] != 1.0)
    for nimg in (0, 250, 1000):
        expected = (1 - math.cos(math.pi * nimg / 1000)) / 2
        assert float(augmentation.probability_at(nimg)) == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match=r"from 0 to 1\. Received: 0@0,1\.5@1"):
        Augmentation(["scale"], KimgSchedule("0@0,1.5@1"))


def test_target_and_time_of_an_adaptive_probability():
    adaptive = AdaptiveProbability(
        target=KimgSchedule("0.2@0,0.8@1"), kimg=KimgSchedule("1@0,2@1"), interval=1, initial=0.5
    )
    for nimg, expected in ((0, 0.6), (1000, 0.55)):
        adaptive.update(tf.constant(0.5), 100.0, tf.constant(1.0), nimg)
        assert float(adaptive.value) == pytest.approx(expected)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Four ticks without interruption."""
    folder = tmp_path_factory.mktemp("finished")
    dataset = make_tiny_dataset(folder, label_size=3)
    return train_tiny(changed(tiny_config(folder), SCHEDULED), dataset), dataset


@pytest.mark.slow
@pytest.mark.further
def test_a_resumed_training_is_bit_for_bit_the_uninterrupted_one(finished, tmp_path):
    run_dir, dataset = finished
    config = changed(tiny_config(tmp_path), SCHEDULED)
    half = train_tiny(changed(config, {"schedule.total_kimg": 0.064}), dataset)
    train_tiny(config, dataset, run_dir=half)
    assert_same_checkpoints(half, run_dir)


def test_statistics_tell_the_present_values(finished, tmp_path):
    run_dir, _ = finished
    schedules = schedules_of(changed(tiny_config(tmp_path), SCHEDULED))
    lines = read_json_lines(run_dir / "stats.jsonl")
    assert len(lines) == 4
    for line in lines:
        now = {n.removeprefix("Schedule/"): v for n, v in line.items() if n.startswith("Schedule/")}
        nimg = round(1000 * line["Progress/kimg"])
        assert now == {name: float(schedule.at(nimg)) for name, schedule in schedules.items()}
    # The mean over the images of a tick, those before each of its updates.
    expected = np.mean([float(schedules["augment.probability"].at(n)) for n in (32, 40, 48, 56)])
    assert lines[1]["Loss/augment/probability"] == pytest.approx(expected, rel=1e-5)


def test_schedules_have_no_state_and_that_of_numbers_nothing_of_them(finished, tmp_path):
    _, dataset = finished
    numbers = {
        name: value.values[0] if name in schedules else value
        for config in [changed(tiny_config(tmp_path, total_kimg=0.032), SCHEDULED)]
        for schedules in [schedules_of(config)]
        for name, value in {**SCHEDULED, **schedules}.items()
    }
    plain = train_tiny(changed(tiny_config(tmp_path, total_kimg=0.032), numbers), dataset)
    assert checkpoint_values(plain).keys() == checkpoint_values(finished[0]).keys()
    lines = read_json_lines(plain / "stats.jsonl")
    assert not any(name.startswith("Schedule/") for name in lines[-1])


@pytest.mark.slow
@pytest.mark.further
def test_a_schedule_that_stays_is_its_number_in_every_bit(finished, tmp_path):
    """Of numbers that 32 bits hold."""
    _, dataset = finished
    numbers = {
        "loss.r1_gamma": 2.0,
        "loss.r2_gamma": 1.0,
        "optimizer.beta2": 0.75,
        "optimizer.G_learning_rate": 1 / 256,
        "schedule.ema_decay": 0.5,
    }
    stays = {name: f"{value}@0,{value}@1" for name, value in numbers.items()}
    runs = [
        train_tiny(changed(tiny_config(tmp_path, total_kimg=0.032), values), dataset)
        for values in (numbers, stays)
    ]
    assert_same_checkpoints(*runs)
