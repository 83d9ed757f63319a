"""Every operation equals a plain loop, and can be differentiated twice."""

import math

import numpy as np
import pytest
import tensorflow as tf

from msg_stylegan.networks import ops


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def convolve(x, kernel):
    """Stride 1, zeros beyond the border, odd kernel; NHWC and HWIO."""
    n, height, width, _ = x.shape
    size = kernel.shape[0]
    border = size // 2
    padded = np.pad(x.astype(np.float64), [(0, 0), (border, border), (border, border), (0, 0)])
    out = np.zeros((n, height, width, kernel.shape[3]))
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + size, j : j + size]
            out[:, i, j] = np.einsum("nhwc,hwcf->nf", window, kernel)
    return out


def nearest(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def means(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4.0


def blurred(x, taps):
    taps = np.array(taps, np.float64) / np.sum(taps)
    channels = x.shape[-1]
    return convolve(x, np.outer(taps, taps)[:, :, None, None] * np.eye(channels))


def with_stddev(x, group_size, num_channels):
    """Sample i belongs to group i mod M; one number per group and share of the channels."""
    n, height, width, channels = x.shape
    num_groups = n // min(group_size, n)
    share = channels // num_channels
    out = np.zeros((n, height, width, channels + num_channels))
    out[..., :channels] = x
    for i in range(n):
        members = [j for j in range(n) if j % num_groups == i % num_groups]
        for k in range(num_channels):
            values = x[members][..., k * share : (k + 1) * share].astype(np.float64)
            deviation = np.sqrt(values.var(axis=0) + 1e-8)
            out[i, ..., channels + k] = deviation.mean()
    return out


def assert_close(ours, expected, tolerance=1e-5):
    ours = np.asarray(ours)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("size", [1, 3])
def test_convolution(size):
    x, kernel = normal(2, 4, 6, 3), normal(size, size, 3, 5, seed=1)
    assert_close(ops.conv2d(x, kernel), convolve(x, kernel))


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


def test_blur_keeps_the_sum_of_an_impulse():
    x = np.zeros((1, 5, 5, 2), np.float32)
    x[0, 2, 2] = [3.0, -1.0]
    y = np.asarray(ops.blur(x, [1, 2, 1]))
    assert_close(y.sum(axis=(0, 1, 2)), [3.0, -1.0])
    assert_close(y[0, 1:4, 1:4, 0] * 16 / 3, [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


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


def test_style_of_zeros_changes_nothing():
    x = normal(2, 4, 4, 3)
    assert_close(ops.instance_norm_style(x, False, np.zeros((2, 6), np.float32)), x)


@pytest.mark.parametrize("num_channels", [1, 2, 4])
@pytest.mark.parametrize(
    ("batch", "group_size"), [(8, 4), (8, 2), (4, 4), (3, 4), (1, 4), (6, 3), (12, 4)]
)
def test_minibatch_stddev(batch, group_size, num_channels):
    x = normal(batch, 2, 3, 4)
    assert_close(
        ops.minibatch_stddev(x, group_size, num_channels), with_stddev(x, group_size, num_channels)
    )


def test_minibatch_stddev_of_equal_samples_is_zero():
    x = np.tile(normal(1, 4, 4, 4), [4, 1, 1, 1])
    y = np.asarray(ops.minibatch_stddev(x, 4, 1))
    np.testing.assert_allclose(y[..., 4], np.zeros((4, 4, 4)), atol=2e-4)


def test_minibatch_stddev_ignores_the_order_within_a_group():
    x = normal(4, 2, 2, 4)
    straight, turned = ops.minibatch_stddev(x, 4, 2), ops.minibatch_stddev(x[::-1], 4, 2)
    assert_close(np.asarray(turned)[::-1], straight)


@pytest.mark.parametrize("batch", [2, 4, 8])
def test_minibatch_stddev_of_a_batch_size_that_is_known_late(batch):
    function = tf.function(
        lambda x: ops.minibatch_stddev(x, 4, 2),
        input_signature=[tf.TensorSpec([None, 2, 2, 4], tf.float32)],
    )
    x = normal(batch, 2, 2, 4)
    assert_close(function(x), with_stddev(x, 4, 2))


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
        function, gain = ops.nonlinearity(name)
        assert_close(function(x), np.where(x < 0, slope * x, x))
        assert gain == pytest.approx(math.sqrt(2.0))


def test_unknown_nonlinearity_names_the_known_ones():
    with pytest.raises(ValueError, match=r"lrelu.*relu.*'swish'"):
        ops.nonlinearity("swish")


def plain_convolution(x, kernel):
    """As `convolve`, differentiable."""
    height, width, size = x.shape[1], x.shape[2], kernel.shape[0]
    border = size // 2
    padded = tf.pad(x, [[0, 0], [border, border], [border, border], [0, 0]])
    return tf.add_n(
        [
            tf.einsum("nhwc,cf->nhwf", padded[:, i : i + height, j : j + width], kernel[i, j])
            for i in range(size)
            for j in range(size)
        ]
    )


def plain_blur(x, taps):
    taps = np.array(taps, np.float32) / np.sum(taps)
    kernel = np.outer(taps, taps)[:, :, None, None] * np.eye(x.shape[-1])
    return plain_convolution(x, tf.constant(kernel, tf.float32))


def plain_stddev(x, group_size):
    num_groups = x.shape[0] // group_size
    columns = []
    for group in range(num_groups):
        members = x[group::num_groups]
        deviation = tf.sqrt(tf.math.reduce_variance(members, axis=0) + 1e-8)
        columns.append(tf.reduce_mean(deviation))
    column = tf.stack([columns[i % num_groups] for i in range(x.shape[0])])
    return tf.concat([x, tf.ones_like(x[..., :1]) * column[:, None, None, None]], axis=-1)


def plain_nearest(x):
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)


TWICE_DIFFERENTIABLE = {
    "conv2d": (ops.conv2d, plain_convolution),
    "upsample_conv2d": (ops.upsample_conv2d, lambda x, k: plain_convolution(plain_nearest(x), k)),
    "conv2d_downsample": (ops.conv2d_downsample, lambda x, k: means(plain_convolution(x, k))),
    "downsample": (
        lambda x, k: ops.downsample(x) * k[0, 0, 0, 0],
        lambda x, k: means(x) * k[0, 0, 0, 0],
    ),
    "blur": (
        lambda x, k: ops.blur(plain_convolution(x, k), (1, 2, 1)),
        lambda x, k: plain_blur(plain_convolution(x, k), (1, 2, 1)),
    ),
    "minibatch_stddev": (
        lambda x, k: ops.minibatch_stddev(plain_convolution(x, k), 2, 1),
        lambda x, k: plain_stddev(plain_convolution(x, k), 2),
    ),
    "lrelu": (
        lambda x, k: ops.nonlinearity("lrelu")[0](plain_convolution(x, k)),
        lambda x, k: tf.maximum(plain_convolution(x, k), 0.2 * plain_convolution(x, k)),
    ),
    "relu": (
        lambda x, k: ops.nonlinearity("relu")[0](plain_convolution(x, k)),
        lambda x, k: tf.maximum(plain_convolution(x, k), 0.0),
    ),
    "pixel_norm": (
        lambda x, k: ops.pixel_norm(plain_convolution(x, k)),
        lambda x, k: tf.math.divide(
            plain_convolution(x, k),
            tf.sqrt(tf.reduce_mean(plain_convolution(x, k) ** 2, axis=-1, keepdims=True) + 1e-8),
        ),
    ),
    "instance_norm_style": (
        lambda x, k: ops.instance_norm_style(x, True, tf.repeat(k[0, 0, :1, :2], 4, axis=0)),
        lambda x, k: (
            tf.math.divide(
                x - tf.reduce_mean(x, axis=[1, 2], keepdims=True),
                tf.sqrt(tf.math.reduce_variance(x, axis=[1, 2], keepdims=True) + 1e-8),
            )
            * (k[0, 0, 0, 0] + 1)
            + k[0, 0, 0, 1]
        ),
    ),
}


def penalty_and_gradients(function, x, kernel):
    """A penalty on the gradient with respect to x, as in R1, and its own gradients."""
    x, kernel = tf.constant(x), tf.constant(kernel)
    with tf.GradientTape() as outer:
        outer.watch([x, kernel])
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = function(x, kernel)
            weights = tf.reshape(tf.linspace(0.5, 1.5, tf.size(y)), tf.shape(y))
            total = tf.reduce_sum(weights * tf.square(y))
        penalty = tf.reduce_sum(tf.square(inner.gradient(total, x)))
    return [penalty, *outer.gradient(penalty, [x, kernel])]


@pytest.mark.parametrize("name", TWICE_DIFFERENTIABLE)
@pytest.mark.parametrize("compiled", [False, True])
def test_second_derivatives_equal_those_of_the_plain_statement(name, compiled):
    ours, plain = TWICE_DIFFERENTIABLE[name]
    channels = 1 if name == "instance_norm_style" else 2
    x, kernel = normal(4, 4, 4, channels), normal(3, 3, channels, 3, seed=1)

    def results(function):
        return penalty_and_gradients(function, x, kernel)

    actual = tf.function(results, autograph=False)(ours) if compiled else results(ours)
    for value, expected in zip(actual, results(plain), strict=True):
        scale = np.abs(expected).max()
        assert scale > 0
        assert_close(value / scale, expected / scale, 2e-4)


def test_second_derivative_of_the_minibatch_stddev_equals_a_finite_difference():
    x, kernel = 2 * normal(4, 2, 2, 2), normal(1, 1, 2, 2, seed=1)
    direction = normal(*x.shape, seed=2)

    def function(x, kernel):
        return ops.minibatch_stddev(ops.conv2d(x, kernel), 4, 1)

    _, gradient, _ = penalty_and_gradients(function, x, kernel)
    step = 1e-2
    after, before = (
        float(penalty_and_gradients(function, x + sign * step * direction, kernel)[0])
        for sign in (1, -1)
    )
    slope = float(tf.reduce_sum(gradient * direction))
    assert (after - before) / (2 * step) == pytest.approx(slope, rel=1e-2)
