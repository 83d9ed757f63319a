"""BMSG-GAN's generator equals a plain statement of it; generators of one scale; options."""

import numpy as np
import pytest
import tensorflow as tf
from support.flat_options import (
    networks_of,
    progan_discriminator_options,
    progan_generator_options,
)
from support.network_weights import assert_equal_networks, count, randomize
from support.plain_operations import convolve, nearest
from support.tiny_discriminator import random_scales
from support.tiny_generator import OPTIONS, images_of, latents, make_generator, make_progan

from metrics.generated_images import GeneratedImages
from msg_stylegan.networks import (
    Discriminator,
    Generator,
    load_snapshot,
    save_networks,
)
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.resolutions import connected_scales
from msg_stylegan.sampling.sampler import Sampler, z_of_seeds

# Parameters that BMSG-GAN prints: (depth, latent size) -> generator, discriminator.
COUNTS = {
    (4, 512): (20_719_628, 17_184_001),
    (7, 512): (23_044_309, 18_733_185),
    (9, 512): (23_079_115, 18_756_321),
}


def plain_images(G, z):
    """The whole network in NumPy, NHWC."""

    def weight(layer):
        kernel = np.asarray(layer.kernel, np.float64)
        return kernel * np.sqrt(2.0 / np.prod(kernel.shape[:-1]))

    def layer(x, layer):
        return convolve(x, weight(layer)) + np.asarray(layer.bias, np.float64)

    def activate(x):
        return np.where(x < 0, 0.2 * x, x)

    def pixel_norm(x):
        return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-8)

    first, *blocks = G.synthesis.blocks
    x = z.astype(np.float64) @ weight(first.dense)
    x = activate(x.reshape(len(z), 4, 4, -1) + np.asarray(first.bias, np.float64))
    x = pixel_norm(activate(layer(x, first.conv1)))
    images = [layer(x, first.torgb)]
    for block in blocks:
        x = pixel_norm(activate(layer(nearest(x), block.conv0)))
        x = pixel_norm(activate(layer(x, block.conv1)))
        images.append(layer(x, block.torgb))
    return images


@pytest.mark.parametrize(
    ("depth", "options"), [(4, {}), (5, {"num_channels": 1}), (4, {"z_dim": 8})]
)
def test_images_equal_the_plain_statement(depth, options):
    G = make_progan(depth=depth, **options)
    z = latents(G)
    images = images_of(G, z)
    assert [image.shape[1] for image in images] == G.resolutions == [4, 8, 16, 32, 64][:depth]
    for image, expected in zip(images, plain_images(G, z), strict=True):
        np.testing.assert_allclose(image, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_without_a_mapping_network():
    G = make_progan()
    z = latents(G)
    np.testing.assert_array_equal(G.mapping(z), z)
    placed = np.asarray(G.place_z(z))
    np.testing.assert_allclose(np.mean(placed**2, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(placed, G.place_z(3 * z), rtol=1e-5)
    np.testing.assert_array_equal(make_generator().place_z(z), z)
    with pytest.raises(ValueError, match="z_space='cube': must be normal, sphere or uniform"):
        make_progan(z_space="cube")
    assert G.num_ws == 1
    assert G.mapping.variables == []
    assert not G.has_mapping
    assert make_generator().has_mapping


def test_w_avg_stays_at_zero_and_truncation_shortens_w():
    G = make_progan()
    z = latents(G)
    G(z, training=True)
    np.testing.assert_array_equal(G.w_avg.numpy(), np.zeros(8))
    for cutoff in (1, 8, None):
        images = images_of(G, z, truncation_psi=0.5, truncation_cutoff=cutoff)
        expected = G.synthesis(0.5 * G.broadcast(G.mapping(z)))
        for image, other in zip(images, expected, strict=True):
            np.testing.assert_allclose(image, other, rtol=1e-5, atol=1e-5)
    one = images_of(G, z, truncation_psi=0.0)
    for image in one:
        np.testing.assert_allclose(image[1:], image[:-1], atol=1e-5)


def test_nothing_is_random():
    G = make_progan()
    for mode in ("random", "none"):
        for image, other in zip(images_of(G), images_of(G, noise_mode=mode), strict=True):
            np.testing.assert_array_equal(image, other)


def test_labels_become_the_second_half_of_w():
    G = make_progan(label_size=3, w_dim=16)
    labels = np.eye(3, dtype=np.float32)
    z = np.repeat(latents(G, 1), 3, axis=0)
    for image in images_of(G, z, labels):
        assert np.abs(image[0] - image[1]).max() > 1e-3
    with pytest.raises(ValueError, match=r"generator\.w_dim=8: must be 16"):
        Generator.from_config({**progan_generator_options(4, 8), "label_size": 3})


def test_progan_with_a_mapping_network():
    mapping = {"mapping_layers": 2, "w_dim": 5, "w_avg_beta": 0.5}
    G = make_progan(**mapping)
    z = latents(G)
    mean = np.mean(G.mapping(z), axis=0)
    G(z, training=True)
    np.testing.assert_allclose(G.w_avg.numpy(), 0.5 * mean, rtol=1e-5, atol=1e-6)
    assert [image.shape for image in images_of(G)] == [(4, r, r, 3) for r in (4, 8, 16, 32)]


def test_every_weight_receives_gradient_through_D():
    G = make_progan()
    D = Discriminator.from_config(progan_discriminator_options(4, 8))
    variables = [tensorflow_variable(variable) for variable in G.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.nn.softplus(-D(G(latents(G), training=True))))
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        assert gradient is not None, variable.name
        assert np.all(np.isfinite(gradient))
        assert np.any(gradient), variable.name


@pytest.mark.parametrize("depth", [4, 5, 6, 7, 8, 9])
def test_channels_are_those_of_bmsg_gan(depth):
    """Layer i of D turns F into F/2 up to i = 2, then keeps F / 2^(i-2)."""
    F = 32
    G = Generator.from_config(progan_generator_options(depth, F))
    D = Discriminator.from_config(progan_discriminator_options(depth, F))
    assert G.resolution == D.resolution == 4 * 2 ** (depth - 1)
    assert G.z_dim == F
    of_G = [F, F, F, F, F // 2, F // 4, F // 8, F // 16, F // 32][:depth]
    assert [block.out_channels for block in G.synthesis.blocks] == of_G
    last, *blocks = D.blocks
    assert [block.in_channels for block in blocks] == [
        F if i <= 2 else F // 2 ** (i - 2) for i in range(depth - 1)
    ]
    assert [block.out_channels for block in blocks] == [
        F // 2 if i <= 2 else F // 2 ** (i - 2) for i in range(depth - 1)
    ]
    assert (last.in_channels, last.out_channels, last.combine.channels) == (F, F, F)
    assert [block.uses_mbstd for block in D.blocks] == [True] + [False] * (depth - 1)
    assert D.options.mbstd_group_size == -1


@pytest.mark.parametrize(("depth", "latent_size"), COUNTS)
def test_networks_have_the_golden_counts(depth, latent_size):
    G = Generator.from_config(progan_generator_options(depth, latent_size))
    D = Discriminator.from_config(progan_discriminator_options(depth, latent_size))
    G.build()
    D.build()
    counts = count(G.trainable_variables), count(D.trainable_variables)
    assert counts == COUNTS[depth, latent_size]


@pytest.mark.parametrize("make", [progan_generator_options, progan_discriminator_options])
def test_impossible_sizes_are_refused(make):
    for depth in (0, 3):
        with pytest.raises(ValueError, match=f"at least 4. Received: {depth}"):
            make(depth, 512)
    for depth, latent_size in ((4, 0), (4, 12), (7, 4), (9, 31)):
        with pytest.raises(ValueError, match=rf"power of two of at least.*Received: {latent_size}"):
            make(depth, latent_size)
    assert make(7, 8)["channel_max"] == 8


def connected(G, connect):
    """A generator with the weights of `G` that gives some of its scales only."""
    some = Generator.from_config({**G.get_config(), "connect": connect})
    some.build()
    copy(G.mapping.variables, some.mapping.variables)
    for block, other in zip(some.synthesis.blocks, G.synthesis.blocks, strict=True):
        unused = other.torgb.variables if block.torgb is None else []
        unused = {id(variable) for variable in unused}
        copy([v for v in other.variables if id(v) not in unused], block.variables)
    copy([G.w_avg], [some.w_avg])
    return some


def copy(variables, targets):
    for variable, target in zip(variables, targets, strict=True):
        target.assign(np.asarray(variable))


@pytest.mark.parametrize("connect", ["none", "4"])
@pytest.mark.parametrize("make", [make_generator, make_progan])
def test_images_of_connected_scales_are_those_of_all(make, connect):
    G = make()
    some = connected(G, connect)
    kept = connected_scales(connect, G.resolution)
    assert (some.resolutions, some.resolution, some.num_ws) == (kept, G.resolution, G.num_ws)
    for arguments in ({}, {"truncation_psi": 0.5}):
        expected = dict(zip(G.resolutions, images_of(G, **arguments), strict=True))
        for side, image in zip(kept, images_of(some, **arguments), strict=True):
            np.testing.assert_array_equal(image, expected[side])
    # Only their own images have a 1x1 convolution.
    blocks = zip(G.resolutions, G.synthesis.blocks, strict=True)
    channels = [block.out_channels for side, block in blocks if side not in kept]
    less = sum(c * G.num_channels + G.num_channels for c in channels)
    assert count(some.variables) == count(G.variables) - less


@pytest.mark.parametrize("options", [{}, {"label_size": 2}])
def test_sampler_draws_from_a_single_output(options):
    G = make_generator(connect="none", **options)
    labels = np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 0]] if options else None
    sampler = Sampler(G, 2, noise_mode="const")
    assert sampler.resolutions == [16]
    (images,) = sampler(z_of_seeds(range(5), G.z_dim), labels)
    assert images.shape == (5, 16, 16, 3)
    assert images.dtype == np.uint8
    with pytest.raises(ValueError, match=r"makes images of \[16\] pixels. Received \[8\]"):
        Sampler(G, 2, resolutions=[8])


@pytest.mark.parametrize("make", [lambda: make_generator(connect="none"), make_progan])
def test_metrics_draw_from_them(make):
    G = make()
    generated = GeneratedImages(G, 2)
    assert generated.resolutions == G.resolutions
    (top,) = generated.batches(2)
    (scales,) = generated.scale_batches(2)
    assert [images.shape for images in scales] == [(2, res, res, 3) for res in G.resolutions]
    np.testing.assert_array_equal(scales[-1], top)
    assert len(generated.fixed_images(3)) == len(G.resolutions)
    arguments = {"sampling": "full", "epsilon": 1e-2}
    for space in ("z", "w"):
        (distances,) = generated.path_distances(
            2,
            lambda a, b: tf.reduce_mean(tf.square(a - b), axis=[1, 2, 3]),
            space=space,
            **arguments,
        )
        assert distances.shape == (2,)
        assert np.all(distances > 0)


CONFIGURATIONS = {
    "progan": (progan_generator_options(4, 8), progan_discriminator_options(4, 8)),
    "single": ({**OPTIONS, "connect": "none"}, None),
    "progan, single, grey": (
        {**progan_generator_options(5, 4, 1), "connect": "none"},
        {**progan_discriminator_options(5, 4, 1), "combine": "simple", "body": "stylegan"},
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_snapshot_round_trip(name, tmp_path):
    G_options, D_options = CONFIGURATIONS[name]
    nets = networks_of(G_options, D_options or progan_discriminator_options(4, 4))
    randomize(nets)
    save_networks(nets, tmp_path / "snapshot.keras", {})
    again = load_snapshot(tmp_path / "snapshot.keras")
    assert_equal_networks(again, nets)
    for image, other in zip(images_of(nets.G_ema), images_of(again.G_ema), strict=True):
        np.testing.assert_array_equal(image, other)
    images = random_scales(nets.D, 3)
    np.testing.assert_array_equal(nets.D(images), again.D(images))
