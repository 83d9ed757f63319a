"""The generator equals a plain statement of it, and its options and arguments do what they say."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from support.flat_options import networks_of
from support.network_weights import copy_weights
from support.plain_generator import PlainGenerator
from support.plain_operations import one_hot
from support.tiny_discriminator import make_discriminator
from support.tiny_generator import (
    BEYOND_THE_ORIGINAL,
    CHANGES,
    OF_SCOGAN,
    OPTIONS,
    assert_same,
    differ,
    images_of,
    latents,
    make_generator,
    table_of,
)

from msg_stylegan.networks import Generator
from msg_stylegan.networks.variables import tensorflow_variable


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"resolution": 8, "num_channels": 1, "label_size": 3, "mapping_layers": 1},
        {"nonlinearity": "relu", "mapping_nonlinearity": "relu", "blur_filter": (1, 4, 6, 4, 1)},
        {"equalized_lr": False, "blur_filter": (), "use_noise": False, "normalize_z": False},
        {"use_styles": False, "use_const_input": False, "use_pixel_norm": True},
        {"use_instance_norm": False, "use_pixel_norm": True, "channel_decay": 0.5},
        {"use_instance_norm": False, "label_size": 2, "use_const_input": False},
    ],
    ids=str,
)
def test_w_and_images_equal_the_plain_statement(options):
    G = make_generator(**options)
    labels = one_hot([0, 1, 1, 0], G.label_size) if G.label_size else None
    plain = PlainGenerator(G)
    w = G.mapping(latents(G), labels)
    assert w.shape == (4, G.w_dim)
    assert_same([w], [plain.mapping(latents(G), labels)], 1e-4)
    assert_same(images_of(G, labels=labels), plain.synthesis(np.asarray(w, np.float64)), 1e-4)


@pytest.mark.parametrize(("res_log2", "num_channels"), [(3, 1), (4, 3), (6, 3)])
def test_images_are_a_list_from_low_to_high(res_log2, num_channels):
    G = make_generator(resolution=2**res_log2, num_channels=num_channels)
    images = G(latents(G, 2))
    assert isinstance(images, list)
    sides = [2**i for i in range(2, res_log2 + 1)]
    assert [image.shape for image in images] == [(2, side, side, num_channels) for side in sides]
    assert {image.dtype for image in images} == {tf.float32}
    assert G.resolutions == sides
    assert G.num_ws == 2 * len(sides)


@functools.cache
def generator_of(label_size):
    """To be read only."""
    return make_generator(label_size=label_size)


@pytest.fixture
def G():
    return generator_of(0)


@pytest.mark.parametrize("resolution", [0, 4, 12, 100])
def test_impossible_resolutions_are_refused(resolution):
    with pytest.raises(ValueError, match=rf"power of two of at least 8. Received: {resolution}"):
        Generator.from_config({**OPTIONS, "resolution": resolution})


def test_unknown_options_are_refused():
    with pytest.raises((TypeError, ValueError), match="fmap_base"):
        Generator.from_config({**OPTIONS, "fmap_base": 64})
    for option in ("nonlinearity", "mapping_nonlinearity", "synthesis", "z_space"):
        with pytest.raises(ValueError, match=r"generator\.\w+='swish': must be "):
            Generator.from_config({**OPTIONS, option: "swish"})


@pytest.mark.parametrize("label_size", [0, 3])
def test_public_use(label_size):
    shared = {"label_size": label_size}
    D = make_discriminator(**shared)
    nets = networks_of({**OPTIONS, **shared}, D.get_config())
    rng = np.random.RandomState(7)
    z = rng.randn(4, nets.G.z_dim)
    assert z.dtype == np.float64
    labels = np.eye(label_size)[[0, 2, 1, 1]] if label_size else None

    images = nets.G_ema(z, labels, truncation_psi=0.7, truncation_cutoff=8, noise_mode="const")
    assert [image.shape for image in images] == [(4, res, res, 3) for res in (4, 8, 16)]
    assert {image.dtype for image in images} == {tf.float32}
    w = nets.G.mapping(z, labels)
    assert w.shape == (4, nets.G.w_dim)
    assert w.dtype == tf.float32
    for given in (images, [image.numpy() for image in images]):
        logits = nets.D(given, labels)
        assert logits.shape == (4, 1)
        assert logits.dtype == tf.float32
    if not label_size:
        np.testing.assert_array_equal(nets.D(images), logits)
        np.testing.assert_array_equal(nets.G.mapping(z), w)
    # The averaged generator starts as a copy.
    assert_same(images_of(nets.G, z, labels), images_of(nets.G_ema, z, labels), 0)


def test_z_of_any_float_type(G):
    z = np.round(latents(G), 2).astype(np.float16)
    expected = images_of(G, z.astype(np.float32))
    for other in (z, z.astype(np.float64), tf.constant(z), z.astype(np.float64).tolist()):
        assert_same(images_of(G, other), expected)


@pytest.mark.parametrize(
    ("label_size", "z_shape", "labels", "message"),
    [
        (0, (4, 5), None, r"`z` of shape \[N, 6\].*\(4, 5\)"),
        (0, (6,), None, r"`z` of shape \[N, 6\].*\(6,\)"),
        (0, (4, 1, 6), None, r"`z` of shape \[N, 6\].*\(4, 1, 6\)"),
        (0, (4, 6), np.zeros((4, 3), np.float32), r"unconditional.*\(4, 3\)"),
        (3, (4, 6), None, r"`labels` of shape \[N, 3\].*None"),
        (3, (4, 6), np.zeros((4, 2), np.float32), r"`labels` of shape \[N, 3\].*\(4, 2\)"),
        (3, (4, 6), np.zeros((3,), np.float32), r"`labels` of shape \[N, 3\].*\(3,\)"),
        (3, (4, 6), np.zeros((2, 3), np.float32), r"one label per sample \(4\).*2"),
    ],
)
@pytest.mark.parametrize("part", ["network", "mapping"])
def test_wrong_arguments_are_refused(part, label_size, z_shape, labels, message):
    G = generator_of(label_size)
    with pytest.raises(ValueError, match=message):
        (G if part == "network" else G.mapping)(np.zeros(z_shape, np.float32), labels)


def test_unknown_noise_mode_names_the_known_ones(G):
    with pytest.raises(ValueError, match=r"const.*random.*none.*'constant'"):
        G(latents(G), noise_mode="constant")


def test_wrong_ws_are_refused(G):
    for shape in [(4, 5), (4, 5, 5), (4, 6, 6)]:
        with pytest.raises(ValueError, match=r"`ws` of shape \[N, 6, 5\]"):
            G.synthesis(np.zeros(shape, np.float32))


def test_images_are_the_synthesis_of_the_mapping(G):
    w = G.mapping(latents(G))
    ws = G.broadcast(w)
    assert ws.shape == (4, G.num_ws, G.w_dim)
    for layer in range(G.num_ws):
        np.testing.assert_array_equal(ws[:, layer], w)
    assert_same(G.synthesis(ws.numpy(), noise_mode="const"), images_of(G))


def test_network_without_styles_and_with_constant_input_forgets_z():
    G = make_generator(use_styles=False)
    assert G.num_ws == 1
    for image in images_of(G):
        np.testing.assert_allclose(image[1:], image[:-1], atol=1e-5)
    G = make_generator(use_styles=False, use_const_input=False)
    assert differ(images_of(G), images_of(G, latents(G, seed=1))) == [True] * 3


def gradients_through_D(G, D, scales, noise_mode="random"):
    """Gradient of all weights of G, of logits that see the images of some scales only.

    Returns:
        Set of the original names of the weights whose gradient is not zero.
    """
    table = {name: v for name, (v, _) in table_of(G).items() if v.trainable}
    variables = [tensorflow_variable(variable) for variable in table.values()]
    with tf.GradientTape() as tape:
        images = G(latents(G), noise_mode=noise_mode, training=True)
        seen = [image if i in scales else tf.stop_gradient(image) for i, image in enumerate(images)]
        total = tf.reduce_sum(tf.nn.softplus(-D(seen)))
    gradients = tape.gradient(total, variables, unconnected_gradients="zero")
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
    return {name for name, g in zip(table, gradients, strict=True) if np.any(g)}, set(table)


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_gradient_of_a_scale_reaches_its_torgb_and_all_blocks_up_to_it(scale):
    """The multi-scale gradient: D talks to every block directly."""
    G, D = make_generator(), make_discriminator()
    reached, all_names = gradients_through_D(G, D, scales=[scale])
    blocks = [f"G_synthesis/{res}x{res}/" for res in G.resolutions[: scale + 1]]
    torgb = f"G_synthesis/ToRGB_lod{2 - scale}/"
    expected = {n for n in all_names if n.startswith(("G_mapping/", torgb, *blocks))}
    assert reached == expected


def test_w_avg_takes_no_part_in_the_gradient():
    G = make_generator()
    with tf.GradientTape() as tape:
        G(latents(G), training=True)
        total = tf.reduce_sum(tf.convert_to_tensor(G.w_avg) ** 2)
    variables = [tensorflow_variable(variable) for variable in G.trainable_variables]
    assert tape.gradient(total, variables) == [None] * len(variables)


def test_changes_cover_all_options():
    names = Generator.from_config(OPTIONS).get_config().keys() - {"name", *OF_SCOGAN}
    assert names == set(OPTIONS) == set(CHANGES)


@pytest.mark.parametrize("option", [name for name in CHANGES if name not in BEYOND_THE_ORIGINAL])
def test_every_option_changes_the_result(option):
    G, other = make_generator(), make_generator(**{option: CHANGES[option]})
    different = copy_weights(table_of(other), table_of(G))
    same_weights = {
        "mapping_lr_multiplier",
        "mapping_nonlinearity",
        "normalize_z",
        "nonlinearity",
        "equalized_lr",
        "use_pixel_norm",
        "use_instance_norm",
        "blur_filter",
        "w_avg_beta",
    }
    assert bool(different) == (option not in same_weights)
    results = []
    for network in (G, other):
        labels = one_hot([0, 1, 2, 0], 3)[:, : network.label_size]
        images = images_of(network, labels=labels, training=True)
        results.append((images, network.w_avg.numpy()))
    (images, w_avg), (others, other_w_avg) = results
    if option == "w_avg_beta":
        assert np.abs(w_avg - other_w_avg).min() > 1e-4
    elif option == "resolution":
        assert len(others) == len(images) + 1
    elif option == "num_channels":
        assert {image.shape[-1] for image in others} == {1}
    else:
        first_scale = {"blur_filter": 1, "channel_base": 1, "channel_decay": 2}.get(option, 0)
        assert differ(images, others) == [scale >= first_scale for scale in range(3)]


def test_equal_shapes_do_not_start_with_equal_weights():
    G = Generator.from_config({**OPTIONS, "name": "fresh"})
    G.build()
    kernels = {n: np.asarray(v) for n, (v, _) in table_of(G).items() if n.endswith("/weight")}
    random = [k for n, k in kernels.items() if "Noise" not in n]
    for i, kernel in enumerate(random):
        for other in random[:i]:
            assert kernel.shape != other.shape or not np.allclose(kernel, other)
