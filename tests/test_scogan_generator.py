"""Soft-CoGAN's generator: a restatement in NumPy, its features, latents and initial weights."""

import math

import numpy as np
import pytest
from support import plain_scogan
from support.scogan_networks import arrays, generator, interface, make, some_z

from msg_stylegan.networks import Generator
from msg_stylegan.options import GeneratorOptions


@pytest.mark.parametrize("training", [False, True])
def test_generator_is_the_plain_one(training):
    G = make(Generator, z_dim=100)
    blocks = [arrays(block.trainable_variables) for block in G.synthesis.blocks]
    moments = [arrays(block.non_trainable_variables) for block in G.synthesis.blocks]
    (image,), features = G(some_z(), training=training, with_features=True)
    activations, expected = plain_scogan.generate(
        some_z().astype(np.float64),
        blocks,
        arrays(G.synthesis.torgb.variables),
        None if training else moments,
    )
    np.testing.assert_allclose(image, expected, rtol=1e-3, atol=1e-4)
    assert np.std(expected) > 0.05
    assert [feature.shape[1:] for feature in features] == [(8, 8, 512), (16, 16, 256)]
    for feature, other in zip(features, activations[1:3], strict=True):
        np.testing.assert_allclose(feature, other, rtol=1e-3, atol=1e-3)


def test_features_of_faces_are_those_of_four_sides():
    G = make(Generator, z_dim=100, data=interface(128, 1))
    (image,), features = G(some_z(1), with_features=True)
    assert image.shape == (1, 128, 128, 1)
    sides = [(8, 512), (16, 256), (32, 128), (64, 64)]
    assert [feature.shape[1:] for feature in features] == [(s, s, c) for s, c in sides]


def test_uniform_latents_follow_from_normal_ones():
    G = generator()
    z = np.random.default_rng(0).normal(size=(1000, 100)).astype(np.float32)
    placed = np.asarray(G.place_z(z))
    assert placed.shape == z.shape
    assert np.abs(placed).max() <= 1
    # Kolmogorov-Smirnov: 1.95 / sqrt(N) is passed once in a thousand samples.
    ordered = np.sort(placed.ravel())
    distance = np.abs((ordered + 1) / 2 - (np.arange(len(ordered)) + 0.5) / len(ordered)).max()
    assert distance < 1.95 / math.sqrt(len(ordered))
    # The order of the normal numbers stays, and so does zero: seeds mean the same neighbours.
    np.testing.assert_array_equal(np.argsort(placed[0]), np.argsort(z[0]))
    np.testing.assert_array_equal(G.place_z(np.zeros((1, 100), np.float32)), np.zeros((1, 100)))
    np.testing.assert_allclose(G.place_z(-z), -placed, rtol=1e-6)


def test_initial_weights():
    expected = {
        # Standard deviation of the dense layer of 100 inputs and 16384 outputs.
        "normal": 0.02,
        "xavier": math.sqrt(2 / (100 + 16384)),
        # Its normal distribution is cut off, and widened for it.
        "he": math.sqrt(2 / 100),
    }
    for weight_init, deviation in expected.items():
        options = GeneratorOptions(body="scogan", z_dim=100, weight_init=weight_init)
        G = Generator(options, interface())
        G.build()
        kernel, bias, gamma, beta, slope = arrays(G.synthesis.blocks[0].trainable_variables)
        np.testing.assert_allclose(np.std(kernel), deviation, rtol=0.01)
        np.testing.assert_allclose([bias.min(), bias.max()], 0.1)
        assert np.all(gamma == 1)
        assert np.all(beta == 0)
        assert np.all(slope == 0.25)
        # Uniform numbers end at sqrt(3) standard deviations.
        assert (np.abs(kernel).max() < 1.74 * deviation) == (weight_init == "xavier")
