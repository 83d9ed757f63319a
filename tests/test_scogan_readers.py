"""Soft-CoGAN's discriminators and encoder: a restatement in NumPy, and dropout."""

import numpy as np
import pytest
import tensorflow as tf
from support import plain_scogan
from support.scogan_networks import arrays, discriminator, interface, make, some_images

from msg_stylegan.networks import Discriminator, Encoder
from msg_stylegan.networks.scogan_layers import Dropout

SEED = [3, 4]


def test_discriminator_is_the_plain_one():
    D = discriminator()
    top, middle, last = (arrays(block.trainable_variables) for block in reversed(D.blocks))
    expected = plain_scogan.discriminate(some_images(), top, middle, last)
    assert np.std(expected) > 1e-3
    np.testing.assert_allclose(D([some_images()]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_large_discriminator_is_the_plain_one(norm):
    D = discriminator(128, norm)
    images = some_images(2, 128)
    x = images.astype(np.float64)
    for block in D.blocks[:0:-1]:
        kernel, bias, scale, shift, slope = arrays(block.trainable_variables)
        moments = arrays(block.non_trainable_variables) or None
        x = plain_scogan.convolve(x, kernel, bias, stride=2)
        x = plain_scogan.prelu(plain_scogan.normalize(x, scale, shift, moments, axes=-1), slope)
    kernel, bias, scale, shift, slope, last_kernel, last_bias = arrays(
        D.blocks[0].trainable_variables
    )
    moments = arrays(D.blocks[0].non_trainable_variables) or None
    x = x.reshape(2, -1) @ kernel + bias
    x = plain_scogan.prelu(plain_scogan.normalize(x, scale, shift, moments, axes=-1), slope)
    expected = x @ last_kernel + last_bias
    np.testing.assert_allclose(D([images]), expected, rtol=1e-3, atol=1e-4)


def test_encoder_is_the_plain_one(tmp_path):
    E = make(Encoder, 10, weight_init="normal")
    x = some_images().astype(np.float64)
    for stride, block in zip((1, 2, 2, 2), reversed(E.blocks[1:]), strict=True):
        x = plain_scogan.convolve(x, *arrays(block.variables), stride=stride)
        x = plain_scogan.prelu(x, 0.2)
    kernel, bias = arrays(E.blocks[0].variables)
    latents = E([some_images()])
    np.testing.assert_allclose(latents, x.reshape(4, -1) @ kernel + bias, rtol=1e-4, atol=1e-5)
    E.save(tmp_path / "encoder.keras")
    again = tf.keras.models.load_model(tmp_path / "encoder.keras", compile=False)
    np.testing.assert_array_equal(again([some_images()]), latents)


@pytest.mark.parametrize("kind", ["discriminator", "encoder"])
def test_dropout_takes_training_and_a_seed(kind):
    network = discriminator() if kind == "discriminator" else make(Encoder, 10)
    images = [some_images()]
    plain = np.asarray(network(images))
    for modes in ({"training": True}, {"dropout_seed": SEED}, {}):
        np.testing.assert_array_equal(network(images, **modes), plain)
    dropped = np.asarray(network(images, training=True, dropout_seed=SEED))
    assert np.all(np.abs(dropped - plain) > 1e-6)
    np.testing.assert_array_equal(network(images, training=True, dropout_seed=SEED), dropped)
    other = np.asarray(network(images, training=True, dropout_seed=[3, 5]))
    assert np.all(np.abs(dropped - other) > 1e-6)


def test_layers_drop_other_units():
    """Two dropouts of the same shape in a network have other masks."""
    D = make(Discriminator, data=interface(128), norm="layer")
    masks = []
    for block in D.blocks:
        for index, layer in enumerate(block.chain):
            if isinstance(layer, Dropout):
                seed = block.seed_of(index, tf.constant(SEED))
                masks.append(np.asarray(layer(tf.ones([2000]), seed=seed)) == 0)
    assert [round(float(np.mean(mask)), 1) for mask in masks] == [0.5, 0.5, 0.3, 0.3, 0.1]
    assert not np.array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[2], masks[3])
