"""StyleGAN2's networks in multi-scale form: their plain statement, sizes, parts and tools."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from support.network_weights import assert_equal_networks, count, randomize_zeros
from support.plain_operations import normal
from support.plain_stylegan2 import plain_discriminator, plain_synthesis
from support.saved_pictures import pixels

from msg_stylegan import losses
from msg_stylegan.commands import generate
from msg_stylegan.interface import Interface
from msg_stylegan.networks import (
    Discriminator,
    Generator,
    build_networks,
    load_snapshot,
    ops,
    save_networks,
)
from msg_stylegan.networks.named_variables import named_variables
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.options import DiscriminatorOptions, GeneratorOptions
from msg_stylegan.projection.projector import Projector
from msg_stylegan.sampling.sampler import to_uint8
from msg_stylegan.sampling.style_directions import find_directions
from msg_stylegan.transfer.origin import Origin

SMALL = {"channel_base": 32, "channel_max": 6}
SMALL_G = {
    "z_dim": 6,
    "w_dim": 5,
    "mapping_layers": 2,
    "mapping_width": 7,
    "body": "stylegan2",
    **SMALL,
}
SMALL_D = {"body": "residual", "mbstd_group_size": 0, **SMALL}


IMAGES = Interface(16, 3)


def make_networks(data=IMAGES, G=(), D=()):
    """With no weight at zero, w_avg included."""
    nets = build_networks(
        GeneratorOptions(**{**SMALL_G, **dict(G)}),
        DiscriminatorOptions(**{**SMALL_D, **dict(D)}),
        data,
    )
    for network in nets.members.values():
        randomize_zeros(network, 0)
    return nets


@functools.cache
def networks():
    """To be read only."""
    return make_networks()


def variables_of(network):
    return [tensorflow_variable(variable) for variable in network.trainable_variables]


def different_ws(G, n=3):
    return tf.constant(normal(n, G.num_ws, G.w_dim))


def assert_same(ours, expected, tolerance):
    for value, other in zip(ours, expected, strict=True):
        assert np.abs(other).max() > 0
        difference = np.abs(np.asarray(value) - np.asarray(other)).max()
        assert difference <= tolerance * np.abs(other).max()


def test_images_are_those_of_the_plain_statement():
    G = networks().G
    ws = different_ws(G)
    images = G.synthesis(ws, noise_mode="const")
    assert [image.shape for image in images] == [(3, side, side, 3) for side in (4, 8, 16)]
    assert_same(images, plain_synthesis(G.synthesis, ws), 1e-4)


def test_path_lengths_and_their_gradients_are_those_of_the_plain_statement():
    G = networks().G
    ws, y = different_ws(G), tf.constant(normal(3, 16, 16, 3, seed=1))
    variables = variables_of(G.synthesis)

    def penalty(synthesize):
        with tf.GradientTape() as tape:
            lengths = losses.path_lengths(synthesize, ws, y)
            total = tf.reduce_sum(tf.square(lengths - 0.3))
        return [lengths, *tape.gradient(total, variables, unconnected_gradients="zero")]

    ours = penalty(lambda ws: G.synthesis(ws, noise_mode="const")[-1])
    expected = penalty(lambda ws: plain_synthesis(G.synthesis, ws)[-1])
    places = [i for i, gradient in enumerate(expected) if np.any(gradient)]
    # What is added to the last image does not count, nor do the other images.
    still = {id(v) for block in G.synthesis.blocks[:-1] for v in block.torgb.trainable_variables}
    still.add(id(G.synthesis.blocks[-1].torgb.bias))
    trainable = G.synthesis.trainable_variables
    assert [i - 1 for i in places[1:]] == [
        i for i, variable in enumerate(trainable) if id(variable) not in still
    ]
    assert_same([ours[i] for i in places], [expected[i] for i in places], 2e-3)


def test_r1_and_its_gradients_are_those_of_the_plain_statement():
    D = networks().D
    reals = tf.constant(normal(4, 16, 16, 3))

    def penalty(D_of_images):
        with tf.GradientTape() as tape:
            value, logits = losses.r1_penalty(
                D_of_images, reals, lambda x: ops.image_scales(x, D.resolutions)
            )
            total = tf.reduce_sum(value) + tf.reduce_sum(tf.nn.softplus(logits))
        return [value, logits, *tape.gradient(total, variables_of(D))]

    assert_same(penalty(D), penalty(lambda images: plain_discriminator(D, images)), 1e-3)


# Side of the images -> trainable parameters of both networks as in configuration F, 3 channels.
COUNTS = {8: (10_505_225, 11_807_233), 64: (27_032_600, 27_543_553), 1024: (30_370_060, 30_418_273)}
CONFIGURATION_F = {"channel_base": 16384, "channel_max": 512}


def make_large(resolution, connect="all"):
    data = Interface(resolution, 3, connect=connect)
    G = Generator(GeneratorOptions(body="stylegan2", **CONFIGURATION_F), data)
    D = Discriminator(
        DiscriminatorOptions(body="residual", mbstd_blocks="last", **CONFIGURATION_F), data
    )
    G.build()
    D.build()
    return G, D


@pytest.mark.parametrize("resolution", COUNTS)
def test_parameter_counts(resolution):
    G, D = make_large(resolution)
    assert (count(G.trainable_variables), count(D.trainable_variables)) == COUNTS[resolution]


def test_the_discriminator_of_one_image_has_the_published_size():
    """That of the generator is the one of 1024x1024 above: StyleGAN2 has its `torgb`, too."""
    _, D = make_large(1024, connect="none")
    assert count(D.trainable_variables) == 29_012_513


def test_residual_blocks_keep_the_variance():
    """Before training, of activations that are the same everywhere, which means do not change."""
    options = DiscriminatorOptions(body="residual", channel_base=512, channel_max=128)
    D = Discriminator(options, Interface(16, 3, connect="none"))
    D.build()
    x = tf.tile(tf.constant(normal(64, 1, 1, 128)), [1, 8, 8, 1])
    y = D.blocks[1](x, image=None)[:, 1:-1, 1:-1]
    assert float(tf.reduce_mean(y**2)) == pytest.approx(1.0, rel=0.2)


def test_a_style_has_no_scale_but_for_the_image():
    G = make_networks().G
    block = G.synthesis.blocks[1]
    x, w = tf.constant(normal(2, 4, 4, block.in_channels)), tf.constant(normal(2, 5, seed=1))

    def results():
        return block(x, w, w, w, noise_mode="const")

    (features, image), factor = results(), 3.0
    for layer in (block.conv0, block.conv1):
        # The style is `w kernel + bias + 1`.
        layer.style.kernel.assign(layer.style.kernel * factor)
        layer.style.bias.assign((layer.style.bias + 1.0) * factor - 1.0)
    same, same_image = results()
    assert_same([same, same_image], [features, image], 1e-4)
    bias = tf.convert_to_tensor(block.torgb.bias)
    block.torgb.style.kernel.assign(block.torgb.style.kernel * factor)
    block.torgb.style.bias.assign((block.torgb.style.bias + 1.0) * factor - 1.0)
    assert_same([results()[1] - bias], [factor * (image - bias)], 1e-4)


def test_each_w_reaches_the_scales_from_its_layer_on():
    G = networks().G
    ws = different_ws(G)
    images = G.synthesis(ws, noise_mode="const")
    for layer in range(G.num_ws):
        shift = tf.one_hot(layer, G.num_ws)[:, None] * normal(3, 1, 5, seed=layer)
        changed = G.synthesis(ws + shift, noise_mode="const")
        differs = [bool(np.any(a != b)) for a, b in zip(images, changed, strict=True)]
        assert differs == [scale >= layer // 2 for scale in range(3)]


def test_gradients_of_every_scale_reach_all_blocks_up_to_it():
    G = networks().G
    for scale, image_block in enumerate(G.synthesis.blocks):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.square(G(normal(4, 6))[scale]))
        variables = variables_of(G)
        gradients = tape.gradient(total, variables, unconnected_gradients="zero")
        reached = {
            id(v) for v, g in zip(G.trainable_variables, gradients, strict=True) if np.any(g)
        }
        expected = [
            *G.feature_variables(image_block.resolution),
            *image_block.torgb.trainable_variables,
        ]
        assert reached == {id(variable) for variable in expected}
        assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


def test_mixed_latents_are_those_of_each_layer():
    G = networks().G
    z, other = normal(4, 6), normal(4, 6, seed=1)
    ws = G.broadcast(G.mapping(z)).numpy()
    others = G.broadcast(G.mapping(other)).numpy()
    for first_layer in range(1, G.num_ws + 1):
        images = G(z, noise_mode="const", mixing=(other, tf.constant(first_layer)))
        layers = np.arange(G.num_ws)[:, None]
        expected = G.synthesis(np.where(layers < first_layer, ws, others), noise_mode="const")
        assert_same(images, expected, 1e-6)


@pytest.mark.parametrize(
    "data, G, D",
    [
        (
            Interface(8, 1, label_size=3, connect="none"),
            {"use_noise": False, "blur_filter": (1.0, 3.0, 1.0), "equalized_lr": False},
            {"combine": "lin_cat", "mbstd_group_size": 2, "nonlinearity": "relu"},
        ),
        (
            Interface(16, 3, connect="8"),
            {"nonlinearity": "relu", "channel_decay": 0.5, "mapping_layers": 0, "w_dim": 6},
            {"combine": "simple", "blur_filter": (), "mbstd_blocks": "last"},
        ),
    ],
)
def test_round_trip_of_a_snapshot_with_other_options(tmp_path, data, G, D):
    nets = make_networks(data, G, D)
    for network in (nets.G, nets.D):
        again = type(network).from_config(network.get_config())
        assert again.get_config() == network.get_config()
    save_networks(nets, tmp_path / "a.keras", {})
    again = load_snapshot(tmp_path / "a.keras")
    assert_equal_networks(again, nets)
    z = normal(4, 6)
    labels = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]] if data.label_size else None
    images = nets.G_ema(z, labels, truncation_psi=0.5, noise_mode="const")
    for image, other in zip(
        images, again.G_ema(z, labels, truncation_psi=0.5, noise_mode="const"), strict=True
    ):
        np.testing.assert_array_equal(image, other)
    np.testing.assert_array_equal(nets.D(images, labels), again.D(images, labels))


@pytest.mark.parametrize(
    "options, problem",
    [
        ({"use_styles": False}, None),
        ({"use_const_input": False}, None),
        ({"use_pixel_norm": True}, r"use_pixel_norm=True: must be False, or left out, with .*body"),
    ],
)
def test_styles_and_the_constant_belong_to_the_body(options, problem):
    name = next(iter(options))
    with pytest.raises(ValueError, match=problem or f"{name}=False: must be True"):
        make_networks(G=options)


def test_directions_are_those_of_all_readers_of_w():
    G = networks().G
    assert find_directions(G).layers == list(range(6))
    # At 4x4 the layer of the image is that of the first convolution of 8x8.
    found = find_directions(G, [1])
    blocks = G.synthesis.blocks
    kernels = [
        np.asarray(layer.style.scaled_kernel()) for layer in (blocks[1].conv0, blocks[0].torgb)
    ]
    a = np.concatenate(kernels, axis=1)
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(a @ a.T)[::-1], rtol=1e-3)


def test_generated_images_are_recovered_with_noise_maps():
    G = make_networks(Interface(8, 1)).G_ema
    target = to_uint8(G(normal(1, 6), noise_mode="const")[-1]).numpy()
    projector = Projector(G, num_steps=30, num_starts=8, space="w+", optimize_noise=True)
    losses_of_steps = [projector.best_losses[0] for _ in projector.search(target)]
    assert losses_of_steps[-1] < losses_of_steps[0] / 2
    # One map at 4x4, where there is one convolution.
    assert [array.shape[0] for array in projector.best_noise_maps] == [4, 8, 8]


def test_weights_of_another_size_and_of_stylegan_are_taken_over():
    source, target = make_networks(), make_networks(Interface(32, 3))
    Origin("file", source).give_to(target)
    z = normal(4, 6)
    images, expected = (nets.G_ema(z, noise_mode="const") for nets in (target, source))
    for image, other in zip(images, expected, strict=False):
        np.testing.assert_array_equal(image, other)
    source = make_networks(G={"body": "stylegan"}, D={"body": "stylegan"})
    target = make_networks()
    matches = Origin("file", source).give_to(target)
    np.testing.assert_array_equal(target.G.mapping(z), source.G.mapping(z))
    assert "synthesis/block_16x16/conv0/style" in matches["G"].fresh
    assert list(matches["D"].fresh) == ["block_8x8/skip", "block_16x16/skip"]


def test_domains_share_all_but_what_makes_and_reads_images():
    nets = make_networks()
    for network in (nets.G, nets.D):
        shared = {id(variable) for variable in network.feature_variables(16)}
        named = named_variables(network)
        own = {name for name, v in named.items() if v.trainable and id(v) not in shared}
        assert own == {n for n in named if "torgb/" in n or "fromrgb/" in n or "combine/" in n}


def test_commands_draw(tmp_path):
    save_networks(make_networks(), tmp_path / "a.keras", {})
    network = f"--network={tmp_path / 'a.keras'}"
    for name, *arguments in (
        ("images",),
        ("mixing", "--rows=3,4"),
        ("noise", "--shown=2", "--repeats=3", "--noise_scales=8"),
        ("truncation", "--psis=0,1"),
        ("directions",),
    ):
        target = tmp_path / name
        assert generate.main([name, network, "--seeds=1,2", f"--outdir={target}", *arguments]) == 0
        pictures = [pixels(path) for path in target.rglob("*.png")]
        assert pictures and all(picture.std() > 0 for picture in pictures)
