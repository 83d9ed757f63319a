"""Which w a layer gets: one for each, their running mean, and truncation towards it."""

import numpy as np
import pytest
import tensorflow as tf
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


@pytest.fixture(scope="module")
def G():
    """To be read only."""
    return make_generator()


def test_every_layer_has_its_own_w(G):
    """The two w of a block act from its scale upwards."""
    ws = np.asarray(G.broadcast(G.mapping(latents(G))))
    before = G.synthesis(ws, noise_mode="const")
    for layer in range(G.num_ws):
        changed = ws.copy()
        changed[:, layer] += 1
        after = G.synthesis(changed, noise_mode="const")
        assert differ(before, after) == [scale >= layer // 2 for scale in range(3)]


def test_w_avg_is_the_running_mean_of_training_passes_only():
    G = make_generator()
    start, z = G.w_avg.numpy(), latents(G)
    for arguments in ({}, {"truncation_psi": 0.5}, {"training": False}):
        G(z, **arguments)
    G.mapping(z)
    np.testing.assert_array_equal(G.w_avg.numpy(), start)

    mean = np.mean(G.mapping(z), axis=0)
    G(z, training=True)
    once = mean + 0.9 * (start - mean)
    np.testing.assert_allclose(G.w_avg.numpy(), once, rtol=1e-5, atol=1e-6)
    tf.function(lambda z: G(z, training=True))(z)
    np.testing.assert_allclose(G.w_avg.numpy(), mean + 0.9 * (once - mean), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("label_size", [0, 3])
def test_w_avg_moves_without_a_mapping_network_too(label_size):
    w_dim = 16 if label_size else 8
    options = {"z_dim": 8, "w_dim": w_dim, "mapping_layers": 0, "label_size": label_size}
    G = make_generator(**options)
    start, z = G.w_avg.numpy(), latents(G)
    labels = np.eye(3, dtype=np.float32)[np.arange(len(z)) % 3] if label_size else None
    mean = np.mean(G.mapping(z, labels), axis=0)
    G(z, labels, training=True)
    np.testing.assert_allclose(G.w_avg.numpy(), mean + 0.9 * (start - mean), rtol=1e-5, atol=1e-6)


def test_w_avg_starts_at_zero_and_is_not_trained():
    G = Generator.from_config(OPTIONS)
    G.build()
    np.testing.assert_array_equal(G.w_avg.numpy(), np.zeros(5))
    assert not G.w_avg.trainable
    fixed = {name for name, (variable, _) in table_of(G).items() if not variable.trainable}
    assert fixed == {"dlatent_avg", *(f"G_synthesis/noise{i}" for i in range(6))}


def test_training_is_not_truncated():
    G = make_generator()
    expected = images_of(G)
    assert_same(images_of(G, truncation_psi=0.0, training=True), expected)


def test_no_truncation_unless_asked_for(G):
    assert_same(images_of(G), images_of(G, truncation_psi=1.0), 0)


@pytest.mark.parametrize("psi", [0.7, 0.0, -1.0])
@pytest.mark.parametrize("cutoff", [0, 1, 2, 6, 8, None])
def test_truncation_moves_the_first_layers_towards_w_avg(G, psi, cutoff):
    w = np.asarray(G.mapping(latents(G)))
    ws = np.repeat(w[:, None], G.num_ws, axis=1)
    truncated = slice(0, G.num_ws if cutoff is None else cutoff)
    ws[:, truncated] = G.w_avg.numpy() + psi * (ws[:, truncated] - G.w_avg.numpy())
    expected = [np.asarray(x) for x in G.synthesis(ws, noise_mode="const")]
    assert_same(images_of(G, truncation_psi=psi, truncation_cutoff=cutoff), expected)


def test_psi_may_be_a_tensor(G):
    compiled = tf.function(lambda z, psi: G(z, truncation_psi=psi, noise_mode="const"))
    for psi in (0.0, 0.5, 1.0):
        assert_same(compiled(latents(G), tf.constant(psi)), images_of(G, truncation_psi=psi), 1e-4)
