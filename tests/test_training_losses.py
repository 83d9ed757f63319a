"""One training step of every loss and penalty on real networks and all their scales."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from support.tiny_run import RESOLUTION, make_networks

from msg_stylegan import losses
from msg_stylegan.kimg_schedule import KimgSchedule
from msg_stylegan.options import LossOptions, OptimizerOptions, ScheduleOptions
from msg_stylegan.training.domain_losses import DomainLosses
from msg_stylegan.training.optimizers import make_optimizer
from msg_stylegan.training.progress import Progress
from msg_stylegan.training.randomness import Stream
from msg_stylegan.training.step import TrainStep

BATCH = 8
LABELS = np.eye(3, dtype=np.float32)


@functools.cache
def networks():
    """Networks in which no weight is zero."""
    nets = make_networks(label_size=3)
    rng = np.random.default_rng(0)
    for variable in nets.G.trainable_variables + nets.D.trainable_variables:
        variable.assign_add(0.5 * rng.normal(size=variable.shape).astype(np.float32))
    return nets


def make_step(nets=None, lazy_interval=1, *, same_z=False, ema_decay=0.0, mirror=False, **loss):
    nets = nets or networks()
    optimizer = OptimizerOptions()
    return TrainStep(
        nets,
        make_optimizer(optimizer, 0.003, 0, nets.G.trainable_variables),
        make_optimizer(optimizer, 0.003, 0, nets.D.trainable_variables, lazy_interval),
        Progress().cur_nimg,
        strategy=tf.distribute.get_strategy(),
        loss=LossOptions(**{"r1_gamma": 0.0, **loss}),
        schedule=ScheduleOptions(
            batch_size=BATCH, ema_kimg=1.0, ema_decay=ema_decay, same_z=same_z
        ),
        mirror=mirror,
        label_rows=[LABELS],
        noise_mode="const",
    )


def batch(seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (BATCH, RESOLUTION, RESOLUTION, 1), np.uint8)
    return {
        "images": tf.constant(images),
        "labels": tf.constant(LABELS[rng.permutation(BATCH) % len(LABELS)]),
    }


def inputs(seed=0):
    """Arguments of `D_gradients`."""
    z = np.random.default_rng(seed + 50).normal(size=(BATCH, 8)).astype(np.float32)
    return batch(seed)["images"], batch(seed)["labels"], tf.constant(z)


def assert_trains_everything(gradients, variables, but=()):
    for gradient, variable in zip(gradients, variables, strict=True):
        assert np.all(np.isfinite(gradient)), variable.name
        is_excused = any(variable is other for other in but)
        assert is_excused or np.any(np.abs(gradient) > 0), variable.name


@pytest.mark.parametrize("name", losses.LOSSES)
def test_every_loss_trains_every_parameter(name):
    step = make_step(name=name)
    images, labels, z = inputs()
    gradients, stats = step.domains[0].D_gradients(images, labels, z)
    # A shift of all logits alike changes no difference of logits.
    but = [step.nets.D.blocks[0].dense1.bias] if name.startswith("relativistic") else []
    assert_trains_everything(gradients, step.nets.D.trainable_variables, but)
    assert all(np.isfinite(value) for value in stats.values())
    reals = (images, labels) if step.domains[0].loss.G_needs_reals else None
    gradients, stats = step.G_gradients(z, [labels], reals=[reals])
    assert_trains_everything(gradients, step.nets.G.trainable_variables)
    assert np.isfinite(stats["Loss/G/loss"])


PENALTIES = {
    "r1": {"r1_gamma": 3.0},
    "r2": {"r2_gamma": 3.0},
    "r1 and r2": {"r1_gamma": 3.0, "r2_gamma": 2.0, "name": "relativistic_hinge"},
    "gradient": {"name": "wgan_gp", "gp_lambda": 10.0, "gp_target": 2.0},
}


@pytest.mark.parametrize("penalty", PENALTIES)
def test_lazy_regularization_is_the_same_gradient_in_two_parts(penalty):
    """Loss + penalty = loss alone + (k times the penalty) / k, in gradients and statistics."""
    k = 4
    whole, whole_stats = make_step(**PENALTIES[penalty]).domains[0].D_gradients(*inputs())
    lazy = make_step(**PENALTIES[penalty], penalty_interval=k)
    part, part_stats = lazy.domains[0].D_gradients(*inputs())
    rest, rest_stats = lazy.domains[0].penalty_gradients(*inputs())
    # Between the kinks of its nonlinearity the gradient of D knows its kernels only.
    variables = lazy.nets.D.trainable_variables
    assert_trains_everything(rest, variables, but=[v for v in variables if "bias" in v.name])
    for a, b, c in zip(whole, part, rest, strict=True):
        scale = np.abs(a).max()
        np.testing.assert_allclose(a / scale, (b + c / k) / scale, rtol=0, atol=2e-5)
    for name, value in whole_stats.items():
        both = float(part_stats[name]) + float(rest_stats.get(name, 0.0)) / k
        assert both == pytest.approx(float(value), rel=1e-4), name
    assert part_stats.keys() == whole_stats.keys()
    assert rest_stats.keys() < whole_stats.keys()


def test_penalties_have_their_weights_in_the_loss():
    plain = make_step(name="wgan").domains[0].D_gradients(*inputs())[1]
    stats = make_step(name="wgan", r1_gamma=3.0, r2_gamma=5.0).domains[0].D_gradients(*inputs())[1]
    expected = (
        plain["Loss/D/loss"] + 1.5 * stats["Loss/r1_penalty"] + 2.5 * stats["Loss/r2_penalty"]
    )
    assert float(stats["Loss/D/loss"]) == pytest.approx(float(expected), rel=1e-4)
    stats = (
        make_step(name="wgan_gp", gp_lambda=8.0, gp_target=2.0).domains[0].D_gradients(*inputs())[1]
    )
    expected = plain["Loss/D/loss"] + 8 / 4 * stats["Loss/gradient_penalty"]
    assert float(stats["Loss/D/loss"]) == pytest.approx(float(expected), rel=1e-4)


def test_lazy_updates_come_at_their_turn_and_in_statistics_once():
    """The turn follows from the images shown, so that a resumed run repeats it."""
    step = make_step(make_networks(label_size=3), 2, r1_gamma=1.0, penalty_interval=2)
    numbers, penalties = [], []
    for index in range(4):
        stats = step.update_D([batch(index)])
        step.cur_nimg.assign_add(BATCH)
        numbers.append(int(step.D_opt.iterations))
        penalties.append(float(stats["Loss/r1_penalty"]))
        assert float(stats["D_updates"]) == 1.0
        assert float(stats["D_skipped"]) == 0.0
    assert numbers == [2, 3, 5, 6]
    assert [penalty > 0 for penalty in penalties] == [True, False, True, False]


def test_lazy_penalty_that_is_not_finite_is_skipped_and_counted():
    step = make_step(make_networks(label_size=3), 2, r1_gamma=1e38, penalty_interval=10_000)
    stats = step.update_D([batch()])
    assert int(step.D_opt.iterations) == 1
    assert (float(stats["D_updates"]), float(stats["D_skipped"])) == (1.0, 0.0)
    assert (float(stats["D_penalty_updates"]), float(stats["D_penalty_skipped"])) == (0.0, 1.0)
    assert np.isfinite(float(stats["Loss/D/loss"]))


def test_every_list_of_images_takes_the_same_way_into_the_discriminator(monkeypatch):
    step = make_step(name="relativistic_hinge", r1_gamma=1.0, r2_gamma=1.0)
    gp_step = make_step(name="hinge_gp")
    seen = []

    def see(self, images, labels, stream):
        seen.append(stream)
        return self.networks.D(images, labels)

    monkeypatch.setattr(DomainLosses, "_see", see)
    images, labels, z = inputs()
    step.domains[0].D_gradients(images, labels, z)
    assert seen == [Stream.REALS_OF_D, Stream.FAKES_OF_D]
    seen.clear()
    step.G_gradients(z, [labels], reals=[(images, labels)])
    assert seen == [Stream.FAKES_OF_G, Stream.REALS_OF_G]
    seen.clear()
    gp_step.domains[0].D_gradients(images, labels, z)
    assert seen == [Stream.REALS_OF_D, Stream.FAKES_OF_D, Stream.MIXED_OF_D]


@pytest.mark.parametrize("same_z", [False, True])
def test_the_generator_can_take_the_latents_and_reals_of_the_discriminator(monkeypatch, same_z):
    step = make_step(name="relativistic_hinge", same_z=same_z, mirror=True)
    given = {}

    def D_gradients(reals, labels, z, seed, mixing):
        given["D"] = (z, reals, labels)
        return [], {}

    def G_gradients(z, labels, seed, reals, mixing):
        given["G"] = (z, *reals[0])
        return [], {}

    monkeypatch.setattr(step.domains[0], "D_gradients", D_gradients)
    monkeypatch.setattr(step, "G_gradients", G_gradients)
    step._D_replica_step([batch()])
    step.cur_nimg.assign_add(BATCH)
    step._G_replica_step([batch()])
    assert np.array_equal(given["D"][0], given["G"][0]) == same_z
    # Mirrored in the same way.
    for of_D, of_G in zip(given["D"][1:], given["G"][1:], strict=True):
        np.testing.assert_array_equal(of_D, of_G)


@pytest.mark.parametrize("name, same", [("relativistic_logistic", True), ("logistic", False)])
def test_fakes_have_the_labels_of_the_reals_that_they_are_compared_with(monkeypatch, name, same):
    step, given = make_step(name=name), []
    monkeypatch.setattr(
        step, "G_gradients", lambda z, labels, seed, reals, mixing: given.extend(labels) or ([], {})
    )
    step.cur_nimg.assign_add(BATCH)
    step._G_replica_step([batch()])
    assert np.array_equal(given[0], batch()["labels"]) == same


def test_noisy_targets_are_drawn_once_per_update():
    step = make_step(name="lsgan", label_noise=0.3)
    targets = []
    for _ in range(200):
        loss = step.domains[0]._noisy_loss()
        targets.append((float(loss.real_target), float(loss.fake_target)))
        step.cur_nimg.assign_add(BATCH)
    again = make_step(name="lsgan", label_noise=0.3).domains[0]._noisy_loss()
    assert (float(again.real_target), float(again.fake_target)) == targets[0]
    np.testing.assert_allclose(np.mean(targets, axis=0), [1.0, 0.0], atol=0.08)
    np.testing.assert_allclose(np.std(targets, axis=0), 0.3, atol=0.05)
    assert make_step(name="lsgan").domains[0]._noisy_loss().real_target == 1.0


def test_noise_of_targets_can_have_a_schedule():
    scheduled = make_step(name="lsgan", label_noise=KimgSchedule("0@0,0.3@0.008"))
    assert float(scheduled.domains[0]._noisy_loss().real_target) == 1.0
    plain = make_step(name="lsgan", label_noise=0.3)
    targets = []
    for step in (scheduled, plain):
        step.cur_nimg.assign_add(BATCH)
        loss = step.domains[0]._noisy_loss()
        targets.append((float(loss.real_target), float(loss.fake_target)))
    assert targets[0] == targets[1]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    "numbers, schedules",
    [
        ({"r1_gamma": 3.0}, {"r1_gamma": "9@0,3@1"}),
        (
            {"name": "wgan_gp", "gp_lambda": 8.0, "gp_target": 2.0},
            {"gp_lambda": "1@0,8@1", "gp_target": "1@0,2@1"},
        ),
    ],
)
def test_penalties_weigh_what_they_do_at_the_present_image(numbers, schedules, lazy):
    results = []
    for own in ({}, {name: KimgSchedule(text) for name, text in schedules.items()}):
        step = make_step(**{**numbers, **own, "penalty_interval": 4 if lazy else 1})
        step.cur_nimg.assign(1000)
        domain = step.domains[0]
        results.append((domain.penalty_gradients if lazy else domain.D_gradients)(*inputs()))
    (expected, expected_stats), (gradients, stats) = results
    for ours, other in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-5 * np.abs(other).max())
    for name, value in expected_stats.items():
        assert float(stats[name]) == pytest.approx(float(value), rel=1e-5)


def test_noisy_targets_reach_the_loss_of_the_discriminator_only():
    noisy, plain = make_step(name="lsgan", label_noise=0.3), make_step(name="lsgan")
    images, labels, z = inputs()
    a, b = (
        float(s.domains[0].D_gradients(images, labels, z)[1]["Loss/D/loss"]) for s in (noisy, plain)
    )
    assert abs(a - b) > 1e-3
    a, b = (float(s.G_gradients(z, [labels])[1]["Loss/G/loss"]) for s in (noisy, plain))
    assert a == pytest.approx(b, rel=1e-5)


def test_decay_of_the_average():
    assert make_step(ema_decay=0.999).ema_beta == 0.999
    assert make_step().ema_beta == 0.5 ** (BATCH / 1000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "hinge", "label_noise": 0.3}, "loss.label_noise=0.3.*only lsgan"),
        ({"name": "wgan_gp", "r1_gamma": 10.0}, "set loss.r1_gamma=0 and loss.r2_gamma=0"),
        ({"penalty_interval": 16}, "loss.penalty_interval=16.*1 without a penalty"),
        ({"r1_gamma": -1.0}, "loss.r1_gamma=-1.0: must be at least 0"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(ValueError, match=message):
        make_step(**options)


def test_penalty_of_a_loss_without_one_is_off():
    assert make_step(name="wgan", gp_lambda=10.0).regularization.names == ()
    regularization = make_step(name="wgan_gp").regularization
    assert regularization.names == ("gradient",)
    assert regularization.total({"gradient": 1.0}) == 10.0
