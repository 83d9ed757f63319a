"""Noise of the generator: stored, random, seeded, or none."""

import numpy as np
import pytest
import tensorflow as tf
from support.network_weights import copy_weights
from support.tiny_generator import (
    OPTIONS,
    assert_same,
    differ,
    images_of,
    latents,
    make_generator,
    table_of,
)

from msg_stylegan.networks import Generator


def test_constant_noise_is_repeatable_and_equal_for_all_samples():
    G = make_generator()
    assert_same(images_of(G), images_of(G), 0)
    same_z = np.repeat(latents(G, 1), 3, axis=0)
    for image in images_of(G, same_z):
        np.testing.assert_allclose(image[1:], image[:-1], atol=1e-5)


def test_random_noise_differs_between_calls_and_samples():
    G = make_generator()
    same_z = np.repeat(latents(G, 1), 4, axis=0)
    first, second = (G(same_z, noise_mode="random") for _ in range(2))
    assert differ(first, second) == [True] * 3
    assert differ(first, [image[::-1] for image in first]) == [True] * 3
    compiled = tf.function(lambda z: G(z))
    assert differ(compiled(same_z), compiled(same_z)) == [True] * 3


def test_random_noise_with_a_seed_is_a_function_of_the_seed():
    G = make_generator()
    same_z = np.repeat(latents(G, 1), 4, axis=0)
    compiled = tf.function(lambda z, seed: G(z, noise_mode="random", noise_seed=seed))
    first = G(same_z, noise_mode="random", noise_seed=tf.constant([1, 2]))
    assert_same(G(same_z, noise_mode="random", noise_seed=tf.constant([1, 2])), first, 0)
    assert_same(compiled(same_z, tf.constant([1, 2])), first, 1e-4)
    assert differ(first, [image[::-1] for image in first]) == [True] * 3
    for other in ([1, 3], [2, 2]):
        assert differ(compiled(same_z, tf.constant(other)), first) == [True] * 3


def test_layers_do_not_share_their_noise():
    """Silences everything but the noise of one of the two 4x4 layers; its signs are visible."""
    G = make_generator(
        resolution=8, num_channels=1, channel_max=1, use_instance_norm=False, use_styles=False
    )
    table = table_of(G)
    for name, (variable, _) in table.items():
        if not name.startswith("G_synthesis/noise"):
            variable.assign(tf.zeros_like(variable))
    identity = np.zeros((3, 3, 1, 1))
    identity[1, 1] = 1
    table["G_synthesis/4x4/Conv/weight"][0].assign(identity)
    table["G_synthesis/ToRGB_lod1/weight"][0].assign([[[[1.0]]]])
    for mode, seed in (("const", None), ("random", tf.constant([5, 6]))):
        signs = []
        for layer in ("Const", "Conv"):
            strength = table[f"G_synthesis/4x4/{layer}/Noise/weight"][0]
            strength.assign([1.0])
            low = np.asarray(G(latents(G), noise_mode=mode, noise_seed=seed)[0])
            strength.assign([0.0])
            assert np.all(low != 0)
            signs.append(np.sign(low))
        assert np.any(signs[0] != signs[1])


def test_fixed_noise_maps_are_normal_and_all_different():
    G = make_generator(resolution=64)
    maps = [G_variable for name, (G_variable, _) in table_of(G).items() if "/noise" in name]
    values = [np.asarray(noise).ravel() for noise in maps]
    assert len(values) == 10
    assert all(not np.array_equal(values[i], values[i + 1]) for i in range(0, 10, 2))
    assert np.std(values[-1]) == pytest.approx(1, abs=0.05)
    assert np.mean(values[-1]) == pytest.approx(0, abs=0.05)


def test_no_noise_equals_a_network_without_noise():
    G, silent = make_generator(), make_generator(use_noise=False)
    different = copy_weights(table_of(silent), table_of(G))
    assert different
    assert all("noise" in name.lower() for name in different)
    expected = images_of(G, noise_mode="none")
    for noise_mode in ("none", "const", "random"):
        assert_same(images_of(silent, noise_mode=noise_mode), expected)
    assert differ(images_of(G), expected) == [True] * 3


def test_noise_starts_with_no_strength():
    G = Generator.from_config(OPTIONS)
    assert_same(images_of(G, noise_mode="random"), images_of(G, noise_mode="none"))
