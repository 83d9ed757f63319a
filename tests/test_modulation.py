"""Modulated convolutions equal those by a kernel per sample, and keep the variance."""

import numpy as np
import pytest
import tensorflow as tf
from support.plain_operations import assert_close, convolve, nearest, normal

from msg_stylegan.networks import ops
from msg_stylegan.networks.modulation import demodulated_conv2d, modulated_conv2d

RESAMPLING = {"plain": (ops.conv2d, lambda x: x), "up": (ops.upsample_conv2d, nearest)}


def by_sample(x, kernel, style, demodulates):
    """Convolution of each sample by a kernel of its own."""
    results = []
    for sample, scales in zip(x, style, strict=True):
        own = kernel.astype(np.float64) * scales[:, None]
        if demodulates:
            own /= np.sqrt(np.square(own).sum(axis=(0, 1, 2)))
        results.append(convolve(sample[None], own))
    return np.concatenate(results)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("resampling", RESAMPLING)
def test_results_are_those_of_a_kernel_per_sample(resampling, size):
    ours, resampled = RESAMPLING[resampling]
    if resampling == "up" and size == 1:
        ours = lambda x, kernel: ops.upsample(ops.conv2d(x, kernel))  # noqa: E731
    x, kernel, style = normal(3, 4, 4, 5), normal(size, size, 5, 6, seed=1), normal(3, 5, seed=2)
    expected = by_sample(resampled(x), kernel, style, demodulates=False)
    assert_close(modulated_conv2d(x, kernel, style, ours), expected, 1e-4)
    expected = by_sample(resampled(x), kernel, style, demodulates=True)
    assert_close(demodulated_conv2d(x, kernel, style, ours), expected, 1e-4)
    assert_close(demodulated_conv2d(x, kernel, style, ours, gain=3.0), 3.0 * expected, 1e-4)


@pytest.mark.parametrize("factor", [1e-3, 300.0])
def test_neither_the_scale_of_a_style_nor_that_of_a_filter_counts(factor):
    x, kernel, style = normal(3, 4, 4, 5), normal(3, 3, 5, 6, seed=1), normal(3, 5, seed=2)
    expected = demodulated_conv2d(x, kernel, style)
    # Another factor for every sample and for every filter.
    of_samples = factor * np.float32([[1], [2], [3]])
    of_filters = factor * np.arange(1, 7, dtype=np.float32)
    assert_close(demodulated_conv2d(x, kernel, of_samples * style), expected, 1e-4)
    assert_close(demodulated_conv2d(x, of_filters * kernel, style), expected, 1e-4)


def test_variance_of_independent_inputs_is_kept():
    x, kernel = normal(16, 32, 32, 24), normal(3, 3, 24, 16, seed=1)
    style = np.exp(normal(16, 24, seed=2))
    y = np.asarray(demodulated_conv2d(x, kernel, style, gain=2.0))[:, 1:-1, 1:-1]
    np.testing.assert_allclose(y.std(axis=(1, 2)), 2.0, rtol=0.15)
    assert y.std() == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_the_largest_activations_of_16_bits_do_not_overflow(dtype):
    # All add up: 256 in every channel, times weights and styles of one sign, and those are large.
    x, kernel = tf.fill([2, 4, 4, 512], tf.constant(256, dtype)), tf.fill([3, 3, 512, 2], 1e3)
    style = tf.fill([2, 512], 1e4)
    y = demodulated_conv2d(x, kernel, style)
    assert y.dtype == dtype
    largest = float(tf.reduce_max(tf.cast(y, tf.float32)))
    assert largest == pytest.approx(256.0 * np.sqrt(9 * 512), rel=2e-2)
    x = tf.cast(tf.constant(normal(2, 4, 4, 512)), dtype)
    kernel, style = normal(3, 3, 512, 4, seed=1), 1e4 * normal(2, 512, seed=2)
    expected = demodulated_conv2d(tf.cast(x, tf.float32), kernel, style)
    error = np.abs(tf.cast(demodulated_conv2d(x, kernel, style), tf.float32) - expected).max()
    assert error < (3e-3 if dtype == tf.float16 else 3e-2) * np.abs(expected).max()
