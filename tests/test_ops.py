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


def group_stddev(x, group_size, num_channels):
    """Sample i belongs to group i mod M; one number per group and share of the channels."""
    n, _, _, channels = x.shape
    num_groups = n // min(group_size, n)
    share = channels // num_channels
    out = np.zeros((n, num_channels))
    for i in range(n):
        members = [j for j in range(n) if j % num_groups == i % num_groups]
        for k in range(num_channels):
            values = x[members][..., k * share : (k + 1) * share].astype(np.float64)
            out[i, k] = np.sqrt(values.var(axis=0) + 1e-8).mean()
    return out


def assert_close(ours, expected, tolerance=1e-5):
    ours = np.asarray(ours)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance)


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
        ops.minibatch_stddev(x, group_size, num_channels),
        group_stddev(x, group_size, num_channels),
    )


def test_minibatch_stddev_of_equal_samples_is_zero():
    x = np.tile(normal(1, 4, 4, 4), [4, 1, 1, 1])
    np.testing.assert_allclose(ops.minibatch_stddev(x, 4, 1), np.zeros((4, 1)), atol=2e-4)


def test_minibatch_stddev_ignores_the_order_within_a_group():
    x = normal(4, 2, 2, 4)
    straight, turned = ops.minibatch_stddev(x, 4, 2), ops.minibatch_stddev(x[::-1], 4, 2)
    assert_close(turned, straight)


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
    numbers = []
    for group in range(num_groups):
        members = x[group::num_groups]
        deviation = tf.sqrt(tf.math.reduce_variance(members, axis=0) + 1e-8)
        numbers.append(tf.reduce_mean(deviation))
    return tf.stack([numbers[i % num_groups] for i in range(x.shape[0])])[:, None]


def plain_nearest(x):
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)


TWICE_DIFFERENTIABLE = {
    "conv2d": (ops.conv2d, plain_convolution),
    "1x1 conv2d": (
        lambda x, k: ops.conv2d(x, k[:1, :1]),
        lambda x, k: plain_convolution(x, k[:1, :1]),
    ),
    "conv2d_of_concatenation": (
        lambda x, k: ops.conv2d_of_concatenation(x[..., :1], x[..., 1:], k[:1, :1]),
        lambda x, k: plain_convolution(x, k[:1, :1]),
    ),
    "conv2d_of_constants": (
        lambda x, k: ops.conv2d_of_constants(x[:, 0, 0], 4, k),
        lambda x, k: plain_convolution(tf.tile(x[:, :1, :1], [1, 4, 4, 1]), k),
    ),
    "asymmetric blur": (
        lambda x, k: ops.blur(plain_convolution(x, k), (3, 2, 1)),
        lambda x, k: plain_blur(plain_convolution(x, k), (3, 2, 1)),
    ),
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
    x, kernel = normal(4, 4, 4, 2), normal(3, 3, 2, 3, seed=1)

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


def plain_instance_norm(x, style):
    deviation = x - tf.reduce_mean(x, axis=[1, 2], keepdims=True)
    variance = tf.reduce_mean(tf.square(deviation), axis=[1, 2], keepdims=True)
    scale, shift = tf.split(style[:, None, None, :], 2, axis=-1)
    return deviation / tf.sqrt(variance + 1e-8) * (scale + 1) + shift


def plain_noise(x, noise, strength, bias, slope):
    y = x + noise * strength + bias
    return tf.maximum(y, slope * y)


ONCE_DIFFERENTIABLE = {
    "instance norm and style": (
        lambda x, style: ops.instance_norm_style(x, True, style),
        plain_instance_norm,
        [normal(4, 4, 3, 5) + 2, normal(4, 10, seed=1)],
    ),
    "instance norm": (
        lambda x: ops.instance_norm_style(x, True, None),
        lambda x: plain_instance_norm(x, tf.zeros([4, 10])),
        [normal(4, 4, 3, 5) + 2],
    ),
    "style": (
        lambda x, style: ops.instance_norm_style(x, False, style),
        lambda x, style: x * (style[:, None, None, :5] + 1) + style[:, None, None, 5:],
        [normal(4, 4, 3, 5), normal(4, 10, seed=1)],
    ),
    "noise, bias, lrelu": (
        lambda *p: ops.noise_bias_nonlinearity(*p, "lrelu"),
        lambda *p: plain_noise(*p, slope=0.2),
        [normal(4, 4, 3, 5), normal(4, 4, 3, 1, seed=5), normal(5, seed=1), normal(5, seed=2)],
    ),
    "noise, bias, relu": (
        lambda *p: ops.noise_bias_nonlinearity(*p, "relu"),
        lambda *p: plain_noise(*p, slope=0.0),
        [normal(4, 4, 3, 5), normal(4, 4, 3, 1, seed=5), normal(5, seed=1), normal(5, seed=2)],
    ),
}


def gradients(function, arguments, dy=None):
    arguments = [tf.constant(a) for a in arguments]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        y = function(*arguments)
    return tape.gradient(y, arguments, normal(*y.shape, seed=7) if dy is None else dy)


@pytest.mark.parametrize("name", ONCE_DIFFERENTIABLE)
@pytest.mark.parametrize("compiled", [False, True])
def test_first_derivatives_equal_those_of_the_plain_statement(name, compiled):
    ours, plain, arguments = ONCE_DIFFERENTIABLE[name]

    def results():
        return gradients(ours, arguments)

    actual = tf.function(results, autograph=False)() if compiled else results()
    for gradient, expected in zip(actual, gradients(plain, arguments), strict=True):
        scale = np.abs(expected).max()
        assert scale > 0
        assert_close(gradient / scale, expected / scale, 1e-5)


def test_gradient_of_the_instance_norm_of_a_constant():
    """The first layer starts like this: only epsilon keeps the standard deviation from zero."""
    x, dy = np.full((2, 4, 4, 3), 1.3, np.float32), normal(2, 4, 4, 3)
    (gradient,) = gradients(lambda x: ops.instance_norm_style(x, True, None), [x], dy)
    expected = (dy - dy.mean(axis=(1, 2), keepdims=True)) / math.sqrt(1e-8)
    assert_close(gradient / 1e4, expected / 1e4, 1e-2)


@pytest.mark.parametrize("name", ["instance norm and style", "instance norm", "noise, bias, lrelu"])
def test_missing_second_derivatives_are_an_error_and_not_a_wrong_number(name):
    function, _, (x, *others) = ONCE_DIFFERENTIABLE[name]
    x = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            total = tf.reduce_sum(tf.square(function(x, *others)))
        penalty = tf.reduce_sum(tf.square(inner.gradient(total, x)))
    with pytest.raises(LookupError, match="First-order"):
        outer.gradient(penalty, x)
