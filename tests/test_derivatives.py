"""First and second derivatives of the operations equal those of plain statements of them."""

import math

import numpy as np
import pytest
import tensorflow as tf
from support.plain_operations import assert_close, means, normal

from msg_stylegan.networks import modulation, ops


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


def plain_noise(x, noise, strength, bias, slope):
    y = x + noise * strength + bias
    return tf.maximum(y, slope * y)


def with_noise(function):
    """What adds noise, with all arguments from x and a kernel."""
    return lambda x, k: function(plain_convolution(x, k), x[..., :1], k[0, 0, 0], k[1, 1, 1])


def plain_modulation(x, kernel, demodulates):
    """As `modulated_conv2d` with a style from x, by a kernel for each sample."""
    results = []
    for n in range(x.shape[0]):
        own = kernel * x[n, 0, 0][:, None]
        if demodulates:
            own /= tf.sqrt(tf.reduce_sum(own**2, axis=[0, 1, 2]) + 1e-8)
        results.append(plain_convolution(x[n : n + 1], own))
    return tf.concat(results, axis=0)


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
        lambda x, k: ops.nonlinearity("lrelu")(plain_convolution(x, k)),
        lambda x, k: tf.maximum(plain_convolution(x, k), 0.2 * plain_convolution(x, k)),
    ),
    "relu": (
        lambda x, k: ops.nonlinearity("relu")(plain_convolution(x, k)),
        lambda x, k: tf.maximum(plain_convolution(x, k), 0.0),
    ),
    "pixel_norm": (
        lambda x, k: ops.pixel_norm(plain_convolution(x, k)),
        lambda x, k: tf.math.divide(
            plain_convolution(x, k),
            tf.sqrt(tf.reduce_mean(plain_convolution(x, k) ** 2, axis=-1, keepdims=True) + 1e-8),
        ),
    ),
    "noise, bias, lrelu": (
        with_noise(lambda *p: ops.noise_bias_nonlinearity(*p, "lrelu")),
        with_noise(lambda *p: plain_noise(*p, slope=0.2)),
    ),
    "modulated_conv2d": (
        lambda x, k: modulation.modulated_conv2d(x, k, x[:, 0, 0]),
        lambda x, k: plain_modulation(x, k, demodulates=False),
    ),
    "demodulated_conv2d": (
        lambda x, k: modulation.demodulated_conv2d(x, k, x[:, 0, 0]),
        lambda x, k: plain_modulation(x, k, demodulates=True),
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


@pytest.mark.parametrize("name", ["instance norm and style", "instance norm"])
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
