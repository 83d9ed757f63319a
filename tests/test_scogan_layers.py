"""Layers of Soft-CoGAN's networks: norms, dropout, and that no default of Keras changes them."""

import math

import numpy as np
import pytest
import tensorflow as tf
from support.new_process import arrays_of_python
from support.scogan_networks import discriminator, generator, make, some_z

from msg_stylegan.networks import Discriminator, Encoder, Generator
from msg_stylegan.networks.scogan_layers import BatchNorm, Dropout, LayerNorm

SEED = [3, 4]


def test_batch_norm_moves_its_averages_in_training_alone():
    norm = BatchNorm()
    norm.build((None, 4, 4, 3))
    x = np.random.default_rng(0).normal(5.0, 2.0, (6, 4, 4, 3)).astype(np.float32)
    # Mean 0 and variance 1 at the start.
    np.testing.assert_allclose(norm(x, training=False), x / math.sqrt(1.001), rtol=1e-5)
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    for compiled in (False, True):
        call = tf.function(norm.__call__) if compiled else norm
        before = [norm.mean.numpy(), norm.variance.numpy()]
        y = call(tf.constant(x), training=True)
        np.testing.assert_allclose(np.mean(y, axis=(0, 1, 2)), np.zeros(3), atol=1e-5)
        np.testing.assert_allclose(np.var(y, axis=(0, 1, 2)), np.ones(3), rtol=1e-3)
        for average, old, new in zip(
            (norm.mean, norm.variance), before, (mean, variance), strict=True
        ):
            np.testing.assert_allclose(average.numpy(), 0.99 * old + 0.01 * new, rtol=1e-5)
        moments = [norm.mean.numpy(), norm.variance.numpy()]
        expected = (x - moments[0]) / np.sqrt(moments[1] + 0.001)
        np.testing.assert_allclose(call(tf.constant(x), training=False), expected, rtol=1e-4)
        np.testing.assert_array_equal(norm.mean.numpy(), moments[0])


def test_replicas_average_what_they_see(tmp_path):
    result = arrays_of_python(tmp_path / "moments.npz", "-m", "support.batch_norm_probe")
    x = result["inputs"]
    for name, start, moments in (("mean", 0.0, x.mean(axis=1)), ("variance", 1.0, x.var(axis=1))):
        expected = 0.99 * start + 0.01 * moments.mean(axis=0)
        np.testing.assert_allclose(result[name], [expected] * 2, rtol=1e-5)
    # Each normalises by its own batch.
    expected = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 0.001)
    np.testing.assert_allclose(result["outputs"], expected, rtol=1e-4, atol=1e-5)


def test_layer_norm_is_that_of_every_pixel():
    norm = LayerNorm()
    norm.build((None, 2, 2, 7))
    x = np.random.default_rng(0).normal(3.0, 2.0, (2, 2, 2, 7)).astype(np.float32)
    y = np.asarray(norm(x))
    np.testing.assert_allclose(y.mean(axis=-1), np.zeros((2, 2, 2)), atol=1e-5)
    np.testing.assert_allclose(y.var(axis=-1), np.ones((2, 2, 2)), rtol=1e-2)
    np.testing.assert_allclose(norm(x[1:]), y[1:], rtol=1e-5)


def test_dropout_is_a_function_of_its_seed():
    x = tf.ones([100, 1000])
    y = np.asarray(Dropout(0.3)(x, seed=SEED))
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.7)}
    # The standard deviation of the share is 0.0015.
    assert abs(np.mean(y == 0) - 0.3) < 0.006
    np.testing.assert_array_equal(tf.function(Dropout(0.3))(x, seed=tf.constant(SEED)), y)
    assert np.mean(np.asarray(Dropout(0.3)(x, seed=[3, 5])) != y) > 0.3
    np.testing.assert_array_equal(Dropout(0.3)(x), x)


@pytest.fixture
def other_defaults():
    """What a program that uses the package may have told Keras."""
    keras = tf.keras
    # Those to compare with are made before.
    generator(), discriminator()
    keras.mixed_precision.set_global_policy("mixed_float16")
    keras.backend.set_image_data_format("channels_first")
    yield
    keras.mixed_precision.set_global_policy("float32")
    keras.backend.set_image_data_format("channels_last")


def test_defaults_of_a_program_change_nothing(other_defaults):
    G = make(Generator, z_dim=100, z_space="uniform")
    D, E = make(Discriminator), make(Encoder, 10)
    (image,) = G(some_z(2))
    (expected,) = generator()(some_z(2))
    assert image.dtype == tf.float32
    np.testing.assert_allclose(image, expected, atol=1e-5)
    np.testing.assert_allclose(D([image]), discriminator()([image]), atol=1e-5)
    assert E([image]).dtype == tf.float32
