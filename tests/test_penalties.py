"""Closed forms of the penalties on the gradient of the discriminator, at several scales."""

import numpy as np
import pytest
import tensorflow as tf
from support.plain_operations import nearest, normal

from msg_stylegan import losses
from msg_stylegan.networks.ops import image_pyramid

SCALES = (4, 8, 16)


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


def norm_of(images):
    """A discriminator whose gradient is `2 x` at every scale."""
    return tf.add_n([tf.reduce_sum(tf.square(x), axis=[1, 2, 3])[:, None] for x in images])


def weights_and_images(seed=0):
    weights = [normal(res, res, 2, seed=res) for res in SCALES]
    return weights, [tf.constant(normal(3, res, res, 2, seed=seed + res)) for res in SCALES]


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


def test_r2_is_the_mean_over_scales_that_do_not_depend_on_each_other():
    weights, fakes = weights_and_images()
    penalty, logits = losses.r2_penalty(linear(weights), fakes)
    assert penalty.shape == logits.shape == (3, 1)
    expected = np.mean([np.sum(a**2) for a in weights])
    np.testing.assert_allclose(penalty, np.full((3, 1), expected), rtol=1e-5)
    np.testing.assert_allclose(logits, linear(weights)(fakes), rtol=1e-6)


def test_r2_belongs_to_the_sample():
    _, fakes = weights_and_images()
    penalty, _ = losses.r2_penalty(norm_of, fakes)
    expected = np.mean([4 * np.sum(np.square(x), axis=(1, 2, 3)) for x in fakes], axis=0)
    np.testing.assert_allclose(penalty[:, 0], expected, rtol=1e-5)


def shares(*values):
    return tf.constant(values, tf.float32)[:, None, None, None]


@pytest.mark.parametrize("target", [1.0, 20.0])
def test_gradient_penalty_of_a_linear_discriminator(target):
    """Its gradient is the same everywhere: the mean over the scales of (|a| - target)^2."""
    weights, reals = weights_and_images()
    _, fakes = weights_and_images(seed=100)
    penalty = losses.gradient_penalty(
        linear(weights), reals, fakes, shares(0.1, 0.5, 0.7), target=target
    )
    assert penalty.shape == (3, 1)
    expected = np.mean([(np.linalg.norm(a) - target) ** 2 for a in weights])
    np.testing.assert_allclose(penalty, np.full((3, 1), expected), rtol=1e-4)


def test_gradient_penalty_has_one_share_per_sample_for_all_scales():
    _, reals = weights_and_images()
    _, fakes = weights_and_images(seed=100)
    epsilon = shares(0.0, 0.25, 1.0)
    penalty = losses.gradient_penalty(norm_of, reals, fakes, epsilon)
    mixed = [epsilon * r + (1 - epsilon) * f for r, f in zip(reals, fakes, strict=True)]
    norms = [np.sqrt(np.sum(np.square(2 * m), axis=(1, 2, 3))) for m in mixed]
    np.testing.assert_allclose(
        penalty[:, 0], np.mean([(n - 1) ** 2 for n in norms], axis=0), rtol=1e-4
    )


def test_gradient_penalty_of_a_dead_discriminator_is_its_target_and_can_be_trained():
    _, reals = weights_and_images()
    k = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(
            lambda images: k * norm_of(images), reals, reals, shares(0.5, 0.5, 0.5), target=3.0
        )
    np.testing.assert_allclose(penalty, np.full((3, 1), 9.0), rtol=1e-4)
    assert np.isfinite(tape.gradient(penalty, k))


def test_penalties_can_be_trained():
    """`k x` has the gradient k: d/dk k^2 n = 2 k n, and d/dk (k sqrt(n) - 1)^2 in the same way."""
    images = [tf.ones([2, 4, 4, 1])]
    k = tf.Variable(3.0)

    def D(images):
        return k * tf.reduce_sum(images[0], axis=[1, 2, 3])[:, None]

    with tf.GradientTape(persistent=True) as tape:
        r1 = tf.reduce_mean(losses.r1_penalty(D, images[0], lambda image: [image])[0])
        r2 = tf.reduce_mean(losses.r2_penalty(D, images)[0])
        gp = tf.reduce_mean(losses.gradient_penalty(D, images, images, shares(0.5, 0.5)))
    assert float(r1) == pytest.approx(9 * 16, rel=1e-5)
    for penalty in (r1, r2):
        assert float(tape.gradient(penalty, k)) == pytest.approx(2 * 3 * 16, rel=1e-5)
    assert float(tape.gradient(gp, k)) == pytest.approx(2 * (3 * 4 - 1) * 4, rel=1e-5)
