"""A feature network of the user: a SavedModel or a `.keras` file, and a JSON file beside it.

This is how networks such as DINOv2 (Stein et al. 2023) or CLIP are plugged in. `dinov2/` (a
SavedModel) needs `dinov2.json`, `dinov2.keras` too:

    {
      "name": "dinov2",                   letters, digits, "_", "-", "."; part of metric names
      "input_size": 224,                  or [height, width]
      "resize": "bicubic",                or "bilinear", "area"
      "antialias": true,
      "range": [0, 1],                    what grey levels 0 and 255 become,
      "mean": [0.485, 0.456, 0.406],      then (value - mean) / std; a number or one per channel
      "std": [0.229, 0.224, 0.225],
      "channels": "rgb",                  or "bgr"; also the order of "mean" and "std"
      "layout": "nhwc",                   or "nchw"
      "output": "pooled",                 key of a SavedModel's output, or layer of a Keras model
      "pooling": "cls"                    "cls" or "mean" of tokens [n, t, d]; "mean" of maps
    }

Only "name" and "input_size" are needed. The others are by default as above, but "mean" is 0, "std"
is 1, "output" the only one there is and "pooling" none. Resized images are cut off at 0 and 255.
"""

import functools
import hashlib
import json
import numbers
import re
import types
from pathlib import Path

import tensorflow as tf
from tensorflow import keras

from metrics.feature_networks.network import FeatureNetwork
from metrics.feature_networks.resize import METHODS, resize_filtered
from msg_stylegan.mistaken_file import what_it_is
from msg_stylegan.tensorflow_files import plain_path

# Raise it when the numbers change.
VERSION = 1

_EXAMPLE = (
    '{"name": "dinov2", "input_size": 224, "resize": "bicubic", '
    '"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}'
)
_SIGNATURE = "serving_default"


def settings_file_of(path):
    """Path of the file with the settings of a feature network, a `.keras` file or a folder."""
    return path.with_name((path.name if path.is_dir() else path.stem) + ".json")


def load_custom_network(path):
    """Loads a feature network of the user.

    A `.keras` file is loaded in Keras' safe mode, which runs no Python code from it. A SavedModel
    is a TensorFlow program: load only those that you trust.

    Args:
        path: Folder of a SavedModel with the signature "serving_default", or `.keras` file. The
            settings are in a file of the same name that ends in `.json`.

    Returns:
        A `FeatureNetwork` with the output "features".

    Raises:
        ValueError: Missing or wrong settings, no model, or a model that does not fit them.
    """
    path = Path(path)
    is_saved_model = (path / "saved_model.pb").is_file()
    if not is_saved_model and not (path.suffix == ".keras" and path.is_file()):
        raise ValueError(
            "Expected the feature network to be the folder of a SavedModel (it holds "
            f"saved_model.pb) or a .keras file. Received {path}."
        )
    settings_file = settings_file_of(path)
    settings = _read_settings(settings_file)
    load = _load_saved_model if is_saved_model else _load_keras_model
    try:
        run = load(path, settings.output)
    # Keras and TensorFlow answer damaged or unsafe files with errors of many types.
    except Exception as error:
        if is_saved_model:
            reason = what_it_is(path / "saved_model.pb") or error
        else:
            reason = what_it_is(path, expected="keras") or error
        raise ValueError(f"The feature network {path} cannot be used: {reason}") from error
    model = functools.partial(_features, run, settings)
    prepare = functools.partial(_prepare, settings)
    dim = _check_model(path, model, prepare)
    return FeatureNetwork(settings.name, _identity(path, settings_file), model, prepare, dim)


def _prepare(settings, images):
    images = resize_filtered(images, settings.input_size, settings.resize, settings.antialias)
    images = tf.clip_by_value(images, 0.0, 255.0)
    if settings.channels == "bgr":
        images = tf.reverse(images, axis=[3])
    low, high = settings.range
    images = (images * ((high - low) / 255.0) + low - settings.mean) / settings.std
    return tf.transpose(images, [0, 3, 1, 2]) if settings.layout == "nchw" else images


def _features(run, settings, images):
    features = tf.cast(run(images), tf.float32)
    rank = features.shape.rank
    if rank == 3 and settings.pooling == "cls":
        features = features[:, 0]
    elif rank == 3 and settings.pooling == "mean":
        features = tf.reduce_mean(features, axis=1)
    elif rank == 4 and settings.pooling == "mean":
        features = tf.reduce_mean(features, axis=[2, 3] if settings.layout == "nchw" else [1, 2])
    return {"features": features}


def _load_saved_model(path, output):
    """Returns the function of the images that gives one output of the signature."""
    with plain_path(path) as plain:
        loaded = tf.saved_model.load(plain)
    if _SIGNATURE not in loaded.signatures:
        raise ValueError(
            f'it has no signature "{_SIGNATURE}", but {sorted(loaded.signatures) or "none"}.'
        )
    signature = loaded.signatures[_SIGNATURE]
    inputs = list(signature.structured_input_signature[1])
    if len(inputs) != 1:
        raise ValueError(f"expected one input. Received {inputs}.")
    outputs = sorted(signature.structured_outputs)
    if output is None and len(outputs) == 1:
        output = outputs[0]
    if output not in outputs:
        raise ValueError(f'expected "output" to be one of {outputs}. Received {output}.')

    # Reaches the signature through `loaded`, which owns the weights and must live as long.
    return lambda images: loaded.signatures[_SIGNATURE](**{inputs[0]: images})[output]


def _load_keras_model(path, output):
    """Returns the function of the images that gives the output of the model or of a layer."""
    with plain_path(path) as plain:
        model = keras.models.load_model(plain, compile=False, safe_mode=True)
    if len(model.inputs) != 1:
        raise ValueError(f"expected one input. Received {len(model.inputs)}.")
    if output is not None:
        model = keras.Model(model.inputs, model.get_layer(output).output)
    if len(model.outputs) != 1:
        raise ValueError(
            f'expected one output. Received {len(model.outputs)}. Name a layer in "output", such '
            f"as one of {list(model.output_names)}."
        )
    return lambda images: tf.nest.flatten(model(images, training=False))[0]


def _check_model(path, model, prepare):
    """Tries the model and returns the number of features."""
    images = prepare(tf.zeros([2, 32, 32, 3]))
    try:
        features = model(images)["features"]
    # Whatever a model does with images that do not fit.
    except Exception as error:
        raise ValueError(
            f"The feature network {path} fails on float32 images {images.shape.as_list()}. Do "
            f'"input_size" and "layout" fit? {error}'
        ) from error
    shape = features.shape.as_list()
    if len(shape) != 2 or shape[0] != 2:
        raise ValueError(
            f"Expected the feature network {path} to give features [2, d] for 2 images. Received "
            f'{shape}. "pooling" can be "mean" for [n, t, d] and for maps, "cls" for [n, t, d]; '
            '"output" can name another output.'
        )
    return shape[1]


def _identity(path, settings_file):
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256(f"custom {VERSION}".encode())
    for file in [*files, settings_file]:
        name = file.relative_to(path).as_posix() if file.is_relative_to(path) else ""
        digest.update(f"{name} {file.stat().st_size} ".encode())
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def _read_settings(path):
    def fail(problem):
        raise ValueError(f"{path}: {problem} A complete example: {_EXAMPLE}")

    if not path.is_file():
        fail("this file with the preprocessing of the feature network is missing.")
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        fail(what_it_is(path, expected="json") or f"not valid JSON ({error}).")
    if not isinstance(values, dict):
        fail(f"expected an object. Received {values!r:.80}.")
    unknown = sorted(values.keys() - _SETTINGS.keys())
    if unknown:
        fail(f"unknown {unknown}; there are {list(_SETTINGS)}.")
    for name in ("name", "input_size"):
        if name not in values:
            fail(f'"{name}" is missing.')
    for name, value in values.items():
        _, expected, convert = _SETTINGS[name]
        values[name] = convert(value)
        if values[name] is None:
            fail(f'expected "{name}" to be {expected}. Received {json.dumps(value):.80}.')
    defaults = {name: default for name, (default, *_) in _SETTINGS.items()}
    return types.SimpleNamespace(**(defaults | values))


# How the value of a setting is read; None means that it is wrong.


def _name(value):
    valid = isinstance(value, str) and re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]*", value)
    return value if valid else None


def _size(value):
    sizes = value if isinstance(value, list) else [value, value]
    valid = len(sizes) == 2 and all(type(size) is int and 0 < size <= 2**14 for size in sizes)
    return tuple(sizes) if valid else None


def _numbers(count, value):
    values = value if isinstance(value, list) else [value] * 3
    valid = len(values) == count and all(_is_number(value) for value in values)
    return tuple(map(float, values)) if valid else None


def _nonzero_numbers(value):
    values = _numbers(3, value)
    return values if values and all(values) else None


def _range(value):
    low, high = _numbers(2, value) or (0.0, 0.0)
    return (low, high) if low < high else None


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and abs(value) < 1e9


def _of_type(kind, value):
    return value if isinstance(value, kind) else None


def _choice(default, *choices):
    def read(value):
        return value if isinstance(value, str) and value in choices else None

    return default, f"one of {list(choices)}", read


# Name of a setting -> its default, what is expected, and the function that reads it.
_SETTINGS = {
    "name": (None, "letters, digits, _ - . and no _ - . at the start", _name),
    "input_size": (None, "a number of pixels or [height, width]", _size),
    "resize": _choice("bicubic", *METHODS),
    "antialias": (True, "true or false", functools.partial(_of_type, bool)),
    "range": ((0.0, 1.0), "[low, high]", _range),
    "mean": ((0.0, 0.0, 0.0), "a number or three", functools.partial(_numbers, 3)),
    "std": ((1.0, 1.0, 1.0), "a number or three, not zero", _nonzero_numbers),
    "channels": _choice("rgb", "rgb", "bgr"),
    "layout": _choice("nhwc", "nhwc", "nchw"),
    "output": (None, "a text", functools.partial(_of_type, str)),
    "pooling": _choice(None, "mean", "cls"),
}
