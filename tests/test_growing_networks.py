"""Networks that grow: the blend of a fade, gradients, counts of parameters, snapshots."""

import math

import numpy as np
import pytest
import tensorflow as tf
from support.checkout import ROOT
from support.flat_options import networks_of, progan_discriminator_options, progan_generator_options
from support.network_weights import randomize_zeros
from support.plain_operations import nearest

from msg_stylegan.networks import load_snapshot, ops, save_networks
from msg_stylegan.networks.growing import GrowingDiscriminator, GrowingGenerator
from msg_stylegan.sampling.sampler import Sampler

RECORDING = ROOT / "tests" / "recordings" / "growing_8.keras"


def growing_options(label_size=0):
    """Options of small networks."""
    shared = {"label_size": label_size, "stage_resolution": 32}
    G = {**progan_generator_options(4, 8), **shared, "w_dim": 16 if label_size else 8}
    D = {**progan_discriminator_options(4, 8), **shared, "mbstd_group_size": 4}
    return G, D


def make_nets(seed=0, **options):
    """Small networks up to 32x32, with no weight at zero."""
    tf.keras.utils.set_random_seed(seed)
    nets = networks_of(*growing_options(**options))
    for network in (nets.G.synthesis, nets.D):
        randomize_zeros(network, seed)
        network.alpha.assign(1.0)
    for average, variable in zip(nets.G_ema.variables, nets.G.variables, strict=True):
        average.assign(variable)
    return nets


def grow_to(nets, resolution, is_fading, alpha):
    for network in nets.members.values():
        network.grow_to(resolution, is_fading)
        network.alpha.assign(alpha)


def latents(n=4, z_dim=8):
    return np.random.default_rng(1).standard_normal((n, z_dim), dtype=np.float32)


def images_at(resolution, n=4):
    rng = np.random.default_rng(2)
    return rng.uniform(-1, 1, (n, resolution, resolution, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def nets():
    return make_nets()


@pytest.mark.parametrize("resolution", [8, 16, 32])
def test_a_fade_goes_from_the_lower_stage_to_the_plain_one(nets, resolution):
    z, image = latents(), images_at(resolution)
    grow_to(nets, resolution // 2, False, 1.0)
    (lower,) = nets.G(z)
    score_of_lower = nets.D([ops.downsample(image)]).numpy()
    grow_to(nets, resolution, False, 1.0)
    (plain,) = nets.G(z)
    plain_score = nets.D([image]).numpy()
    expected = {0.0: nearest(lower.numpy()), 1.0: plain.numpy()}
    expected[0.25] = 0.75 * expected[0.0] + 0.25 * expected[1.0]
    # The mixture of D lies under nonlinearities; its ends are plain.
    scores = {0.0: score_of_lower, 1.0: plain_score}
    # Compiled once for the whole fade.
    draw = tf.function(lambda z: nets.G(z), autograph=False)
    for alpha, values in expected.items():
        grow_to(nets, resolution, True, alpha)
        assert nets.G.resolutions == nets.D.resolutions == [resolution]
        (mixed,) = draw(tf.constant(z))
        np.testing.assert_allclose(mixed, values, rtol=0, atol=1e-5)
        if alpha in scores:
            np.testing.assert_allclose(nets.D([image]), scores[alpha], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("resolution", "is_fading"), [(4, False), (8, True), (16, False)])
def test_every_weight_of_the_stage_gets_a_gradient_and_no_other(nets, resolution, is_fading):
    grow_to(nets, resolution, is_fading, 0.5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(nets.D(nets.G(latents()))))
    blocks = {"G": nets.G.synthesis.blocks, "D": nets.D.blocks}
    pairs = {
        (name, block.resolution, part): variable
        for name in blocks
        for block in blocks[name]
        for part, variable in enumerate(block.trainable_variables)
    }
    gradients = tape.gradient(loss, list(pairs.values()))
    images = {resolution, resolution // 2} if is_fading else {resolution}
    for (key, variable), gradient in zip(pairs.items(), gradients, strict=True):
        name, side, _ = key
        block = next(b for b in blocks[name] if b.resolution == side)
        end = block.torgb if name == "G" else block.fromrgb
        is_end = any(variable is v for v in end.trainable_variables)
        expected = side in images if is_end else side <= resolution
        assert (gradient is not None) == expected, key
        if expected:
            assert np.any(gradient.numpy()), key


def test_second_order_gradients_through_a_fade(nets):
    grow_to(nets, 8, True, 0.5)
    image = tf.constant(images_at(8))
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            tape.watch(image)
            total = tf.reduce_sum(nets.D([image]))
        penalty = tf.reduce_sum(tf.square(tape.gradient(total, image)))
    kernels = [block.fromrgb.kernel for block in nets.D.blocks[:2]]
    for gradient in outer.gradient(penalty, kernels):
        assert np.isfinite(gradient).all()
        assert np.any(gradient)


def test_the_stddev_leaves_the_activation_alone():
    """PGGAN-PyTorch's centres it in place: there, equal images of a group have equal activations
    of zero, whatever they show."""
    nets = make_nets()
    grow_to(nets, 4, False, 1.0)
    same = np.repeat(images_at(4, 2), 4, axis=0).reshape(2, 4, 4, 4, 3)
    first, second = (nets.D([group]).numpy() for group in same)
    np.testing.assert_allclose(first, np.broadcast_to(first[:1], first.shape), rtol=1e-5)
    assert np.abs(first[0] - second[0]) > 1e-3


def test_parameter_counts_of_pggan():
    sizes = {"resolution": 256, "channel_base": 8192, "channel_max": 512}
    wide = {"z_dim": 512, "w_dim": 512, "mapping_width": 512}
    G_options, D_options = growing_options()
    G = GrowingGenerator.from_config({**G_options, **sizes, **wide, "stage_resolution": 0})
    D = GrowingDiscriminator.from_config({**D_options, **sizes, "stage_resolution": 0})
    for network, expected in ((G, 23_044_309), (D, 23_052_353)):
        network.build()
        assert sum(math.prod(v.shape) for v in network.trainable_variables) == expected


@pytest.mark.parametrize(("resolution", "is_fading"), [(8, True), (16, False)])
def test_a_snapshot_opens_at_its_stage(tmp_path, nets, resolution, is_fading):
    grow_to(nets, resolution, is_fading, 0.25)
    save_networks(nets, tmp_path / "network-snapshot-000001.keras", {"cur_nimg": 7})
    loaded = load_snapshot(tmp_path)
    assert loaded.info == {"cur_nimg": 7}
    assert loaded.G_ema.resolution == resolution
    assert loaded.G_ema.full_resolution == 32
    z = latents()
    np.testing.assert_allclose(loaded.G_ema(z)[0], nets.G_ema(z)[0], atol=1e-6)
    image = images_at(resolution)
    np.testing.assert_allclose(loaded.D([image]), nets.D([image]), rtol=1e-5)
    (drawn,) = Sampler(loaded.G_ema, 2)(z)
    assert drawn.shape == (4, resolution, resolution, 3)
    # It can grow on.
    grow_to(loaded, 32, False, 1.0)
    grow_to(nets, 32, False, 1.0)
    np.testing.assert_allclose(loaded.G_ema(z)[0], nets.G_ema(z)[0], atol=1e-6)


@pytest.mark.skipif(not hasattr(tf.keras, "ops"), reason="Keras 2 cannot read files of Keras 3")
def test_a_snapshot_of_an_older_version_draws_and_judges_as_it_did():
    """Inside a fade. Keras names the weights in it by the classes of the blocks."""
    nets = load_snapshot(RECORDING)
    (images,) = nets.G_ema(nets.info["z"])
    np.testing.assert_allclose(images, nets.info["image"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(nets.D([images]), nets.info["score"], rtol=1e-5)


def test_networks_with_labels_and_the_mean_of_their_inputs():
    nets = make_nets(label_size=2)
    grow_to(nets, 8, False, 1.0)
    labels = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    images = nets.G(latents(), labels, training=True)
    assert nets.D(images, labels).shape == (4, 1)
    # What truncation moves towards.
    inputs = nets.G.mapping(latents(), labels)
    mean = np.mean(inputs, axis=0) * (1 - nets.G.options.w_avg_beta)
    np.testing.assert_allclose(np.asarray(nets.G.w_avg), mean, rtol=1e-3, atol=1e-6)


def test_what_cannot_be_is_refused(nets):
    G_options, D_options = growing_options()
    with pytest.raises(ValueError, match=r"Expected the stage to be one of \[4, 8, 16, 32\]"):
        grow_to(nets, 64, False, 1.0)
    with pytest.raises(ValueError, match="no level below"):
        grow_to(nets, 4, True, 0.5)
    with pytest.raises(ValueError, match=r"generator\.nonlinearity='elu'"):
        GrowingGenerator.from_config({**G_options, "nonlinearity": "elu"})
    with pytest.raises(ValueError, match="Expected body='progan'"):
        GrowingGenerator.from_config({**G_options, "synthesis": "stylegan"})
    with pytest.raises(ValueError, match="Expected mbstd_blocks='last'"):
        networks_of(G_options, {**D_options, "mbstd_blocks": "all"})
    grow_to(nets, 8, False, 1.0)
    with pytest.raises(ValueError, match="Expected images"):
        nets.D([images_at(4), images_at(8)])
