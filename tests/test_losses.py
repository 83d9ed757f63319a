"""Closed forms of the losses and of the R1 penalty."""

import math

import numpy as np
import pytest
import tensorflow as tf
from test_discriminator import make_discriminator, random_images

from msg_stylegan import losses
from msg_stylegan.networks.ops import image_pyramid

LOG2 = math.log(2.0)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def softplus(x):
    return np.logaddexp(0.0, x)


def nearest(x):
    return x.repeat(2, axis=-3).repeat(2, axis=-2)


def linear(weights):
    """A discriminator whose gradient with respect to scale i is `weights[i]` everywhere."""

    def D(images):
        return tf.add_n(
            [
                tf.reduce_sum(image * a, axis=[1, 2, 3])[:, None]
                for image, a in zip(images, weights, strict=True)
            ]
        )

    return D


def test_losses_of_an_undecided_discriminator():
    zero = tf.zeros([3, 1])
    np.testing.assert_allclose(losses.generator_logistic_loss(zero), np.full((3, 1), LOG2), 1e-6)
    np.testing.assert_allclose(
        losses.discriminator_logistic_loss(zero, zero), np.full((3, 1), 2 * LOG2), 1e-6
    )


def test_losses_are_negative_log_probabilities():
    real, fake = normal(5, 1), normal(5, 1, seed=1)
    G_loss = losses.generator_logistic_loss(fake)
    D_loss = losses.discriminator_logistic_loss(real, fake)
    assert G_loss.shape == D_loss.shape == (5, 1)
    assert G_loss.dtype == D_loss.dtype == tf.float32
    np.testing.assert_allclose(G_loss, softplus(-fake), rtol=1e-5)
    np.testing.assert_allclose(D_loss, softplus(-real) + softplus(fake), rtol=1e-5)


def test_losses_of_certain_logits_are_finite_and_linear():
    certain = tf.constant([[200.0], [-200.0]])
    np.testing.assert_allclose(losses.generator_logistic_loss(certain), [[0.0], [200.0]], atol=1e-6)
    np.testing.assert_allclose(
        losses.discriminator_logistic_loss(certain, -certain), [[0.0], [400.0]], atol=1e-6
    )


def test_r1_of_a_linear_discriminator_is_its_squared_norm():
    a = normal(8, 8, 3)
    penalty, logits = losses.r1_penalty(
        linear([a]), tf.constant(normal(4, 8, 8, 3, seed=1)), lambda image: [image]
    )
    assert penalty.shape == logits.shape == (4, 1)
    assert penalty.dtype == logits.dtype == tf.float32
    np.testing.assert_allclose(penalty, np.full((4, 1), np.sum(a**2)), rtol=1e-5)


def test_r1_is_the_mean_over_scales_that_do_not_depend_on_each_other():
    weights = [normal(res, res, 2, seed=res) for res in (4, 8, 16)]
    images = [tf.constant(normal(3, res, res, 2)) for res in (4, 8, 16)]
    penalty, logits = losses.r1_penalty(linear(weights), images[-1], lambda _: images)
    expected = np.mean([np.sum(a**2) for a in weights])
    np.testing.assert_allclose(penalty, np.full((3, 1), expected), rtol=1e-5)
    np.testing.assert_allclose(logits, linear(weights)(images), rtol=1e-6)


def test_r1_flows_through_the_scales_that_are_made_from_higher_ones():
    weights = [normal(res, res, 2, seed=res) for res in (4, 8, 16)]
    reals = tf.constant(normal(3, 16, 16, 2))
    penalty, logits = losses.r1_penalty(linear(weights), reals, lambda x: image_pyramid(x, 3))
    # A pixel of a scale has a share of a quarter in one pixel of the scale below it.
    at_4 = weights[0]
    at_8 = weights[1] + nearest(at_4) / 4
    at_16 = weights[2] + nearest(at_8) / 4
    expected = np.mean([np.sum(a**2) for a in (at_4, at_8, at_16)])
    np.testing.assert_allclose(penalty, np.full((3, 1), expected), rtol=1e-5)
    np.testing.assert_allclose(logits, linear(weights)(image_pyramid(reals, 3)), rtol=1e-6)


def test_r1_belongs_to_the_sample():
    """A quadratic discriminator has the gradient 2x: the penalty is 4 |x|^2, sample by sample."""
    reals = normal(4, 4, 4, 1)
    penalty, _ = losses.r1_penalty(
        lambda images: tf.reduce_sum(images[0] ** 2, axis=[1, 2, 3])[:, None],
        tf.constant(reals),
        lambda image: [image],
    )
    np.testing.assert_allclose(penalty[:, 0], 4 * np.sum(reals**2, axis=(1, 2, 3)), rtol=1e-5)


def test_r1_of_a_constant_discriminator_with_one_dead_scale_is_zero_there():
    a = normal(8, 8, 1)
    images = [tf.constant(normal(2, res, res, 1)) for res in (4, 8)]
    penalty, _ = losses.r1_penalty(linear([np.zeros((4, 4, 1)), a]), images[-1], lambda _: images)
    np.testing.assert_allclose(penalty, np.full((2, 1), np.sum(a**2) / 2), rtol=1e-5)


def test_r1_can_be_trained():
    """The gradient of the penalty of `k * sum(x)` with respect to k is 2 k times the pixels."""
    k = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        penalty, _ = losses.r1_penalty(
            lambda images: k * tf.reduce_sum(images[0], axis=[1, 2, 3])[:, None],
            tf.constant(normal(2, 4, 4, 1)),
            lambda image: [image],
        )
        mean = tf.reduce_mean(penalty)
    assert float(mean) == pytest.approx(9 * 16, rel=1e-5)
    assert float(tape.gradient(mean, k)) == pytest.approx(2 * 3 * 16, rel=1e-5)


@pytest.mark.parametrize("compiled", [False, True])
def test_every_loss_runs_on_a_multi_scale_batch(compiled):
    D = make_discriminator(num_channels=3)
    reals, fakes = random_images(D, 4), random_images(D, 4, seed=1)

    def all_losses(reals, fakes):
        penalty, real_logits = losses.r1_penalty(
            D, reals[-1], lambda image: image_pyramid(image, len(D.resolutions))
        )
        fake_logits = D(fakes)
        return (
            penalty,
            losses.discriminator_logistic_loss(real_logits, fake_logits),
            losses.generator_logistic_loss(fake_logits),
        )

    if compiled:
        all_losses = tf.function(all_losses)
    for loss in all_losses([tf.constant(x) for x in reals], [tf.constant(x) for x in fakes]):
        assert loss.shape == (4, 1)
        assert loss.dtype == tf.float32
        assert np.all(np.asarray(loss) > 0)
