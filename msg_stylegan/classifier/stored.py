"""The `.keras` file that keeps a classifier with its accuracy and the names of its classes."""

import json
from pathlib import Path

from tensorflow import keras

from msg_stylegan.classifier.network import Classifier
from msg_stylegan.command_names import called
from msg_stylegan.files import atomic_path
from msg_stylegan.mistaken_file import what_it_is
from msg_stylegan.stored_class import stored_class
from msg_stylegan.tensorflow_files import plain_path

_CLASS = "msg_stylegan>Classifier"


def save_classifier(classifier, path, info):
    """Writes a classifier in one piece.

    Args:
        classifier: `Classifier` with its weights.
        path: File to write; ends in `.keras`.
        info: Dictionary that describes the training; replaces `classifier.info`.

    Raises:
        WriteError: The disk is full, or the like.
    """
    classifier.info_json = json.dumps(info)
    with atomic_path(path) as temporary:
        classifier.save(temporary)


def open_classifier(path, *, num_classes=None, resolution=None):
    """Opens a classifier that `train_classifier.py` wrote. Nothing that is in the file is ever run.

    Args:
        path: The file.
        num_classes: Number of classes or attributes that it must have; None for any.
        resolution: Side of the images that it shall judge, at least its own: small ones that are
            enlarged look unlike those that it was trained with. None for any.

    Returns:
        A `Classifier`, whose weights are not trainable.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is something else, is damaged, or has another number of classes or a larger
            side than needed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no classifier {path}. Train one by `{called('classifier')} --data FOLDER "
            f"--output {path.with_suffix('.keras')}`."
        )
    classifier = _load(path)
    if num_classes not in (None, classifier.num_classes):
        raise ValueError(
            f"The classifier {path} knows {classifier.num_classes} {classifier.kind}, but the "
            f"labels are of {num_classes}. Train one on such labels by `{called('classifier')}`."
        )
    if resolution is not None and classifier.resolution > resolution:
        raise ValueError(
            f"The classifier {path} is for images of {classifier.resolution} pixels or more. "
            f"Received images of {resolution}. Train one by `{called('classifier')} --resolution "
            f"{resolution}`."
        )
    classifier.trainable = False
    return classifier


def _load(path):
    """Refuses models of other classes, which Keras would make by importing what the file names."""
    expected = f"Expected a file that `{called('classifier')}` wrote."
    try:
        name = stored_class(path)
        if name != _CLASS:
            raise ValueError(f"it holds a {name}.")
        # Keras 2 opens files by TensorFlow.
        with plain_path(path) as plain:
            classifier = keras.models.load_model(plain, compile=False)
        if not isinstance(classifier, Classifier):
            raise ValueError(f"it holds a {type(classifier).__name__}.")
        return classifier
    except OSError as error:
        if error.errno is not None:
            raise
        raise ValueError(f"{path} is not a classifier: {error} {expected}") from error
    except Exception as error:
        # Damaged bytes can make the readers of ZIP, JSON, HDF5 and Keras raise anything.
        reason = what_it_is(path, expected="keras") or error
        raise ValueError(f"{path} is not a classifier: {reason} {expected}") from error
