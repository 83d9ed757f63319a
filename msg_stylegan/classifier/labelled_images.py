"""Images of labelled data sets: those that a classifier learns from, and those held out."""

import numpy as np

from msg_stylegan.data.dataset import TFRecordDataset, class_names_of, classes_of, label_batches
from msg_stylegan.data.pyramid import is_pyramid_resolution


class LabelledImages:
    """Some images of data sets, numbered from 0 on, as `training_batches` reads them.

    Args:
        parts: List of (`TFRecordDataset`, record numbers), all of one side and length of label.
        num_channels: Channels of the images to return; grayscale is repeated.

    Attributes:
        num_images: Number of images in all parts.
        shape: `(r, r, num_channels)` of an image.
        label_size: Numbers per label.
        encoding: How images are stored: "raw" if all are.
    """

    def __init__(self, parts, num_channels):
        self._datasets = [dataset for dataset, _ in parts]
        self._records = np.concatenate([records for _, records in parts])
        counts = [len(records) for _, records in parts]
        self._parts = np.repeat(np.arange(len(parts)), counts)
        first = self._datasets[0]
        self.num_images = len(self._records)
        self.shape = (first.resolution, first.resolution, num_channels)
        self.label_size = first.label_size
        encodings = {dataset.encoding for dataset in self._datasets}
        self.encoding = "raw" if encodings == {"raw"} else "mixed"

    def read_images(self, indices):
        """uint8 `[N, r, r, num_channels]`."""
        return self._read(indices, np.uint8, self.shape, lambda dataset: dataset.read_images)

    def read_labels(self, indices):
        """float32 `[N, label_size]`."""
        shape = (self.label_size,)
        return self._read(indices, np.float32, shape, lambda dataset: dataset.read_labels)

    def _read(self, indices, dtype, shape, reader):
        result = np.empty((len(indices), *shape), dtype)
        for number, dataset in enumerate(self._datasets):
            here = self._parts[indices] == number
            if here.any():
                # A single channel becomes several.
                result[here] = reader(dataset)(self._records[indices][here])
        return result


def open_data_sets(paths, resolution=0):
    """Opens data sets that one classifier can learn from, with all their labels.

    Args:
        paths: Folders.
        resolution: Side of the images; 0 for that of the smallest ones.

    Returns:
        List of `TFRecordDataset`, and the kind of their labels: "classes" or "attributes".

    Raises:
        ValueError: A folder is no data set or has no labels that can be learned, the labels of two
            differ in length, or the images cannot have the side `resolution`.
    """
    smallest = min(map(TFRecordDataset, paths), key=lambda dataset: dataset.stored_resolution)
    side = smallest.stored_resolution
    resolution = resolution or side
    if not is_pyramid_resolution(resolution) or resolution > side:
        raise ValueError(
            f"Expected `resolution` to be a power of two of at most {side}: {smallest.path} holds "
            f"images of {side}x{side}. Received: {resolution}"
        )
    datasets = [TFRecordDataset(path, resolution, max_label_size=-1) for path in paths]
    for dataset in datasets:
        if dataset.label_size < 1:
            raise ValueError(f"{dataset.path} has no labels. A classifier learns from labels.")
        if dataset.label_size != datasets[0].label_size:
            raise ValueError(
                f"The labels of {dataset.path} have {dataset.label_size} numbers, those of "
                f"{datasets[0].path} {datasets[0].label_size}. One classifier needs one kind of "
                "label."
            )
    if all(classes_of(dataset) is not None for dataset in datasets):
        if datasets[0].label_size == 1:
            raise ValueError(f"{datasets[0].path} has a single class. There is nothing to learn.")
        return datasets, "classes"
    for dataset in datasets:
        if not all(np.isin(labels, (0, 1)).all() for labels in label_batches(dataset)):
            raise ValueError(
                f"The labels of {dataset.path} are neither classes (a single 1 in each, otherwise "
                "0) nor attributes (0 or 1 each)."
            )
    return datasets, "attributes"


def shared_class_names(datasets):
    """Names of the classes that all data sets agree on, or None."""
    names = class_names_of(datasets[0])
    return names if all(class_names_of(dataset) == names for dataset in datasets) else None


def divide(datasets, share, seed):
    """Divides the images of each data set by chance.

    Args:
        datasets: List of `TFRecordDataset`.
        share: Share of the images of each data set to hold out, between 0 and 1.
        seed: Decides which.

    Returns:
        List of the `LabelledImages` held out, one for each data set, and the `LabelledImages` of
        all others together. Gray data sets beside colour ones become RGB.

    Raises:
        ValueError: A data set is too small to be divided.
    """
    num_channels = max(dataset.num_channels for dataset in datasets)
    held_out, rest = [], []
    for number, dataset in enumerate(datasets):
        order = np.random.default_rng([seed, number]).permutation(dataset.num_images)
        count = round(share * len(order))
        if not 0 < count < len(order):
            raise ValueError(
                f"{dataset.path} has {len(order)} images, of which a share of {share} cannot be "
                "held out: no image would be left on one side."
            )
        held_out.append(LabelledImages([(dataset, order[:count])], num_channels))
        rest.append((dataset, order[count:]))
    return held_out, LabelledImages(rest, num_channels)
