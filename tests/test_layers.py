"""Laws of the layers with weights: scale at the start, speed of learning, configuration."""

import math

import numpy as np
import pytest
import tensorflow as tf
from support.plain_operations import convolve, means, nearest, normal

from msg_stylegan.networks.layers import EqualizedConv2D, EqualizedDense, Noise


def built(layer, *shape):
    layer.build((None, *shape))
    return layer


def set_bias(layer):
    layer.bias.assign(normal(*layer.bias.shape, seed=9))


@pytest.mark.parametrize("lr_multiplier", [1.0, 0.01])
@pytest.mark.parametrize("equalized", [True, False])
@pytest.mark.parametrize("gain", [1.0, math.sqrt(2.0)])
def test_dense_output_has_the_variance_of_the_gain(gain, equalized, lr_multiplier):
    layer = EqualizedDense(256, gain=gain, equalized=equalized, lr_multiplier=lr_multiplier)
    y = layer(normal(200, 128))
    assert y.shape == (200, 256)
    assert y.dtype == tf.float32
    assert np.std(y) == pytest.approx(gain, rel=0.05)
    assert np.mean(y) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("lr_multiplier", [1.0, 0.1])
def test_convolution_output_has_the_variance_of_the_gain(kernel_size, lr_multiplier):
    layer = EqualizedConv2D(64, kernel_size, gain=1.0, lr_multiplier=lr_multiplier)
    y = np.asarray(layer(normal(8, 10, 10, 48)))
    assert y.shape == (8, 10, 10, 64)
    # The zeros beyond the border take their share away.
    assert np.std(y[:, 1:-1, 1:-1]) == pytest.approx(1, rel=0.05)


def test_gain_of_leaky_relu_keeps_the_mean_square():
    x = normal(500, 256)
    for seed in range(4):
        tf.keras.utils.set_random_seed(seed)
        x = np.asarray(tf.nn.leaky_relu(EqualizedDense(256)(x), 0.2))
    assert np.mean(x**2) == pytest.approx(1.04**4, rel=0.15)


@pytest.mark.parametrize("equalized", [True, False])
def test_stored_weights_are_scaled_at_the_start_or_in_use(equalized):
    """The standard deviation of what is stored: 1 or the He scale, over the multiplier."""
    for lr_multiplier in (1.0, 0.01):
        layer = EqualizedDense(128, equalized=equalized, lr_multiplier=lr_multiplier)
        built(layer, 200)
        std = (1.0 if equalized else math.sqrt(2 / 200)) / lr_multiplier
        assert np.std(np.asarray(layer.kernel)) == pytest.approx(std, rel=0.03)
        np.testing.assert_array_equal(np.asarray(layer.bias), np.zeros(128))


def make_dense(lr_multiplier, weights):
    layer = built(EqualizedDense(5, lr_multiplier=lr_multiplier), 7)
    layer.kernel.assign(weights / lr_multiplier)
    layer.bias.assign(np.arange(5) / lr_multiplier)
    return layer


def test_multiplier_leaves_the_function_and_scales_the_effect_of_a_step():
    """Equal steps of the stored weights, as Adam makes them, move the output in proportion."""
    x, weights = normal(3, 7), normal(7, 5, seed=1)
    usual, slow = make_dense(1.0, weights), make_dense(0.01, weights)
    np.testing.assert_allclose(usual(x), slow(x), rtol=1e-4, atol=1e-5)

    before = np.asarray(usual(x))
    for layer in (usual, slow):
        for variable in layer.trainable_variables:
            variable.assign(np.asarray(variable) + normal(*variable.shape, seed=2))
    moved = np.asarray(usual(x)) - before
    assert np.abs(moved).min() > 1e-3
    np.testing.assert_allclose(np.asarray(slow(x)) - before, 0.01 * moved, atol=1e-5)


@pytest.mark.parametrize("equalized", [True, False])
@pytest.mark.parametrize("use_bias", [True, False])
def test_dense_equals_the_plain_statement(use_bias, equalized):
    layer = EqualizedDense(4, gain=0.7, lr_multiplier=0.3, use_bias=use_bias, equalized=equalized)
    built(layer, 6)
    expected = normal(3, 6) @ np.asarray(layer.kernel) * 0.3
    if equalized:
        expected = expected * 0.7 / math.sqrt(6)
    if use_bias:
        set_bias(layer)
        expected = expected + np.asarray(layer.bias) * 0.3
    assert len(layer.trainable_variables) == 1 + use_bias
    np.testing.assert_allclose(layer(normal(3, 6)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("resample", [None, "up", "down"])
def test_convolution_equals_the_plain_statement(resample, use_bias):
    layer = EqualizedConv2D(4, 3, resample=resample, gain=0.7, lr_multiplier=0.3, use_bias=use_bias)
    built(layer, 4, 6, 3)
    x = normal(2, 4, 6, 3)
    expected = convolve(
        nearest(x) if resample == "up" else x,
        np.asarray(layer.kernel) * 0.7 / math.sqrt(27) * 0.3,
    )
    if resample == "down":
        expected = means(expected)
    if use_bias:
        set_bias(layer)
        expected = expected + np.asarray(layer.bias) * 0.3
    y = layer(x)
    assert y.dtype == tf.float32
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_constant_noise_is_the_stored_map_for_every_sample():
    layer = built(Noise(8), 8, 8, 3)
    maps = layer.maps(4, "const")
    assert maps.dtype == tf.float32
    np.testing.assert_array_equal(maps, np.repeat(np.asarray(layer.const), 4, axis=0))
    np.testing.assert_array_equal(layer.maps(4, "none"), np.zeros((4, 8, 8, 1)))


def test_random_noise_is_standard_normal_and_new_for_every_sample_and_call():
    layer = built(Noise(8), 8, 8, 3)
    for seed in (None, tf.constant([1, 2])):
        noise, again = (np.asarray(layer.maps(100, "random", seed)) for _ in range(2))
        assert noise.shape == (100, 8, 8, 1)
        assert noise.dtype == np.float32
        assert np.std(noise) == pytest.approx(1, rel=0.03)
        assert np.mean(noise) == pytest.approx(0, abs=0.05)
        assert not np.allclose(noise[0], noise[1])
        assert np.array_equal(noise, again) == (seed is not None)
