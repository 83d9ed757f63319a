"""Closed forms of the adversarial losses, and what every one of them has in common."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from support.plain_operations import normal

from msg_stylegan import losses


def softplus(x):
    return np.logaddexp(0.0, x)


def relu(x):
    return np.maximum(x, 0.0)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def hinge_of_differences(a, b):
    return relu(1 - (a - b.mean())) + relu(1 + (b - a.mean()))


# Name -> loss of D and of G, functions of the logits of reals and of fakes.
FORMULAS = {
    "logistic": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: softplus(-f)),
    "logistic_saturating": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: -softplus(f)),
    "standard": (
        lambda r, f: -(np.log(sigmoid(r)) + np.log(1 - sigmoid(f))) / 2,
        lambda r, f: -np.log(sigmoid(f)),
    ),
    "hinge": (lambda r, f: relu(1 - r) + relu(1 + f), lambda r, f: -f),
    "hinge_gp": (lambda r, f: relu(1 - r) + relu(1 + f), lambda r, f: -f),
    "relativistic_logistic": (lambda r, f: softplus(f - r), lambda r, f: softplus(r - f)),
    "relativistic_hinge": (hinge_of_differences, lambda r, f: hinge_of_differences(f, r)),
    "wgan": (lambda r, f: f - r + 0.001 * r**2, lambda r, f: -f),
    "wgan_gp": (lambda r, f: f - r + 0.001 * r**2, lambda r, f: -f),
    "lsgan": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda r, f: (f - 1) ** 2 / 2),
    "lsgan_sigmoid": (
        lambda r, f: ((sigmoid(r) - 1) ** 2 + sigmoid(f) ** 2) / 2,
        lambda r, f: (sigmoid(f) - 1) ** 2 / 2,
    ),
    "lsgan_square_of_means": (
        lambda r, f: ((r.mean() - 1) ** 2 + f.mean() ** 2) / 2,
        lambda r, f: (f.mean() - 1) ** 2 / 2,
    ),
    "lsgan_sigmoid_square_of_means": (
        lambda r, f: ((sigmoid(r).mean() - 1) ** 2 + sigmoid(f).mean() ** 2) / 2,
        lambda r, f: (sigmoid(f).mean() - 1) ** 2 / 2,
    ),
}
NAMES = list(losses.LOSSES)


def test_every_loss_has_a_formula():
    assert FORMULAS.keys() == losses.LOSSES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_formulas(name):
    real, fake = 2 * normal(6, 1), 2 * normal(6, 1, seed=1)
    loss = losses.make_loss(name)
    for ours, formula in zip(
        (loss.D(tf.constant(real), tf.constant(fake)), loss.G(tf.constant(fake), real)),
        FORMULAS[name],
        strict=True,
    ):
        assert ours.shape == (6, 1)
        assert ours.dtype == tf.float32
        expected = formula(real.astype(np.float64), fake.astype(np.float64))
        np.testing.assert_allclose(ours, expected * np.ones((6, 1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_looks_at_reals_only_where_it_says_so(name):
    loss, fake = losses.make_loss(name), tf.constant(normal(4, 1))
    if loss.G_needs_reals:
        first, second = (loss.G(fake, tf.constant(normal(4, 1, seed=s))) for s in (1, 2))
        assert not np.allclose(first, second)
    else:
        np.testing.assert_array_equal(loss.G(fake), loss.G(fake, tf.constant(normal(4, 1, seed=1))))


@pytest.mark.parametrize("name", NAMES)
def test_both_losses_pull_the_right_way(name):
    """D wants reals up and fakes down, G wants fakes up."""
    loss = losses.make_loss(name)
    real, fake = (tf.constant(0.1 * normal(6, 1, seed=seed)) for seed in (0, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        of_D, of_G = tf.reduce_mean(loss.D(real, fake)), tf.reduce_mean(loss.G(fake, real))
    assert np.sum(tape.gradient(of_D, real)) < 0 < np.sum(tape.gradient(of_D, fake))
    assert np.sum(tape.gradient(of_G, fake)) < 0


RELATIVISTIC = [name for name in NAMES if name.startswith("relativistic")]


@given(st.floats(-100, 100))
def test_a_relativistic_loss_knows_differences_only(shift):
    real, fake = (normal(6, 1, seed=seed) for seed in (0, 1))
    for loss in map(losses.make_loss, RELATIVISTIC):
        moved = [tf.constant(x + np.float32(shift)) for x in (real, fake)]
        np.testing.assert_allclose(loss.D(*moved), loss.D(real, fake), atol=1e-4)
        np.testing.assert_allclose(loss.G(*moved[::-1]), loss.G(fake, real), atol=1e-4)


def test_gradients_of_the_relativistic_pairing_loss():
    """Its slope is sigmoid(f - r), of opposite signs for the two of a pair, and knows no other."""
    real, fake = (tf.constant(2 * normal(6, 1, seed=seed)) for seed in (0, 1))
    loss, slope = losses.make_loss("relativistic_logistic"), sigmoid(fake - real)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        of_D, of_G = loss.D(real, fake), loss.G(fake, real)
    np.testing.assert_allclose(tape.gradient(of_D, fake), slope, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(of_D, real), -slope, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(of_G, fake), slope - 1, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(of_G, real), 1 - slope, rtol=1e-5)
    # Sample by sample: the order counts for reals and fakes together only.
    order = np.random.default_rng(0).permutation(6)
    np.testing.assert_array_equal(
        loss.D(tf.gather(real, order), tf.gather(fake, order)), tf.gather(of_D, order)
    )
    assert not np.allclose(np.mean(loss.D(tf.reverse(real, [0]), fake)), np.mean(of_D), rtol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_certain_logits_are_finite(name):
    loss, certain = losses.make_loss(name), tf.constant([[200.0], [-200.0]])
    for logits in (certain, -certain):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = [*loss.D(logits, -logits), *loss.G(logits, -logits)]
        assert np.all(np.isfinite(values))
        assert np.all(np.isfinite(tape.gradient(values, logits)))


def test_saturating_generator_stops_learning_where_the_discriminator_is_certain():
    fake = tf.constant([[-20.0]])
    slopes = {}
    for name in ("logistic", "logistic_saturating"):
        with tf.GradientTape() as tape:
            tape.watch(fake)
            value = losses.make_loss(name).G(fake)
        slopes[name] = float(tape.gradient(value, fake)[0, 0])
    assert slopes["logistic"] == pytest.approx(-1.0)
    assert slopes["logistic_saturating"] == pytest.approx(0.0, abs=1e-6)


def test_square_of_means_is_blind_to_spread():
    """The flaw that the mean of squares has not: any logits of the right mean are perfect."""
    real, fake = tf.constant([[-9.0], [11.0]]), tf.constant([[-5.0], [5.0]])
    assert np.all(np.asarray(losses.make_loss("lsgan_square_of_means").D(real, fake)) == 0)
    assert np.mean(losses.make_loss("lsgan").D(real, fake)) == pytest.approx((100 + 25) / 2)


@pytest.mark.parametrize("name", [name for name in NAMES if "lsgan" in name])
def test_targets(name):
    zero = tf.zeros([3, 1])
    plain = losses.make_loss(name)
    other = dataclasses.replace(plain, real_target=1.3, fake_target=-0.2)
    score = 0.5 if "sigmoid" in name else 0.0
    expected = ((score - 1.3) ** 2 + (score + 0.2) ** 2) / 2
    np.testing.assert_allclose(other.D(zero, zero), np.full((3, 1), expected), rtol=1e-5)
    np.testing.assert_array_equal(other.G(zero), plain.G(zero))
    assert type(other) is type(plain)


def test_drift():
    real = tf.constant([[3.0]])
    assert (
        float(losses.make_loss("wgan", drift_epsilon=0.5).D(real, 0 * real)[0, 0]) == -3 + 0.5 * 9
    )
    assert float(losses.make_loss("wgan_gp", drift_epsilon=0.0).D(real, 0 * real)[0, 0]) == -3


def test_an_unknown_loss_lists_the_known_ones():
    with pytest.raises(ValueError, match="'relativistic' is unknown") as error:
        losses.make_loss("relativistic")
    assert all(name in str(error.value) for name in NAMES)
