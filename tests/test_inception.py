"""The Inception networks: recordings, Keras' own network, and the laws of their parts."""

import random

import numpy as np
import pytest
import tensorflow as tf
from support import synthetic_inception
from tensorflow import keras

from metrics.feature_networks import inception_weights
from metrics.feature_networks.inception import (
    inception_networks,
    keras_inception_network,
    kernel_shapes,
)


@pytest.fixture(scope="module")
def networks():
    weights = inception_weights.from_torch(synthetic_inception.torch_arrays())
    return inception_networks(weights, "00")


@pytest.fixture(scope="module")
def keras_network():
    weights = inception_weights.from_keras(synthetic_inception.keras_arrays())
    return keras_inception_network(weights, "00")


def outputs_of(network, images):
    return {k: v.numpy() for k, v in network.model(network.prepare(images)).items()}


def noise(count, size=64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_kernels_have_the_published_shapes():
    expected = {
        scope: (height, width, c_in, c_out)
        for _, scope, (c_out, c_in, height, width) in synthetic_inception.CONVOLUTIONS
    }
    # In the same order, which files without telling names rely on.
    assert list(kernel_shapes().items()) == list(expected.items())
    assert len(expected) == 94


def test_number_of_weights(networks):
    # Kernels, one bias per channel in place of four numbers, classes without their bias.
    expected = 21_751_136 + 17_216 + 2048 * 1008
    assert networks["inception"].model.count_params() == expected
    assert expected + 3 * 17_216 + 1008 == synthetic_inception.NUM_PARAMETERS


@pytest.mark.parametrize(
    ("name", "images", "features"),
    [
        ("inception", "images_299", "features_299"),
        ("clean_inception", "images_299", "features_299"),
        ("inception", "images_48", "features_48_tf1_bilinear"),
        ("clean_inception", "images_48", "features_48_clean"),
    ],
)
def test_features_of_the_recording(golden, networks, name, images, features):
    with np.load(golden / "fid_inception_dev.npz") as recording:
        ours = outputs_of(networks[name], recording[f"in/{images}"])["features"]
        np.testing.assert_allclose(ours, recording[f"out/{features}"], rtol=0, atol=1e-4)


def test_logits_of_the_recording(golden, networks):
    with np.load(golden / "fid_inception_dev.npz") as recording:
        ours = outputs_of(networks["inception"], recording["in/images_299"])
        expected = recording["out/logits_299"]
    bias = synthetic_inception.torch_arrays()["fc.bias"]
    np.testing.assert_allclose(ours["logits"], expected - bias, rtol=0, atol=1e-4)


def test_networks_are_described_truly(networks, keras_network):
    outputs = outputs_of(networks["inception"], noise(2))
    shapes = {name: values.shape for name, values in outputs.items()}
    assert shapes == {
        "features": (2, networks["inception"].dim),
        "logits": (2, 1008),
    }
    everyone = [*networks.values(), keras_network]
    assert {network.name for network in everyone} == {
        "inception",
        "clean_inception",
        "keras_inception",
    }
    assert len({network.identity for network in everyone}) == 3
    assert networks["inception"].model is networks["clean_inception"].model

    weights = inception_weights.from_keras(synthetic_inception.keras_arrays())
    assert keras_inception_network(weights, "01").identity != keras_network.identity


def test_features_do_not_depend_on_the_batch(networks):
    network = networks["inception"]
    images = noise(5)
    together = outputs_of(network, images)["features"]
    padded = outputs_of(network, np.concatenate([images[:2], np.zeros_like(images)]))["features"]
    alone = outputs_of(network, images[:1])["features"]
    tolerance = 1e-5 * np.abs(together).max()
    np.testing.assert_allclose(padded[:2], together[:2], rtol=0, atol=tolerance)
    np.testing.assert_allclose(alone, together[:1], rtol=0, atol=tolerance)


def test_shapes_may_be_unknown_until_it_runs(networks):
    network = networks["clean_inception"]
    signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
    compiled = tf.function(
        lambda images: network.model(network.prepare(images))["features"],
        input_signature=signature,
        autograph=False,
    )
    for size in (32, 80):
        images = noise(2, size)
        expected = outputs_of(network, images)["features"]
        tolerance = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(compiled(images), expected, rtol=0, atol=tolerance)


def test_there_is_no_training_mode(networks):
    model = networks["inception"].model
    x = networks["inception"].prepare(noise(3))
    before = [variable.numpy() for variable in model.variables[:4]]
    expected = model(x, training=False)["features"].numpy()
    np.testing.assert_array_equal(model(x, training=True)["features"], expected)
    for variable, values in zip(model.variables[:4], before, strict=True):
        np.testing.assert_array_equal(variable, values)
    assert not model.trainable_variables


AVERAGES = ("mixed", "mixed_1", "mixed_2", "mixed_4", "mixed_5", "mixed_6", "mixed_7", "mixed_9")


@pytest.mark.parametrize("block", AVERAGES)
def test_averages_leave_the_padding_out(networks, block):
    layer = networks["inception"].model.get_layer(f"{block}.pool")
    x = np.zeros((1, 4, 4, 1), np.float32)
    x[0, 0, 0] = 1.0
    # Of 4 pixels in the corner, of 6 at the border, of 9 inside.
    expected = np.zeros((4, 4), np.float32)
    expected[:2, :2] = [[1 / 4, 1 / 6], [1 / 6, 1 / 9]]
    np.testing.assert_allclose(layer(x)[0, :, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("network", ["inception", "keras_inception"])
def test_last_block_of_2015_takes_the_maximum(networks, keras_network, network):
    model = {**networks, "keras_inception": keras_network}[network].model
    x = np.full((1, 4, 4, 1), -9.0, np.float32)
    x[0, 0, 0] = 0.0
    expected = x[0, :, :, 0].copy()
    if network == "inception":
        expected[:2, :2] = 0.0
    else:
        expected[:2, :2] = [[-9 * 3 / 4, -9 * 5 / 6], [-9 * 5 / 6, -9 * 8 / 9]]
    np.testing.assert_allclose(model.get_layer("mixed_10.pool")(x)[0, :, :, 0], expected, rtol=1e-6)


def test_normalisation_of_grey_levels(networks, keras_network):
    levels = np.array([0.0, 128.0, 255.0], np.float32)
    images = np.broadcast_to(levels, (1, 299, 299, 3))
    ours = networks["inception"].prepare(images)[0, 150, 150]
    np.testing.assert_array_equal(ours, [-1.0, 0.0, 127 / 128])
    ours = keras_network.prepare(images)[0, 150, 150]
    np.testing.assert_allclose(ours, levels / 127.5 - 1.0, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_keras_variant_is_the_network_of_keras(keras_network):
    original = keras.applications.InceptionV3(weights=None, classifier_activation=None)
    arrays = synthetic_inception.keras_arrays()
    for kind in ("conv2d", "batch_normalization"):
        layers = [layer for layer in original.layers if layer.name.startswith(kind)]
        layers.sort(key=lambda layer: int(layer.name.removeprefix(kind).strip("_") or 0))
        for i, layer in enumerate(layers):
            name = f"{kind}_{i}" if i else kind
            parts = ("kernel",) if kind == "conv2d" else ("beta", "moving_mean", "moving_variance")
            layer.set_weights([arrays[f"{name}/{name}/{part}:0"] for part in parts])
    original.get_layer("predictions").set_weights(
        [arrays[f"predictions/predictions/{part}:0"] for part in ("kernel", "bias")]
    )
    x = keras_network.prepare(noise(2))
    expected = original(x, training=False).numpy() - arrays["predictions/predictions/bias:0"]
    tolerance = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(keras_network.model(x)["logits"], expected, rtol=0, atol=tolerance)


def test_building_leaves_the_surroundings_alone():
    weights = inception_weights.from_tflib(synthetic_inception.tflib_arrays(logits=False))
    states = random.getstate(), np.random.get_state()[1].copy()
    expected = tf.random.uniform([4])
    tf.random.set_seed(0)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = inception_networks(weights, "00")["inception"].model
    finally:
        keras.mixed_precision.set_global_policy("float32")
    computing = [layer for layer in model.layers if layer.weights or layer.name.endswith("pool")]
    assert {tf.as_dtype(layer.compute_dtype) for layer in computing} == {tf.float32}
    assert {tf.as_dtype(output.dtype) for output in model.outputs} == {tf.float32}
    assert random.getstate() == states[0]
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])
    np.testing.assert_array_equal(tf.random.uniform([4]), expected)
    # These weights have no classes.
    assert set(model(tf.zeros([1, 299, 299, 3]))) == {"features"}
