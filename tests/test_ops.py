"""Every operation equals a plain loop."""

import math

import numpy as np
import pytest
import tensorflow as tf
from support.plain_operations import (
    assert_close,
    blurred,
    convolve,
    group_stddev,
    means,
    nearest,
    normal,
)

from msg_stylegan.networks import ops


@pytest.mark.parametrize("size", [1, 3])
def test_convolution(size):
    x, kernel = normal(2, 4, 6, 3), normal(size, size, 3, 5, seed=1)
    assert_close(ops.conv2d(x, kernel), convolve(x, kernel))


def test_convolution_of_a_concatenation():
    x, y, kernel = normal(2, 4, 6, 3), normal(2, 4, 6, 2, seed=1), normal(1, 1, 5, 4, seed=2)
    assert_close(
        ops.conv2d_of_concatenation(x, y, kernel), convolve(np.concatenate([x, y], -1), kernel)
    )


@pytest.mark.parametrize(("size", "kernel_size"), [(4, 3), (8, 3), (4, 1)])
def test_convolution_of_constant_maps(size, kernel_size):
    values, kernel = normal(3, 2), normal(kernel_size, kernel_size, 2, 5, seed=1)
    maps = np.broadcast_to(values[:, None, None], (3, size, size, 2))
    assert_close(ops.conv2d_of_constants(values, size, kernel), convolve(maps, kernel))


@pytest.mark.parametrize("name", ["lrelu", "relu"])
def test_noise_bias_and_nonlinearity(name):
    x, noise = normal(2, 4, 3, 5), normal(2, 4, 3, 1, seed=1)
    strength, bias = normal(5, seed=2), normal(5, seed=3)
    expected = x + noise * strength + bias
    expected = np.where(expected < 0, {"lrelu": 0.2, "relu": 0.0}[name] * expected, expected)
    assert_close(ops.noise_bias_nonlinearity(x, noise, strength, bias, name), expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (4, 4), (5, 2)])
def test_upsampling_convolution_is_nearest_neighbour_then_convolution(height, width):
    x, kernel = normal(2, height, width, 3), normal(3, 3, 3, 5, seed=1)
    assert_close(ops.upsample_conv2d(x, kernel), convolve(nearest(x), kernel))


@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 4), (8, 6)])
def test_downsampling_convolution_is_convolution_then_means(height, width):
    x, kernel = normal(2, height, width, 3), normal(3, 3, 3, 5, seed=1)
    assert_close(ops.conv2d_downsample(x, kernel), means(convolve(x, kernel)))


def test_downsampling_is_the_mean_of_four_pixels():
    x = normal(3, 6, 4, 2)
    assert_close(ops.downsample(x), means(x))


def test_pyramid_goes_from_low_to_high_by_repeated_means():
    image = normal(2, 16, 16, 3)
    pyramid = ops.image_pyramid(tf.constant(image), 3)
    assert isinstance(pyramid, list)
    assert [level.shape[1] for level in pyramid] == [4, 8, 16]
    np.testing.assert_array_equal(pyramid[-1], image)
    assert_close(pyramid[1], means(image))
    assert_close(pyramid[0], image.reshape(2, 4, 4, 4, 4, 3).mean(axis=(2, 4)))


def test_pyramid_of_one_scale_is_the_image():
    image = normal(1, 4, 4, 1)
    (only,) = ops.image_pyramid(tf.constant(image), 1)
    np.testing.assert_array_equal(only, image)


@pytest.mark.parametrize("taps", [(1, 2, 1), (1.0, 2.0, 1.0), (1, 4, 6, 4, 1), (3, 2, 1)])
def test_blur_has_zero_borders(taps):
    x = normal(2, 5, 4, 3)
    assert_close(ops.blur(x, taps), blurred(x, taps))


@pytest.mark.parametrize("taps", [(), []])
def test_no_taps_no_blur(taps):
    x = normal(1, 4, 4, 2)
    np.testing.assert_array_equal(ops.blur(tf.constant(x), taps), x)


@pytest.mark.parametrize("shape", [(3, 7), (2, 4, 4, 5)])
def test_pixel_norm_makes_the_mean_square_one(shape):
    x = normal(*shape) * 30
    y = ops.pixel_norm(x)
    assert_close(np.mean(np.square(y), axis=-1), np.ones(shape[:-1]))
    assert_close(y, x / np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True) + 1e-8))


def test_pixel_norm_of_nothing_is_nothing():
    np.testing.assert_array_equal(ops.pixel_norm(np.zeros((2, 4), np.float32)), np.zeros((2, 4)))


@pytest.mark.parametrize("use_style", [False, True])
@pytest.mark.parametrize("use_instance_norm", [False, True])
def test_instance_norm_and_style(use_instance_norm, use_style):
    x, style = 5 * normal(2, 4, 3, 3) + 2, normal(2, 6, seed=1)
    expected = x.astype(np.float64)
    for n in range(2):
        for c in range(3):
            plane = expected[n, :, :, c]
            if use_instance_norm:
                plane = (plane - plane.mean()) / np.sqrt(plane.var() + 1e-8)
            if use_style:
                plane = plane * (style[n, c] + 1) + style[n, 3 + c]
            expected[n, :, :, c] = plane
    y = ops.instance_norm_style(x, use_instance_norm, style if use_style else None)
    assert_close(y, expected)


def test_instance_norm_of_a_large_offset_keeps_its_precision():
    x = normal(2, 8, 8, 2) + 300
    assert_close(
        ops.instance_norm_style(x, True, None), ops.instance_norm_style(x - 300, True, None), 1e-3
    )


def test_instance_norm_of_a_constant_is_zero():
    y = ops.instance_norm_style(np.full((2, 4, 4, 3), 7.0, np.float32), True, None)
    np.testing.assert_allclose(y, np.zeros((2, 4, 4, 3)), atol=1e-2)


@pytest.mark.parametrize("num_channels", [1, 2, 4])
@pytest.mark.parametrize(
    ("batch", "group_size"), [(8, 4), (8, 2), (4, 4), (3, 4), (1, 4), (6, 3), (12, 4)]
)
def test_minibatch_stddev(batch, group_size, num_channels):
    x = normal(batch, 2, 3, 4)
    assert_close(
        ops.minibatch_stddev(x, group_size, num_channels),
        group_stddev(x, group_size, num_channels),
    )


def test_minibatch_stddev_of_equal_samples_is_zero():
    x = np.tile(normal(1, 4, 4, 4), [4, 1, 1, 1])
    np.testing.assert_allclose(ops.minibatch_stddev(x, 4, 1), np.zeros((4, 1)), atol=2e-4)


@pytest.mark.parametrize("batch", [2, 4, 8])
def test_minibatch_stddev_of_a_batch_size_that_is_known_late(batch):
    function = tf.function(
        lambda x: ops.minibatch_stddev(x, 4, 2),
        input_signature=[tf.TensorSpec([None, 2, 2, 4], tf.float32)],
    )
    x = normal(batch, 2, 2, 4)
    assert_close(function(x), group_stddev(x, 4, 2))


@pytest.mark.parametrize("name", ["upsample_conv2d", "conv2d_downsample", "conv2d"])
def test_convolutions_of_sizes_that_are_known_late(name):
    operation = getattr(ops, name)
    x, kernel = normal(2, 4, 6, 3), normal(3, 3, 3, 5, seed=1)
    function = tf.function(
        lambda x: operation(x, kernel),
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)],
    )
    assert_close(function(x), operation(x, kernel))


def test_nonlinearities():
    x = np.array([-2.0, -0.5, 0.0, 3.0], np.float32)
    for name, slope in {"lrelu": 0.2, "relu": 0.0}.items():
        assert_close(ops.nonlinearity(name)(x), np.where(x < 0, slope * x, x))


def test_unknown_nonlinearity_names_the_known_ones():
    with pytest.raises(ValueError, match=r"lrelu.*relu.*'swish'"):
        ops.nonlinearity("swish")


@pytest.mark.parametrize("size", [1, 5])
def test_convolution_of_a_projection(size):
    rng = np.random.default_rng(0)
    shapes = (2, size, size, 3), (1, 1, 3, 7), (7,), (3, 3, 7, 4)
    image, projection, bias, kernel = (
        tf.constant(rng.normal(size=shape), tf.float32) for shape in shapes
    )
    expected = ops.conv2d(ops.conv2d(image, projection) + bias, kernel)
    merged = ops.conv2d_of_projection(image, projection, bias, kernel)
    np.testing.assert_allclose(merged, expected, rtol=1e-4, atol=1e-4)


def test_error_function():
    x = np.concatenate([np.linspace(-6, 6, 2001), [1e-4, 30.0]]).astype(np.float32)
    expected = [math.erf(value) for value in x]
    np.testing.assert_allclose(ops.erf(x), expected, rtol=0, atol=5e-7)
    assert ops.erf(x).dtype == tf.float32
