"""Labels of a data set in an order that follows from the labels alone."""

import hashlib

import numpy as np

from msg_stylegan.data.label_classes import label_batches

# Raise it when the same labels come in another order.
LABEL_ORDER_VERSION = 1


class LabelsInOrder:
    """The labels of a data set for `draw_latents`, however the data set was written.

    Args:
        dataset: `TFRecordDataset` or `LabelTable`.

    Attributes:
        label_size: Numbers per label.
        num_images: Number of labels.
    """

    def __init__(self, dataset):
        self.label_size = dataset.label_size
        self.num_images = dataset.num_images
        self._dataset = dataset
        self._order = None

    def read_labels(self, indices):
        """Labels by their places in the order: float32 `[N, label_size]`."""
        if self._order is None:
            digests = [_digest(row) for batch in label_batches(self._dataset) for row in batch]
            self._order = np.array(sorted(range(self.num_images), key=digests.__getitem__))
        return self._dataset.read_labels(self._order[indices])


def _digest(row):
    return hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest()
