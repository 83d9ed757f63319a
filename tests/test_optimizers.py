"""Optimizers by name, the learning-rate ramp-up, and the weight average."""

import numpy as np
import pytest
import tensorflow as tf
from support.tiny_run import make_networks
from tensorflow import keras

from msg_stylegan.options import OptimizerOptions
from msg_stylegan.training.ema import ema_beta, update_average
from msg_stylegan.training.optimizers import LinearRampUp, find_optimizer, make_optimizer

KERAS_3 = hasattr(keras, "ops")


def one_update(name, gradient, steps=1, rampup_images=0):
    """How far a variable at 0 moves."""
    options = OptimizerOptions(name=name)
    variable = tf.Variable(np.zeros(len(gradient), np.float32))
    optimizer = make_optimizer(options, 0.003, rampup_images, [variable])
    for _ in range(steps):
        optimizer.apply_gradients([(tf.constant(gradient, tf.float32), variable)])
    return variable.numpy()


def test_first_adam_step_is_the_learning_rate_in_the_direction_of_the_sign():
    # With beta1 = 0 the bias-corrected moments are the gradient and its square.
    np.testing.assert_allclose(one_update("Adam", [4.0, -0.5]), [-0.003, 0.003], rtol=1e-5)


def test_first_rmsprop_step():
    # Without bias correction the first step is larger by 1 / sqrt(1 - beta2).
    np.testing.assert_allclose(one_update("RMSprop", [4.0, -0.5]), [-0.03, 0.03], rtol=1e-4)


def test_ramp_up_is_linear_and_then_constant():
    schedule = LinearRampUp(0.003, 4)
    rates = [float(schedule(tf.constant(step))) for step in range(6)]
    np.testing.assert_allclose(rates, np.array([1, 2, 3, 4, 4, 4]) * 0.003 / 4, rtol=1e-6)
    assert float(LinearRampUp(0.003, 0)(tf.constant(0))) == pytest.approx(0.003)


def test_ramp_up_reaches_the_optimizer():
    moved = one_update("Adam", [1.0], steps=2, rampup_images=4)
    np.testing.assert_allclose(moved, [-0.003 * (1 + 2) / 4], rtol=1e-5)


def test_optimizers_have_all_slots_before_the_first_step(tmp_path):
    variable = tf.Variable(np.zeros(3, np.float32))
    for name in ("Adam", "RMSprop"):
        optimizer = make_optimizer(OptimizerOptions(name=name), 0.1, 0, [variable])
        checkpoint = tf.train.Checkpoint(optimizer=optimizer)
        before = len(tf.train.list_variables(checkpoint.save(str(tmp_path / f"{name}-before"))))
        optimizer.apply_gradients([(tf.ones(3), variable)])
        assert (
            len(tf.train.list_variables(checkpoint.save(str(tmp_path / f"{name}-after")))) == before
        )


def test_unknown_optimizer():
    with pytest.raises(ValueError, match="'Adamm' is unknown"):
        find_optimizer("Adamm")


@pytest.mark.skipif(not KERAS_3, reason="tensorflow-addons can be used here")
def test_addons_beside_keras_3_are_refused_with_the_reason():
    with pytest.raises(ValueError, match="cannot be imported beside Keras 3"):
        find_optimizer("tfa.RectifiedAdam")


@pytest.mark.skipif(KERAS_3, reason="tensorflow-addons cannot be imported beside Keras 3")
def test_addons_optimizers_by_name():
    assert one_update("tfa.LAMB", [4.0, -0.5])[0] < 0
    moved = one_update("tfa.RectifiedAdam", [4.0, -0.5], steps=2, rampup_images=4)
    assert moved[0] < 0 < moved[1]
    with pytest.raises(ValueError, match=r"no optimizer of that name.*tfa\.RectifiedAdam"):
        find_optimizer("tfa.RectifiedSpam")


def test_half_life_of_the_average():
    assert ema_beta(16, 10.0) == pytest.approx(0.998892, abs=1e-6)
    assert ema_beta(32, 10.0) ** (10_000 / 32) == pytest.approx(0.5)
    assert ema_beta(16, 0.0) == 0.0


@pytest.mark.parametrize("beta", [0.0, 0.75])
def test_average_moves_weights_and_copies_the_rest(beta):
    nets = make_networks(seed=3)
    before = [variable.numpy() for variable in nets.G_ema.trainable_variables]
    update_average(nets.G_ema, nets.G, beta, tf.distribute.get_strategy())
    for old, new, target in zip(
        before, nets.G_ema.trainable_variables, nets.G.trainable_variables, strict=True
    ):
        expected = beta * old + (1 - beta) * target.numpy()
        np.testing.assert_allclose(new.numpy(), expected, rtol=1e-5, atol=1e-6)
    copies = zip(nets.G_ema.non_trainable_variables, nets.G.non_trainable_variables, strict=True)
    assert all(np.array_equal(copy.numpy(), source.numpy()) for copy, source in copies)


@pytest.mark.parametrize("name", ["Adam", "RMSprop"])
def test_lazy_regularization_slows_the_optimizer_down(name):
    """k + 1 updates do what k did: the same decay and the same way of a constant gradient."""
    k = 4
    options = OptimizerOptions(name=name, beta1=0.5, beta2=0.9)
    variable = tf.Variable([0.0])
    lazy = make_optimizer(options, 0.003, 8, [variable], lazy_interval=k).get_config()
    plain = make_optimizer(options, 0.003, 8, [variable]).get_config()
    betas = {"Adam": ("beta_1", "beta_2"), "RMSprop": ("momentum", "rho")}[name]
    for beta in betas:
        assert lazy[beta] ** (k + 1) == pytest.approx(plain[beta] ** k)
    rates = [LinearRampUp(**config["learning_rate"]["config"]) for config in (lazy, plain)]
    for rounds in (1, 2):
        slow, fast = rates[0](rounds * (k + 1) - 1), rates[1](rounds * k - 1)
        assert float(slow) * (k + 1) == pytest.approx(float(fast) * k)
    assert float(rates[1](3)) < float(rates[1](7)) == pytest.approx(0.003)


def test_an_interval_of_one_changes_no_bit():
    options, variable = OptimizerOptions(), tf.Variable([0.0])
    configs = [
        make_optimizer(options, 0.003, 8, [variable], **lazy).get_config()
        for lazy in ({}, {"lazy_interval": 1})
    ]
    assert {**configs[0], "name": ""} == {**configs[1], "name": ""}
    assert (configs[0]["beta_1"], configs[0]["beta_2"]) == (options.beta1, options.beta2)
    assert configs[0]["learning_rate"]["config"]["learning_rate"] == 0.003
