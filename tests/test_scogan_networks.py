"""Soft-CoGAN's networks: their sizes, a restatement in NumPy, norms, dropout, and their options."""

import dataclasses
import functools
import math

import numpy as np
import pytest
import tensorflow as tf
from support import plain_scogan
from support.network_weights import assert_equal_networks, count
from support.new_process import arrays_of_python
from support.stored_data_sets import random_images, write_records
from support.tiny_training import assert_same_checkpoints, tiny_config, train_tiny

from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.interface import Interface
from msg_stylegan.networks import (
    Discriminator,
    Encoder,
    Generator,
    build_networks,
    load_snapshot,
    newest_snapshot,
    ops,
    save_networks,
)
from msg_stylegan.networks.scogan_layers import BatchNorm, Dropout, LayerNorm
from msg_stylegan.networks.scogan_synthesis import ScoganSynthesis
from msg_stylegan.options import Config, DiscriminatorOptions, GeneratorOptions, changed, validate

SEED = [3, 4]


def interface(resolution=32, num_channels=3, label_size=0):
    return Interface(resolution, num_channels, label_size, connect="none")


def make(network_class, *arguments, data=None, **options):
    """Built, with biases, scales and averages that are not those of the start."""
    tf.keras.utils.set_random_seed(0)
    options = network_class.options_class(body="scogan", **options)
    network = network_class(options, data or interface(), *arguments)
    network.build()
    rng = np.random.default_rng(0)
    for variable in network.variables:
        if len(variable.shape) == 1:
            variable.assign(variable + rng.uniform(0.0, 0.3, variable.shape).astype(np.float32))
    return network


@functools.cache
def generator():
    """To be read only."""
    return make(Generator, z_dim=100, z_space="uniform")


@functools.cache
def discriminator(resolution=32, norm="batch"):
    """To be read only."""
    return make(Discriminator, data=interface(resolution), norm=norm)


def some_z(n=4):
    return np.random.default_rng(1).uniform(-1, 1, (n, 100)).astype(np.float32)


def some_images(n=4, resolution=32, num_channels=3):
    shape = (n, resolution, resolution, num_channels)
    return np.random.default_rng(2).uniform(-1, 1, shape).astype(np.float32)


def arrays(variables):
    return [np.asarray(variable, np.float64) for variable in variables]


# Parameters of a layer with biases, of a norm, and slopes of a PReLU.
def dense(inputs, outputs):
    return inputs * outputs + outputs


def conv(kernel_size, inputs, outputs):
    return kernel_size**2 * inputs * outputs + outputs


def norm(channels):
    return 2 * channels


def slopes(side, channels):
    return side**2 * channels


def up(kernel_size, side, inputs, outputs):
    """A block of the generator that ends at a side."""
    return conv(kernel_size, inputs, outputs) + norm(outputs) + slopes(side, outputs)


def down(kernel_size, side, inputs, outputs):
    """A block of the discriminator that starts from a side."""
    return conv(kernel_size, inputs, outputs) + norm(outputs) + slopes(side // 2, outputs)


START = dense(100, 16 * 1024) + norm(1024) + slopes(4, 1024)
LARGE_START = dense(100, 16 * 2048) + norm(2048) + slopes(4, 2048)
GENERATORS = {
    32: [
        *(START, up(3, 8, 1024, 512), up(3, 16, 512, 256), up(3, 32, 256, 128)),
        conv(6, 128, 3),
    ],
    128: [
        *(START, up(4, 8, 1024, 512), up(4, 16, 512, 256), up(4, 32, 256, 128)),
        *(up(4, 64, 128, 64), up(4, 128, 64, 32), conv(3, 32, 3)),
    ],
    256: [
        LARGE_START,
        # Leaky ReLU has no slopes to learn.
        *(up(4, 8, 2048, 1024) - slopes(8, 1024), up(4, 16, 1024, 512) - slopes(16, 512)),
        *(up(4, 32, 512, 256), up(4, 64, 256, 128), up(4, 128, 128, 64), up(4, 256, 64, 32)),
        conv(3, 32, 3),
    ],
}
DISCRIMINATORS = {
    32: [
        conv(5, 3, 20),
        conv(5, 20, 50),
        dense(8 * 8 * 50, 500) + slopes(1, 500) + dense(500, 1),
    ],
    128: [
        *(down(5, 128, 3, 32), down(5, 64, 32, 64), down(5, 32, 64, 128)),
        *(down(3, 16, 128, 256), down(3, 8, 256, 512), down(3, 4, 512, 1024)),
        dense(2 * 2 * 1024, 2048) + norm(2048) + slopes(1, 2048) + dense(2048, 1),
    ],
    256: [
        *(down(5, 256, 3, 32), down(5, 128, 32, 64), down(5, 64, 64, 128)),
        *(down(5, 32, 128, 256), down(5, 16, 256, 512), down(5, 8, 512, 1024)),
        dense(4 * 4 * 1024, 2048) + norm(2048) + slopes(1, 2048) + dense(2048, 1),
    ],
}


@pytest.mark.parametrize(
    ("resolution", "G_count", "D_count"),
    [(32, 8_112_259, 1_628_071), (128, 13_866_755, 15_114_497), (256, 52_013_827, 52_064_513)],
)
def test_networks_have_the_published_layers(resolution, G_count, D_count):
    data = interface(resolution)
    G = Generator(GeneratorOptions(body="scogan", z_dim=100), data)
    D = Discriminator(DiscriminatorOptions(body="scogan"), data)
    for network, layers, total in (
        (G, GENERATORS[resolution], G_count),
        (D, DISCRIMINATORS[resolution], D_count),
    ):
        network.build()
        assert count(network.trainable_variables) == sum(layers) == total
        # Two running moments for two learned moments of each batch norm; and w_avg.
        norms = [v for v in network.trainable_variables if "gamma" in v.name]
        w_avg = 100 if network is G else 0
        assert count(network.non_trainable_variables) == 2 * count(norms) + w_avg
    assert G.w_dim == G.z_dim == 100
    assert G.mapping.variables == []


@pytest.mark.parametrize("resolution", [32, 128])
def test_encoder_has_the_published_layers(resolution):
    E = Encoder(DiscriminatorOptions(body="scogan"), interface(resolution), z_dim=100)
    E.build()
    layers = [conv(3, 3, 64), conv(3, 64, 128), conv(3, 128, 128), conv(3, 128, 256)]
    last = dense((resolution // 8) ** 2 * 256, 100)
    assert count(E.variables) == sum(layers) + last
    assert E([some_images(2, resolution)]).shape == (2, 100)


@pytest.mark.parametrize(
    ("resolution", "G_shared", "D_shared"),
    [
        # The first layer, which Soft-CoGAN's own digits share; all but the image; CoGAN's.
        (32, {4: 1, 16: 3, 32: 4}, {8: 1, 16: 2, 32: 2}),
        (128, {4: 1, 64: 5, 128: 6}, {2: 1, 32: 5, 64: 6, 128: 6}),
    ],
)
def test_features_are_what_the_original_shares(resolution, G_shared, D_shared):
    G = Generator(GeneratorOptions(body="scogan", z_dim=100), interface(resolution))
    D = Discriminator(DiscriminatorOptions(body="scogan"), interface(resolution))
    G.build()
    D.build()
    for side, number in G_shared.items():
        assert count(G.feature_variables(side)) == sum(GENERATORS[resolution][:number])
    for side, number in D_shared.items():
        assert count(D.feature_variables(side)) == sum(DISCRIMINATORS[resolution][-number:])
    ours = {id(variable) for variable in G.trainable_variables}
    assert {id(variable) for variable in G.feature_variables(resolution)} < ours


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


def test_features_of_faces_are_those_of_four_sides():
    G = make(Generator, z_dim=100, data=interface(128, 1))
    (image,), features = G(some_z(1), with_features=True)
    assert image.shape == (1, 128, 128, 1)
    sides = [(8, 512), (16, 256), (32, 128), (64, 64)]
    assert [feature.shape[1:] for feature in features] == [(s, s, c) for s, c in sides]


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


def test_error_function():
    x = np.concatenate([np.linspace(-6, 6, 2001), [1e-4, 30.0]]).astype(np.float32)
    expected = [math.erf(value) for value in x]
    np.testing.assert_allclose(ops.erf(x), expected, rtol=0, atol=5e-7)
    assert ops.erf(x).dtype == tf.float32


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


def test_snapshot_brings_them_back(tmp_path):
    options = {"body": "scogan", "weight_init": "he"}
    nets = build_networks(
        GeneratorOptions(**options, z_dim=5, z_space="uniform"),
        DiscriminatorOptions(**options, norm="layer"),
        interface(num_channels=1, label_size=2),
    )
    nets.G(np.ones((3, 5), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1]], training=True)
    save_networks(nets, tmp_path / "snapshot.keras", {"cur_nimg": 3})
    again = load_snapshot(tmp_path / "snapshot.keras")
    assert again.get_config() == nets.get_config()
    assert_equal_networks(again, nets)
    assert again.D.options.norm == "layer"
    assert again.G.options.weight_init == "he"
    # The averages of G have moved, those of G_ema have not.
    averages = [network.synthesis.blocks[0].chain[2].mean for network in (again.G, again.G_ema)]
    assert [bool(np.any(average.numpy())) for average in averages] == [True, False]


@pytest.mark.parametrize(
    ("changes", "data", "message"),
    [
        ({}, interface(64), r"generator\.body='scogan': the images must have 32, 128 or 256"),
        ({}, interface(64), r"discriminator\.body='scogan': the images must .* not 64"),
        ({"connect": "all"}, interface(), r"connect='all': must be 'none' with generator\.body"),
        ({"connect": "32"}, interface(), r"connect='32': must be 'none' with discriminator\.body"),
        ({"generator.channel_base": 64}, interface(), "channel_base="),
        ({"generator.mapping_layers": 2}, interface(), r"generator\.mapping_layers=2: must be 0"),
        ({"generator.w_dim": 7}, interface(), r"generator\.w_dim=7: must be 100, or left out"),
        ({"discriminator.mbstd_group_size": 2}, interface(), "mbstd_group_size=2: must be 0"),
        ({"discriminator.combine": "simple"}, interface(), "combine='simple': must be 'cat_lin'"),
        ({"generator.weight_init": "orthogonal"}, interface(), "must be normal, xavier or he"),
        ({"discriminator.norm": "instance"}, interface(), "must be batch or layer"),
        (
            {"generator.body": "progan", "generator.weight_init": "he"},
            interface(),
            r"generator\.weight_init='he': must be 'normal', or left out, with .*='progan'",
        ),
        (
            {"discriminator.body": "stylegan", "discriminator.norm": "layer"},
            interface(),
            r"discriminator\.norm='layer': must be 'batch', or left out, with .*='stylegan'",
        ),
    ],
)
def test_options_that_do_not_go_together(changes, data, message):
    config = scogan_config()
    # Six images are no multiple of the default group of the minibatch stddev, which is not there.
    config = changed(config, {"schedule.batch_size": 6, "dataset.path": "digits"})
    validate(config, dataset=interface())
    validate(config, dataset=interface(128, 1))
    validate(config)
    with pytest.raises(ValueError, match=message):
        validate(changed(config, changes), dataset=data)


def scogan_config(config=None):
    return dataclasses.replace(
        config or Config(),
        connect="none",
        generator=GeneratorOptions(body="scogan", z_dim=100, z_space="uniform"),
        discriminator=DiscriminatorOptions(body="scogan"),
    )


def training_config(folder, total_kimg):
    return scogan_config(tiny_config(folder, total_kimg=total_kimg, tick_kimg=0.008))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Run directory of two iterations, and the data set."""
    folder = tmp_path_factory.mktemp("scogan")
    write_records(folder / "tiny", random_images(24, 32, 1))
    dataset = TFRecordDataset(folder / "tiny")
    return train_tiny(training_config(folder, 0.016), dataset), dataset


def test_training(trained):
    nets = load_snapshot(newest_snapshot(trained[0]))
    assert type(nets.G_ema.synthesis) is ScoganSynthesis
    for network in (nets.G, nets.G_ema):
        assert all(np.all(np.isfinite(np.asarray(v))) for v in network.variables)
        assert np.any(network.synthesis.blocks[0].chain[2].mean.numpy())


@pytest.mark.slow
def test_resumed_training_repeats_norms_and_dropout(trained, tmp_path):
    run_dir, dataset = trained
    half = train_tiny(training_config(tmp_path, 0.008), dataset)
    train_tiny(training_config(tmp_path, 0.016), dataset, run_dir=half)
    assert_same_checkpoints(half, run_dir)
