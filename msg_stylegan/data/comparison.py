"""Compares two data sets image by image, whatever encodings and shards they have."""

import dataclasses

import numpy as np
from tqdm import tqdm

from msg_stylegan.data.dataset import TFRecordDataset, label_batches
from msg_stylegan.data.statistics import batch_size


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What `compare` has found.

    Attributes:
        num_images: Number of images of the two data sets, a pair.
        shapes: Shape `(resolution, resolution, channels)` of their images, a pair.
        label_sizes: Numbers per label, a pair; None if labels were ignored.
        different_images: Record numbers, int64 `[n]`, up to the end of the shorter data set.
        different_labels: The same of labels; empty if they were ignored.
    """

    num_images: tuple
    shapes: tuple
    label_sizes: tuple | None
    different_images: np.ndarray
    different_labels: np.ndarray

    @property
    def compared(self):
        """Number of pairs of images."""
        return min(self.num_images)

    @property
    def equal(self):
        """Whether the data sets hold the same, in the same order."""
        same_size = self.num_images[0] == self.num_images[1]
        return same_size and not len(self.different_images) and not len(self.different_labels)


def compare(path_a, path_b, ignore_labels=False):
    """Compares the images of the largest level, and the labels, record by record.

    Args:
        path_a: Folder of a data set.
        path_b: Folder of another.
        ignore_labels: Whether only images are compared.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: A folder is not a data set, or is damaged.
    """
    a, b = (TFRecordDataset(path, max_label_size=-1) for path in (path_a, path_b))
    count = min(a.num_images, b.num_images)
    none = np.zeros(0, np.int64)
    return Comparison(
        num_images=(a.num_images, b.num_images),
        shapes=(a.shape, b.shape),
        label_sizes=None if ignore_labels else (a.label_size, b.label_size),
        different_images=_different_images(a, b, count),
        different_labels=none if ignore_labels else _different_labels(a, b, count),
    )


def comparison_text(comparison, max_listed=20):
    """Text of a `Comparison`: counts of what is identical, and what is not.

    Args:
        comparison: The `Comparison`.
        max_listed: Record numbers to list; the others are only counted.
    """
    lines = []
    if comparison.num_images[0] != comparison.num_images[1]:
        lines.append("The data sets have {} and {} images.".format(*comparison.num_images))
    if comparison.shapes[0] != comparison.shapes[1]:
        sides = [f"{side}x{side}x{channels}" for side, _, channels in comparison.shapes]
        lines.append(f"The images are {sides[0]} and {sides[1]}.")
    sizes = comparison.label_sizes
    if sizes and sizes[0] != sizes[1]:
        lines.append(f"The labels have {sizes[0]} and {sizes[1]} numbers.")
    lines += _listed("Images", comparison.different_images, max_listed)
    lines += _listed("Labels", comparison.different_labels, max_listed)
    count = comparison.compared
    lines.append(f"Identical images: {count - len(comparison.different_images)} / {count}")
    if sizes:
        lines.append(f"Identical labels: {count - len(comparison.different_labels)} / {count}")
    return "\n".join(lines)


def _different_images(a, b, count):
    if a.shape != b.shape:
        return np.arange(count)
    different = [np.zeros(0, np.int64)]
    size = batch_size(a)
    with tqdm(desc="Comparing", total=count, unit=" images", smoothing=0.05) as progress:
        for start in range(0, count, size):
            indices = np.arange(start, min(start + size, count))
            same = a.read_images(indices) == b.read_images(indices)
            different.append(indices[~same.all(axis=(1, 2, 3))])
            progress.update(len(indices))
    return np.concatenate(different)


def _different_labels(a, b, count):
    if a.label_size != b.label_size:
        return np.arange(count)
    if not a.label_size:
        return np.zeros(0, np.int64)
    pairs = zip(label_batches(a, count), label_batches(b, count), strict=True)
    same = [(labels_a == labels_b).all(axis=1) for labels_a, labels_b in pairs]
    return np.flatnonzero(~np.concatenate(same))


def _listed(what, indices, max_listed):
    if not len(indices):
        return []
    listed = ", ".join(str(index) for index in indices[:max_listed])
    more = len(indices) - max_listed
    return [f"{what} that differ: {listed}" + (f" and {more} more" if more > 0 else "")]
