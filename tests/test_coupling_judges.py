"""SL and PL: closed forms and laws, with functions in place of the networks that judge."""

import types

import numpy as np
import pytest
import tensorflow as tf
from support.plain_operations import assert_close, means, normal

from msg_stylegan.coupling.perceptual import (
    STYLE_LAYERS,
    PerceptualLoss,
    gram,
    perceptual_sides,
)
from msg_stylegan.coupling.semantic import SemanticLoss


def scales(images):
    """All scales of images, low to high, down to 4 pixels."""
    pyramid = [images]
    while pyramid[0].shape[1] > 4:
        pyramid.insert(0, means(pyramid[0]))
    return [tf.constant(images) for images in pyramid]


def batch_of(a, b, real_a=None, real_b=None):
    reals = (a if real_a is None else real_a, b if real_b is None else real_b)
    return types.SimpleNamespace(
        images=(scales(a), scales(b)), reals=tuple(scales(images) for images in reals)
    )


# Semantic.


def mean_colours(images):
    return tf.reduce_mean(images, axis=(1, 2))


def test_semantic_loss_is_the_distance_of_judgements():
    a, b = np.zeros((2, 8, 8, 3), np.float32), np.zeros((2, 8, 8, 3), np.float32)
    a[0, :, :, 1] = 0.6
    b[1] = -0.5
    assert_close(SemanticLoss(mean_colours)(batch_of(a, b)), [0.36 / 3, 0.25])


def test_semantic_loss_is_zero_where_the_judge_sees_no_difference():
    a = normal(3, 8, 8, 1)
    mirrored = a[:, :, ::-1]
    assert_close(SemanticLoss(mean_colours)(batch_of(a, mirrored)), np.zeros(3))


def test_semantic_loss_is_about_the_full_resolution_and_reaches_both():
    a, b = tf.constant(normal(2, 8, 8, 1)), tf.constant(normal(2, 8, 8, 1, seed=1))
    batch = types.SimpleNamespace(images=([tf.zeros([2, 4, 4, 1]), a], [tf.ones([2, 4, 4, 1]), b]))
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        loss = tf.function(lambda: SemanticLoss(mean_colours)(batch))()
    slopes = tape.gradient(loss, [a, b])
    expected = (a.numpy().mean((1, 2)) - b.numpy().mean((1, 2))) ** 2
    assert_close(loss, expected[:, 0])
    assert_close(slopes[0], -slopes[1])
    assert np.all(slopes[0] != 0)


# Perceptual.


def identity_taps(images):
    """The images themselves in all layers; the content of the last one."""
    return dict.fromkeys([*STYLE_LAYERS, "content"], images)


def perceptual(taps=identity_taps, **options):
    return PerceptualLoss(taps, "content", **options)


def test_gram_of_constant_activations():
    channels = np.array([1.0, -2.0, 3.0], np.float32)
    activations = np.broadcast_to(channels, (2, 5, 4, 3))
    assert_close(gram(activations), np.broadcast_to(np.outer(channels, channels) / 3, (2, 3, 3)))


def test_gram_is_that_of_the_definition():
    activations = normal(2, 3, 5, 4)
    expected = np.zeros((2, 4, 4))
    for n in range(2):
        for y in range(3):
            for x in range(5):
                expected[n] += np.outer(activations[n, y, x], activations[n, y, x])
    assert_close(gram(activations), expected / (3 * 5 * 4))
    shuffled = activations.reshape(2, 15, 4)[:, np.random.default_rng(0).permutation(15)]
    assert_close(gram(shuffled.reshape(2, 5, 3, 4)), gram(activations))


def test_parts_of_constant_images():
    """Content (0.5 - 0.1)^2; Gram matrices of a gray level v are v^2."""
    full = np.ones((2, 32, 32, 1), np.float32)
    batch = batch_of(0.5 * full, 0.1 * full, 0.3 * full, 0.1 * full)
    parts = perceptual()(batch)
    assert_close(parts["content"], [0.16, 0.16])
    assert_close(parts["style"], [(0.25 - 0.09) ** 2] * 2)
    # Squares of activations, and products of four of them.
    parts = perceptual(unit=2.0)(batch)
    assert_close(parts["content"], [0.04, 0.04])
    assert_close(parts["style"], [0.0256 / 16] * 2)


def test_nothing_is_lost_where_nothing_differs():
    a, b = normal(2, 32, 32, 3), normal(2, 32, 32, 3, seed=1)
    for values in perceptual()(batch_of(a, a)).values():
        assert_close(values, [0, 0])
    # Style knows nothing of places, content nothing of the reals.
    moved = batch_of(a[:, ::-1], b[:, :, ::-1], a, b)
    assert_close(perceptual()(moved)["style"], [0, 0], 1e-6)
    assert np.array_equal(
        perceptual()(moved)["content"],
        perceptual()(batch_of(a[:, ::-1], b[:, :, ::-1]))["content"],
    )


def test_each_layer_and_each_scale_counts_the_same():
    """Activations that depend on layer and scale only."""
    style = dict(zip(STYLE_LAYERS, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))

    def taps(images):
        per_scale = images * (2.0 if images.shape[1] == 64 else 1.0)
        return {name: per_scale * factor for name, factor in style.items()} | {"content": per_scale}

    full = np.ones((1, 64, 64, 1), np.float32)
    parts = perceptual(taps)(batch_of(full, -full, 0 * full, 0 * full))
    assert_close(parts["content"], [(2.0**2 + 4.0**2) / 2])
    # Both domains; the fourth power of a factor; the scales of 32 and 64 pixels.
    expected = 2 * np.mean([factor**4 for factor in style.values()]) * (1 + 2.0**4) / 2
    assert_close(parts["style"], [expected])


def test_one_domain_styles_itself_on_its_own_reals():
    a, b, real = (tf.constant(normal(1, 32, 32, 3, seed=seed)) for seed in range(3))
    loss = perceptual()
    with tf.GradientTape() as tape:
        tape.watch([a, b, real])
        batch = types.SimpleNamespace(images=([a], [b]), reals=([real], [b]))
        value = tf.function(lambda: loss(batch)["style"])()
    slopes = tape.gradient(value, [a, b])
    assert np.any(slopes[0] != 0) and np.allclose(slopes[1], 0)


def test_samples_do_not_see_each_other():
    images = [normal(3, 32, 32, 1, seed=seed) for seed in range(4)]
    together = perceptual()(batch_of(*images))
    apart = [perceptual()(batch_of(*(image[i : i + 1] for image in images))) for i in range(3)]
    for name, values in together.items():
        assert_close(values, [part[name][0] for part in apart])


def test_small_scales_are_left_out():
    assert perceptual_sides([4, 8, 16, 32, 64]) == [32, 64]
    with pytest.raises(ValueError, match=r"at least 32 pixels\. .* have 16"):
        perceptual_sides([4, 8, 16])
    with pytest.raises(ValueError, match="at least 32 pixels"):
        perceptual()(batch_of(*np.zeros((2, 1, 16, 16, 1), np.float32)))
