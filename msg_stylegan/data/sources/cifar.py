"""CIFAR-10 and CIFAR-100 from their "python version", the pickles that the authors publish."""

import numpy as np

from msg_stylegan.data.sources.arrays import ArraySource
from msg_stylegan.data.sources.known_files import check_images, find_file, read_pickled_file

_NUM_IMAGES = 50000


def open_cifar10(folder):
    """The training images of CIFAR-10: 32x32 RGB, ten classes.

    Args:
        folder: Folder of `data_batch_1` to `data_batch_5`, or one above it. `batches.meta` has
            the names of the classes.

    Raises:
        ValueError: A file is missing or damaged.
    """
    place = find_file(folder, "data_batch_1").parent
    paths = [place / f"data_batch_{number}" for number in range(1, 6)]
    names = _class_names(place / "batches.meta", "label_names", 10)
    return _open(paths, "labels", 10, {"kind": "cifar10", "path": str(folder)}, names)


def open_cifar100(folder):
    """The training images of CIFAR-100: 32x32 RGB, a hundred (fine) classes.

    Args:
        folder: Folder of `train`, or one above it. `meta` has the names of the classes.

    Raises:
        ValueError: A file is missing or damaged.
    """
    path = find_file(folder, "train")
    names = _class_names(path.with_name("meta"), "fine_label_names", 100)
    description = {"kind": "cifar100", "path": str(folder)}
    return _open([path], "fine_labels", 100, description, names)


def _open(paths, labels_key, num_classes, description, class_names):
    batches = [_read_batch(path, labels_key) for path in paths]
    return ArraySource(
        np.concatenate([images for images, _ in batches]),
        np.concatenate([classes for _, classes in batches]),
        num_classes,
        description=description,
        expected_images=_NUM_IMAGES,
        class_names=class_names,
    )


def _read_batch(path, labels_key):
    batch = read_pickled_file(path)
    if not isinstance(batch, dict) or not {"data", labels_key} <= batch.keys():
        raise ValueError(f"{path} is not a batch of CIFAR: expected `data` and `{labels_key}`.")
    images = check_images(batch["data"], path)
    classes = batch[labels_key]
    if len(classes) != len(images) or not all(isinstance(label, int) for label in classes):
        raise ValueError(f"{path}: `{labels_key}` is not one whole number for each image.")
    return images, np.asarray(classes, np.int64)


def _class_names(path, key, num_classes):
    """Names in a file that is not needed for anything else; None without it."""
    if not path.is_file():
        return None
    meta = read_pickled_file(path)
    names = meta.get(key) if isinstance(meta, dict) else None
    if not isinstance(names, list) or len(names) != num_classes:
        raise ValueError(f"{path} does not hold {num_classes} names in `{key}`.")
    return [str(name) for name in names]
