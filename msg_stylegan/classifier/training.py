"""Trains a classifier on labelled data sets and measures it on images that were held out."""

import dataclasses
import math

import numpy as np
import tensorflow as tf
from tensorflow import keras

from msg_stylegan.classifier.alteration import ALTERATIONS
from msg_stylegan.classifier.labelled_images import divide, shared_class_names
from msg_stylegan.classifier.network import Classifier
from msg_stylegan.data.batches import training_batches

# Lines or bars of Keras on the way.
_NUM_REPORTS = 10
_EVALUATION_BATCH = 256
# Kind of label -> Keras' names of the loss and of the share of right answers.
_MEASURES = {
    "classes": ("categorical_crossentropy", "categorical_accuracy"),
    "attributes": ("binary_crossentropy", "binary_accuracy"),
}


def train_classifier(datasets, kind, options, *, verbose=0):
    """Trains a classifier.

    Args:
        datasets: List of `TFRecordDataset`, and
        kind: the kind of their labels, both from `open_data_sets`.
        options: `ClassifierOptions`.
        verbose: How much Keras prints: 0 nothing, 1 a bar, 2 ten lines.

    Returns:
        `Classifier`, and the dictionary that describes its training: "accuracy" and "accuracies"
        (share of right answers over all images held out, and for each data set), "frequent" (what
        the most frequent answer would get), "classes" (names or None), "data_sets", "options".

    Raises:
        ValueError: A data set is too small, or the training diverged.
    """
    keras.utils.set_random_seed(options.seed)
    held_out, rest = divide(datasets, options.held_out, options.seed)
    resolution, _, num_channels = rest.shape
    shape = (resolution, num_channels, rest.label_size, kind)
    trained = Classifier(*shape, name="classifier")
    trained.build()
    _fit(trained, rest, options, verbose)
    # Without the optimizer, whose slots would make the file three times as large.
    classifier = Classifier(*shape, name="classifier")
    classifier.build()
    classifier.set_weights(trained.get_weights())
    if not all(np.isfinite(weight).all() for weight in classifier.get_weights()):
        raise ValueError(
            f"The training diverged. Try a smaller learning rate than {options.learning_rate}."
        )
    counts = [images.num_images for images in held_out]
    accuracies = [accuracy_on(classifier, images) for images in held_out]
    labels = np.concatenate(
        [images.read_labels(np.arange(images.num_images)) for images in held_out]
    )
    info = {
        "accuracy": float(np.average(accuracies, weights=counts)),
        "accuracies": accuracies,
        "frequent": _share_of_most_frequent(labels, kind),
        "classes": shared_class_names(datasets),
        "data_sets": [
            {"name": dataset.name, "num_images": dataset.num_images, "held_out": count}
            | {"fingerprint": dataset.fingerprint()}
            for dataset, count in zip(datasets, counts, strict=True)
        ],
        "options": dataclasses.asdict(options),
    }
    return classifier, info


def accuracy_on(classifier, images):
    """Share of right answers.

    Args:
        classifier: `Classifier`.
        images: `LabelledImages`.

    Returns:
        Share of images whose likeliest class is theirs; or of attributes on the right side of 0.5.
    """
    probabilities = tf.function(classifier.probabilities, reduce_retracing=True)
    right = []
    for start in range(0, images.num_images, _EVALUATION_BATCH):
        indices = np.arange(start, min(start + _EVALUATION_BATCH, images.num_images))
        found = probabilities(_to_float(images.read_images(indices))).numpy()
        labels = images.read_labels(indices)
        if classifier.kind == "classes":
            right.append(found.argmax(axis=1) == labels.argmax(axis=1))
        else:
            right.append(((found > 0.5) == (labels > 0.5)).mean(axis=1))
    return float(np.concatenate(right).mean())


def _fit(classifier, images, options, verbose):
    num_steps = math.ceil(1000 * options.kimg / options.batch_size)
    steps_per_report = math.ceil(num_steps / _NUM_REPORTS)
    loss, accuracy = _MEASURES[classifier.kind]
    schedule = keras.optimizers.schedules.CosineDecay(options.learning_rate, num_steps)
    classifier.compile(
        keras.optimizers.Adam(schedule), loss=loss, metrics=[accuracy], jit_compile=False
    )

    def prepared(batch):
        x = _to_float(batch["images"])
        for name in options.alterations:
            x = ALTERATIONS[name](x)
        return x, batch["labels"]

    batches = training_batches(images, batch_size=options.batch_size, seed=options.seed)
    classifier.fit(
        batches.map(prepared),
        epochs=math.ceil(num_steps / steps_per_report),
        steps_per_epoch=steps_per_report,
        verbose=verbose,
        shuffle=False,
    )


def _to_float(images):
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def _share_of_most_frequent(labels, kind):
    shares = labels.mean(axis=0)
    if kind == "classes":
        return float(shares.max())
    return float(np.maximum(shares, 1.0 - shares).mean())
