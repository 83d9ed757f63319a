"""A small classifier of the classes of a data set, for the space of a Fréchet distance.

Inception knows photographs; digits it has never seen.
"""

import json

import numpy as np
from tensorflow import keras

from msg_stylegan.data.dataset import classes_of
from msg_stylegan.files import atomic_path, write_text

NAME = "digits"
# Features per image: few, so that a data set of 1,797 images is enough for a covariance.
DIM = 64
_EPOCHS = 20
_BATCH_SIZE = 64
_TEST_SHARE = 0.2
_LEARNING_RATE = 2e-3


def file_name(dataset):
    """Name of the file of the network of a data set, by what is in it."""
    return f"{NAME}-{dataset.fingerprint()[:8]}.keras"


def make_digit_network(path, dataset):
    """Trains the network on a part of the data, tests it on the rest, and writes it.

    Args:
        path: `.keras` file to write, with the `.json` file that describes its input.
        dataset: `TFRecordDataset` with one-hot labels.

    Raises:
        ValueError: The data set has no classes.
    """
    classes = classes_of(dataset)
    if classes is None:
        raise ValueError(
            f"The metrics ending in -{NAME} look through a classifier of the data set, but "
            f"{dataset.path} has no class per image. Name others by --metrics."
        )
    images = dataset.read_images(np.arange(dataset.num_images)).astype(np.float32) / 255.0
    images = np.broadcast_to(images, (*images.shape[:3], 3))
    order = np.random.default_rng(0).permutation(len(images))
    held_out = round(_TEST_SHARE * len(images))
    test, train = order[:held_out], order[held_out:]

    keras.utils.set_random_seed(0)
    model = _classifier(images.shape[1:], dataset.label_size)
    model.compile(
        optimizer=keras.optimizers.Adam(_LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    print(f"Training the classifier for Fréchet distances on {len(train):,} images ...")
    model.fit(images[train], classes[train], batch_size=_BATCH_SIZE, epochs=_EPOCHS, verbose=0)
    accuracy = float(model.evaluate(images[test], classes[test], verbose=0)[1])
    print(f"Classifier for Fréchet distances: {accuracy:.1%} of {held_out} held-out images right.")

    features = keras.Model(model.inputs, model.get_layer("features").output)
    description = {"name": NAME, "input_size": list(images.shape[1:3])}
    write_text(path.with_suffix(".json"), json.dumps(description))
    # Last, because this file is what says that the network exists.
    with atomic_path(path) as temporary:
        features.save(temporary)


def _classifier(shape, num_classes):
    x = inputs = keras.Input(shape)
    for filters in (16, 32, 64):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(DIM, activation="relu", name="features")(x)
    x = keras.layers.Dropout(0.3)(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes)(x))
