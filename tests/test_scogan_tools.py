"""What works on any generator works on Soft-CoGAN's, or says why not."""

import numpy as np
import pytest
import tensorflow as tf

from msg_stylegan.export import export_generator
from msg_stylegan.interface import Interface
from msg_stylegan.legacy.npz_networks import write_npz_networks
from msg_stylegan.networks import Discriminator, Generator, Networks
from msg_stylegan.options import DiscriminatorOptions, GeneratorOptions
from msg_stylegan.projection import Projector
from msg_stylegan.projection.latents import Latents
from msg_stylegan.sampling.sampler import latents_of_seeds, to_uint8
from msg_stylegan.sampling.style_directions import find_directions

DATA = Interface(32, 1, connect="none")


@pytest.fixture(scope="module")
def G():
    tf.keras.utils.set_random_seed(0)
    # Large weights, for images that differ.
    G = Generator(
        GeneratorOptions(body="scogan", z_dim=6, z_space="uniform", weight_init="he"), DATA
    )
    G.build()
    return G


def test_directions_are_those_of_the_dense_layer(G):
    found = find_directions(G)
    assert found.layers == [0]
    assert found.vectors.shape == (6, 6)
    kernel = np.asarray(G.synthesis.blocks[0].trainable_variables[0])
    change = np.square(found.vectors @ kernel).sum(axis=1)
    np.testing.assert_allclose(change, found.eigenvalues, rtol=1e-4)


def test_projected_latent_stays_in_its_cube(G):
    latents = Latents.of(G, 0)
    assert latents.radius is None
    np.testing.assert_allclose(latents.bounds, np.ones(6), atol=0.01)
    inside = np.random.default_rng(0).uniform(-0.9, 0.9, (5, 6)).astype(np.float32)
    np.testing.assert_allclose(latents.constrained(inside), inside, rtol=1e-6)
    with tf.GradientTape() as tape:
        w = tf.Variable(np.full((1, 6), 3.0, np.float32))
        bounded = latents.constrained(w)
    np.testing.assert_allclose(bounded, latents.bounds[None], rtol=1e-6)
    np.testing.assert_array_equal(tape.gradient(bounded, w), np.ones((1, 6)))

    (image,) = G(latents_of_seeds(G, [1]))
    projector = Projector(G, num_steps=12, num_starts=4)
    losses = [projector.best_losses[0] for _ in projector.search(to_uint8(image).numpy())]
    assert losses[-1] < losses[0]
    assert np.abs(projector.best_ws).max() <= 1
    with pytest.raises(ValueError, match="no noise that could be optimised"):
        Projector(G, optimize_noise=True)


def test_exported_graph_makes_the_same_images(G, tmp_path):
    export_generator(G, tmp_path / "model", "savedmodel")
    generate = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    z = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    images = generate(z=tf.constant(z))
    assert list(images) == ["images_32x32"]
    np.testing.assert_allclose(images["images_32x32"], G(G.place_z(z))[0], atol=1e-4)


@pytest.mark.parametrize("member", ["D", "G_ema"])
def test_weights_have_no_names_in_npz_files(G, tmp_path, member):
    network = G
    if member == "D":
        network = Discriminator(DiscriminatorOptions(body="scogan"), DATA)
    nets = Networks(**{**dict.fromkeys(("G", "D", "G_ema")), member: network})
    nets.build()
    with pytest.raises(ValueError, match=r"no names for their weights.* Write a \.keras file"):
        write_npz_networks(nets, tmp_path / "file.npz")
    assert not (tmp_path / "file.npz").exists()
