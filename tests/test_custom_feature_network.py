"""Feature networks of the user: real SavedModels and `.keras` files with their settings."""

import json
import shutil

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from metrics.feature_networks.custom import load_custom_network

SIZE = (6, 5)
SETTINGS = {"name": "mine", "input_size": list(SIZE)}


def keras_model(layout="nhwc"):
    """Images to 4 features each, the values of some pixels."""
    shape = (*SIZE, 3) if layout == "nhwc" else (3, *SIZE)
    images = keras.Input(shape, name="images")
    pixels = keras.layers.Flatten(name="pixels")(images)
    dense = keras.layers.Dense(4, use_bias=False, name="dense")
    features = dense(pixels)
    kernel = np.zeros((pixels.shape[1], 4), np.float32)
    kernel[[0, 1, 2, 40], [0, 1, 2, 3]] = 1.0
    dense.set_weights([kernel])
    return keras.Model(images, features)


def write_settings(path, **changes):
    settings = {k: v for k, v in {**SETTINGS, **changes}.items() if v is not None}
    path.write_text(json.dumps(settings), encoding="utf-8")


def save_keras(folder, model=None, **settings):
    (model or keras_model()).save(folder / "mine.keras")
    write_settings(folder / "mine.json", **settings)
    return folder / "mine.keras"


class Program(tf.Module):
    """A network that is not a Keras model: some numbers of the images, in several shapes."""

    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None, *SIZE, 3], tf.float32, name="images")])
    def __call__(self, images):
        tokens = tf.reshape(images, [-1, SIZE[0] * SIZE[1], 3]) * self.scale
        return {
            "vector": tokens[:, 1],
            "tokens": tokens,
            "map": images * self.scale,
            "sum": tf.reduce_sum(images),
        }


def save_program(folder, **settings):
    program = Program()
    tf.saved_model.save(program, str(folder / "mine.v2"), {"serving_default": program.__call__})
    write_settings(folder / "mine.v2.json", **settings)
    return folder / "mine.v2"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return save_program(tmp_path_factory.mktemp("program"))


def noise(count=3, size=SIZE):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *size, 3), dtype=np.uint8)


def features_of(network, images):
    return network.model(network.prepare(images))["features"].numpy()


def save_exported(folder):
    keras_model().export(str(folder / "exported"))
    write_settings(folder / "exported.json")
    return folder / "exported"


@pytest.mark.parametrize("save", [save_keras, save_exported])
def test_keras_model(tmp_path, save):
    network = load_custom_network(save(tmp_path))
    assert (network.name, network.dim) == ("mine", 4)
    expected = noise().reshape(3, -1)[:, [0, 1, 2, 40]] / 255.0
    np.testing.assert_allclose(features_of(network, noise()), expected, rtol=0, atol=1e-6)


def test_keras_file_with_several_outputs_needs_a_choice(tmp_path):
    model = keras_model()
    model = keras.Model(model.inputs, [model.get_layer("pixels").output, *model.outputs])
    path = save_keras(tmp_path, model)
    with pytest.raises(ValueError, match=r'expected one output. Received 2. Name a layer in "ou'):
        load_custom_network(path)
    write_settings(tmp_path / "mine.json", output="dense")
    assert load_custom_network(path).dim == 4


def test_outputs_and_pooling_of_a_saved_model(program):
    images = noise()
    tokens = images.reshape(3, 30, 3) / 255.0 * 2.0
    cases = {
        ("vector", None): tokens[:, 1],
        ("tokens", "cls"): tokens[:, 0],
        ("tokens", "mean"): tokens.mean(axis=1),
        ("map", "mean"): tokens.mean(axis=1),
    }
    for (output, pooling), expected in cases.items():
        write_settings(program.with_name("mine.v2.json"), output=output, pooling=pooling)
        network = load_custom_network(program)
        assert network.dim == 3
        compiled = tf.function(lambda x, n=network: n.model(n.prepare(x)), autograph=False)
        for features in (features_of(network, images), compiled(images)["features"]):
            np.testing.assert_allclose(features, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("output", "pooling", "message"),
    [
        (
            None,
            None,
            r'expected "output" to be one of \[\'map\', \'sum\', \'tokens\', \'vector\'\]',
        ),
        ("absent", None, "Received absent"),
        (
            "tokens",
            None,
            r"Expected .* to give features \[2, d\] for 2 images. Received \[2, 30, 3",
        ),
        ("map", "cls", r"Received \[2, 6, 5, 3\]"),
        ("sum", None, r"Received \[\]"),
    ],
)
def test_outputs_that_are_not_features(program, output, pooling, message):
    write_settings(program.with_name("mine.v2.json"), output=output, pooling=pooling)
    with pytest.raises(ValueError, match=message):
        load_custom_network(program)


def test_preprocessing_follows_its_settings(tmp_path):
    path = save_keras(
        tmp_path,
        output="pixels",
        range=[-1, 1],
        mean=[0.1, 0.2, 0.3],
        std=[2.0, 3.0, 4.0],
        channels="bgr",
    )
    images = noise()
    expected = (images[..., ::-1] / 127.5 - 1.0 - [0.1, 0.2, 0.3]) / [2.0, 3.0, 4.0]
    np.testing.assert_allclose(
        load_custom_network(path).prepare(images), expected, rtol=0, atol=1e-6
    )


def test_channels_may_come_first(tmp_path):
    path = save_keras(tmp_path, keras_model("nchw"), output="pixels", layout="nchw", mean=0.5)
    network = load_custom_network(path)
    assert network.dim == 90
    expected = noise().transpose(0, 3, 1, 2) / 255.0 - 0.5
    np.testing.assert_allclose(network.prepare(noise()), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        features_of(network, noise()), expected.reshape(3, -1), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "area"])
@pytest.mark.parametrize("antialias", [True, False])
def test_images_of_any_size_are_resized(tmp_path, method, antialias):
    network = load_custom_network(save_keras(tmp_path, resize=method, antialias=antialias))
    signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
    prepare = tf.function(network.prepare, input_signature=signature, autograph=False)
    for size in ((3, 3), (40, 7)):
        prepared = prepare(noise(2, size)).numpy()
        assert prepared.shape == (2, *SIZE, 3)
        assert prepared.min() >= 0.0
        assert prepared.max() <= 1.0


def test_identity_covers_the_model_and_the_settings(tmp_path):
    path = save_program(tmp_path, output="vector")
    first = load_custom_network(path).identity
    assert load_custom_network(path).identity == first
    write_settings(path.with_name("mine.v2.json"), output="vector", mean=0.5)
    assert load_custom_network(path).identity != first
    write_settings(path.with_name("mine.v2.json"), output="vector")
    assert load_custom_network(path).identity == first
    (path / "assets").mkdir(exist_ok=True)
    (path / "assets" / "note.txt").write_text("other")
    assert load_custom_network(path).identity != first


def test_python_code_of_a_keras_file_does_not_run(tmp_path):
    marker = tmp_path / "ran"
    touch = str(marker)
    images = keras.Input((*SIZE, 3))
    code = keras.layers.Lambda(lambda x: (open(touch, "w").close(), x)[1])  # noqa: PTH123
    path = save_keras(tmp_path, keras.Model(images, keras.layers.Flatten()(code(images))))
    marker.unlink()
    with pytest.raises(ValueError, match="cannot be used"):
        load_custom_network(path)
    assert not marker.exists()
    # It would have run.
    keras.models.load_model(path, safe_mode=False)
    assert marker.exists()


@pytest.mark.parametrize("kind", ["absent.keras", "empty_folder", "text.keras", "model.h5"])
def test_what_is_not_a_model_is_refused(tmp_path, kind):
    path = tmp_path / kind
    write_settings(tmp_path / f"{path.stem}.json")
    if kind == "empty_folder":
        path.mkdir()
    elif kind != "absent.keras":
        path.write_text("no model")
    message = "cannot be used" if kind == "text.keras" else "folder of a SavedModel"
    with pytest.raises(ValueError, match=message):
        load_custom_network(path)


def test_saved_model_without_a_signature_is_refused(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "mine"))
    write_settings(tmp_path / "mine.json")
    with pytest.raises(ValueError, match='no signature "serving_default", but none'):
        load_custom_network(tmp_path / "mine")


def test_model_for_other_images_is_refused(tmp_path):
    path = save_keras(tmp_path, input_size=7)
    with pytest.raises(
        ValueError, match=r'fails on float32 images \[2, 7, 7, 3\]. Do "input_size"'
    ):
        load_custom_network(path)


def test_missing_settings_come_with_an_example(tmp_path):
    path = save_keras(tmp_path)
    (tmp_path / "mine.json").unlink()
    with pytest.raises(
        ValueError, match=r"mine\.json: this file .* is missing.*\"input_size\": 224"
    ):
        load_custom_network(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"mine"', "\xff"])
def test_settings_that_are_not_an_object(tmp_path, text):
    path = save_keras(tmp_path)
    (tmp_path / "mine.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"mine\.json: .* A complete example: {"):
        load_custom_network(path)


WRONG = {
    "name": ["", "a/b", "-x", 3, ["x"]],
    "input_size": [0, -1, 2.5, True, [1], [2, 3, 4], "224", None],
    "resize": ["lanczos", 1, ["bicubic"]],
    "antialias": [1, "yes"],
    "range": [1, [0], [1, 1], [1, 0], ["0", "1"], [0, float("nan")]],
    "mean": [[1, 2], "0", [1, 2, True], float("inf")],
    "std": [0, [1, 1, 0], [1], "1"],
    "channels": ["gbr", 3],
    "layout": ["nchwc", None],
    "output": [3, ["x"]],
    "pooling": ["max", True],
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_keras(tmp_path_factory.mktemp("saved"))


@pytest.mark.parametrize(("name", "value"), [(k, v) for k, vs in WRONG.items() for v in vs])
def test_wrong_values_are_named(saved, name, value):
    settings = json.dumps({**SETTINGS, name: value})
    saved.with_suffix(".json").write_text(settings)
    with pytest.raises(ValueError, match=f'mine.json: expected "{name}" to be .* Received'):
        load_custom_network(saved)


@pytest.mark.parametrize("name", ["name", "input_size"])
def test_needed_values_are_named(saved, name):
    write_settings(saved.with_suffix(".json"), **{name: None})
    with pytest.raises(ValueError, match=f'"{name}" is missing'):
        load_custom_network(saved)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=5), values),
    max_leaves=6,
)


@hypothesis.settings(max_examples=40)
@hypothesis.given(name=st.text(max_size=10) | st.sampled_from(sorted(WRONG)), value=JSON)
def test_any_other_setting_is_used_or_refused(saved, name, value):
    settings = saved.with_suffix(".json")
    settings.write_text(json.dumps({**SETTINGS, "input_size": 3, name: value}))
    # The model does not fit the size, so that right settings fail too, but later.
    with pytest.raises(ValueError, match=r"mine\.(json|keras)"):
        load_custom_network(saved)


def test_settings_belong_to_the_whole_name_of_a_folder(program, tmp_path):
    copy = tmp_path / "mine.v3"
    shutil.copytree(program, copy)
    write_settings(tmp_path / "mine.json", output="vector")
    with pytest.raises(ValueError, match=r"mine\.v3\.json"):
        load_custom_network(copy)
