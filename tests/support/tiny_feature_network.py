"""A feature network of the user that is small enough for tests, with fixed weights."""

import json

import numpy as np
from tensorflow import keras

DIM = 6


def write_feature_network(folder, name="tiny"):
    """Writes `<name>.keras` with its JSON file; returns its path.

    Features are random linear functions of the image at 8x8 pixels.
    """
    inputs = keras.Input((8, 8, 3))
    dense = keras.layers.Dense(DIM, kernel_initializer="zeros")
    model = keras.Model(inputs, dense(keras.layers.Flatten()(inputs)))
    kernel = np.random.default_rng(0).normal(size=(8 * 8 * 3, DIM)).astype(np.float32)
    dense.set_weights([kernel, np.zeros(DIM, np.float32)])
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / f"{name}.keras")
    (folder / f"{name}.json").write_text(json.dumps({"name": name, "input_size": 8}))
    return folder / f"{name}.keras"
