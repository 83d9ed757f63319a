"""Activations of VGG19 and VGG16 against Keras' own networks of these names."""

import h5py
import numpy as np
import pytest
import tensorflow as tf
from support import torch_writer
from support.plain_operations import assert_close, normal
from support.synthetic_vgg16 import torch_convolutions, torch_layers
from tensorflow import keras

from metrics.feature_networks.library import FeatureNetworks, MissingWeightsError
from metrics.feature_networks.perceptual_taps import MIN_RESOLUTION, PerceptualTaps, vgg16_taps
from metrics.feature_networks.vgg16 import convolutions_from_torch


def keras_network(make):
    """With activations that do not fade away on the way down."""
    keras.utils.set_random_seed(0)
    network = make(weights=None, include_top=False, input_shape=(None, None, 3))
    for weight in network.weights:
        shape = weight.shape
        scale = np.sqrt(2.0 / np.prod(shape[:3])) if len(shape) == 4 else 0.1
        weight.assign(np.random.default_rng(len(shape)).normal(size=shape) * scale)
    return network


@pytest.fixture(scope="module")
def vgg19():
    return keras_network(keras.applications.VGG19)


def published(network, path):
    """The file as Keras publishes it, with names of its first version."""
    with h5py.File(path, "w") as file:
        for layer in network.layers:
            group = file.create_group(layer.name)
            for part, array in zip(("W", "b"), layer.get_weights(), strict=False):
                group[f"{layer.name}_{part}_1:0"] = array


# How a user may have come to the file.
WRITERS = {
    "published": published,
    "weights": lambda network, path: network.save_weights(path),
    "model": lambda network, path: network.save(path),
}


def activations(network, inputs):
    convolutions = [layer for layer in network.layers if "conv" in layer.name]
    model = keras.Model(network.input, [layer.output for layer in convolutions])
    return dict(zip([layer.name for layer in convolutions], model(inputs), strict=True))


@pytest.fixture(params=WRITERS)
def vgg19_file(request, vgg19, tmp_path):
    (tmp_path / "vgg19").mkdir()
    path = tmp_path / "vgg19" / "any.weights.h5"
    WRITERS[request.param](vgg19, path)
    return path


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_vgg19_is_that_of_keras(vgg19, vgg19_file, tmp_path):
    networks = FeatureNetworks(tmp_path)
    networks.check("vgg19_taps")
    taps = networks.get("vgg19_taps")
    images = np.random.default_rng(1).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    colours = (images + 1.0) * 127.5
    expected = activations(vgg19, keras.applications.vgg19.preprocess_input(colours.copy()))
    found = taps(tf.constant(images))
    assert [*found] == [*expected] == list(taps.layers)
    for name, activation in expected.items():
        scale = np.abs(activation).max()
        assert_close(found[name] / scale, activation / scale)


def test_vgg16_is_that_of_keras_with_other_weights_and_colours():
    arrays = torch_convolutions()
    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    weights = []
    for number, *_ in torch_layers():
        weights.append(arrays[f"features.{number}.weight"].transpose(2, 3, 1, 0))
        weights.append(arrays[f"features.{number}.bias"])
    network.set_weights(weights)
    images = np.random.default_rng(1).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    prepared = ((images + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = activations(network, prepared.astype(np.float32))
    found = vgg16_taps(convolutions_from_torch(arrays), "digest")(images)
    assert [*found] == [*expected]
    for name, activation in expected.items():
        scale = np.abs(activation).max()
        assert_close(found[name] / scale, activation / scale)


@pytest.fixture(scope="module")
def taps():
    return vgg16_taps(convolutions_from_torch(torch_convolutions()), "digest")


def test_grayscale_is_repeated(taps):
    gray = normal(1, 16, 16, 1)
    found, expected = (taps(images)["block5_conv3"] for images in (gray, gray.repeat(3, axis=3)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.numpy().max())


def test_sides_halve_down_to_one_pixel(taps):
    found = taps(np.zeros((1, MIN_RESOLUTION, MIN_RESOLUTION, 3), np.float32))
    sides = [found[f"block{block}_conv1"].shape[1] for block in range(1, 6)]
    assert sides == [16, 8, 4, 2, 1]


def test_slopes_reach_the_images():
    with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
        own = vgg16_taps(convolutions_from_torch(torch_convolutions()), "digest")

    def score(images):
        return tf.reduce_sum(own(images)["block4_conv1"])

    @tf.function
    def slope(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = score(images)
        return tape.gradient(loss, images)

    images = tf.constant(normal(1, 16, 16, 3))
    gradient = slope(images)
    # Where another pixel is the largest of four, one counts for nothing.
    assert np.mean(gradient != 0) > 0.5
    # The sum of all slopes is how the score changes when the images move a little.
    step = 1e-3
    there, back = (score(images + sign * step) for sign in (1.0, -1.0))
    np.testing.assert_allclose((there - back) / (2 * step), tf.reduce_sum(gradient), rtol=0.02)


def test_the_unit_is_how_fast_the_input_of_the_network_changes():
    weights = convolutions_from_torch(torch_convolutions())
    seen = []

    def prepare(colours):
        seen.append(colours / 50.0)
        return colours / 50.0

    own = PerceptualTaps("own", ((64, 64),), _first(weights, 2), prepare, 50.0, "digest")
    for value in (0.0, 1.0):
        own(tf.fill([1, 16, 16, 3], value))
    np.testing.assert_allclose(seen[1] - seen[0], np.full((1, 16, 16, 3), own.unit), rtol=1e-6)


def _first(weights, count):
    return dict(list(weights.items())[: 2 * count])


@pytest.mark.parametrize(
    "name, file",
    [
        ("vgg16", "vgg16-397923af.pth"),
        ("vgg19", "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    ],
)
def test_missing_weights_say_where_they_are_published(tmp_path, name, file):
    with pytest.raises(MissingWeightsError) as error_info:
        FeatureNetworks(tmp_path).check(f"{name}_taps")
    message = str(error_info.value)
    for place in (file, str(tmp_path / name), " --config.coupling.vgg_weights=FILE."):
        assert place in message
    with pytest.raises(MissingWeightsError, match=r"nowhere.* there is no such file"):
        FeatureNetworks(tmp_path, paths={name: "nowhere"}).get(f"{name}_taps")


def test_other_weights_are_not_those_of_vgg19(tmp_path):
    (tmp_path / "vgg19").mkdir()
    published(keras_network(keras.applications.VGG16), tmp_path / "vgg19" / "vgg16.h5")
    torch_writer.write_zip(
        tmp_path / "vgg19" / "vgg.pth", torch_writer.tensors(torch_convolutions())
    )
    with pytest.raises(MissingWeightsError) as error_info:
        FeatureNetworks(tmp_path).get("vgg19_taps")
    message = str(error_info.value)
    assert "Expected conv3_4/kernel [3, 3, 256, 256]. Received nothing." in message


def test_a_state_dict_of_pytorch_does_not_serve_vgg19(tmp_path):
    (tmp_path / "vgg19").mkdir()
    path = tmp_path / "vgg19" / "vgg.pth"
    torch_writer.write_zip(path, torch_writer.tensors({"a": normal(2)}))
    with pytest.raises(MissingWeightsError, match="torchvision are another training"):
        FeatureNetworks(tmp_path).check("vgg19_taps")
