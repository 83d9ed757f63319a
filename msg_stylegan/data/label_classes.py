"""Classes behind the labels of a data set."""

import numpy as np

from msg_stylegan.data.manifest import read_manifest

_BATCH_BYTES = 16 << 20


def label_batches(dataset, num_images=None):
    """Yields the labels of a data set in order, float32 `[n, label_size]`, a few MiB at a time.

    Args:
        dataset: `TFRecordDataset` with labels.
        num_images: Labels in all; None = those of all images.
    """
    stop = dataset.num_images if num_images is None else num_images
    size = max(1, _BATCH_BYTES // (4 * dataset.label_size))
    for start in range(0, stop, size):
        yield dataset.read_labels(np.arange(start, min(start + size, stop)))


def classes_of(dataset):
    """Class of each image: int64 `[N]`, or None if a label is not one-hot or there are none."""
    if not dataset.label_size:
        return None
    classes = []
    for labels in label_batches(dataset):
        ones, zeros = np.count_nonzero(labels == 1, axis=1), np.count_nonzero(labels == 0, axis=1)
        if np.any(ones != 1) or np.any(zeros != dataset.label_size - 1):
            return None
        classes.append(labels.argmax(axis=1))
    return np.concatenate(classes)


def class_names_of(dataset):
    """Names of the classes, or of the numbers of a label: list of `label_size`, or None."""
    names = (read_manifest(dataset.path) or {}).get("class_names")
    return names if names and len(names) == dataset.label_size else None
