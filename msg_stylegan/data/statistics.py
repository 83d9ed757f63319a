"""What a data set is like: its facts, its classes, and the statistics of its pixels."""

import dataclasses
from pathlib import Path

import numpy as np

from msg_stylegan.data.dataset import TFRecordDataset, class_names_of, classes_of
from msg_stylegan.data.dataset_folder import find_levels
from msg_stylegan.wording import count_of

_BATCH_BYTES = 16 << 20
_VALUES = np.arange(256)


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """Facts about a data set.

    Attributes:
        path: Its folder, as text.
        num_images: Number of images.
        resolution: Side of the images of the largest level.
        num_channels: 1 (grayscale) or 3 (RGB).
        encoding: "raw", "png" or "jpeg".
        levels: Resolutions on disk, the largest first.
        num_shards: Files of records per level.
        label_size: Numbers per label; 0 = no labels.
        classes: List of pairs of name and number of images; None if the labels are not one-hot.
        num_bytes: Size of all files of the folder.
        mean: Mean of each channel, values 0 to 255.
        std: Standard deviation of each channel.
    """

    path: str
    num_images: int
    resolution: int
    num_channels: int
    encoding: str
    levels: tuple
    num_shards: int
    label_size: int
    classes: list | None
    num_bytes: int
    mean: tuple
    std: tuple


def dataset_info(path, progress=None):
    """Reads a whole data set and describes it.

    Args:
        path: Folder of the data set.
        progress: None, or a function that is called with the number of images after each batch.

    Returns:
        A `DatasetInfo`.

    Raises:
        ValueError: The folder is not a data set, or is damaged.
    """
    dataset = TFRecordDataset(path, max_label_size=-1)
    levels = find_levels(path)
    mean, std = channel_statistics(dataset, progress)
    return DatasetInfo(
        path=str(path),
        num_images=dataset.num_images,
        resolution=dataset.resolution,
        num_channels=dataset.num_channels,
        encoding=dataset.encoding,
        levels=tuple(levels),
        num_shards=len(levels[dataset.resolution]),
        label_size=dataset.label_size,
        classes=_class_counts(dataset),
        num_bytes=sum(file.stat().st_size for file in Path(path).iterdir()),
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
    )


def channel_statistics(dataset, progress=None):
    """Mean and standard deviation of the pixels of each channel, float64 `[C]`, values 0 to 255.

    Exact, since the values are counted and not summed up.

    Args:
        dataset: `TFRecordDataset`.
        progress: None, or a function that is called with the number of images after each batch.
    """
    counts = np.zeros((dataset.num_channels, 256), np.int64)
    for images in dataset.iterate_images(batch_size(dataset)):
        for channel, count in enumerate(counts):
            count += np.bincount(images[..., channel].reshape(-1), minlength=256)
        if progress:
            progress(len(images))
    total = counts.sum(axis=1)
    mean = counts @ _VALUES / total
    deviations = (_VALUES - mean[:, np.newaxis]) ** 2
    return mean, np.sqrt((counts * deviations).sum(axis=1) / total)


def batch_size(dataset):
    """How many images to read at a time."""
    return max(1, _BATCH_BYTES // int(np.prod(dataset.shape)))


def info_table(info):
    """Text of a `DatasetInfo`: one fact per line."""
    color = "grayscale" if info.num_channels == 1 else "RGB"
    labels = f"size {info.label_size}" if info.label_size else "none"
    if info.classes:
        labels += f", {count_of(len(info.classes), 'class')}"
    rows = [
        ("images", f"{info.num_images:,}"),
        ("resolution", f"{info.resolution}x{info.resolution}"),
        ("channels", f"{info.num_channels} ({color})"),
        ("encoding", info.encoding),
        ("levels", ", ".join(f"{level}x{level}" for level in info.levels)),
        ("shards", f"{info.num_shards} per level"),
        ("labels", labels),
        ("size", f"{info.num_bytes / 2**20:.1f} MiB ({info.num_bytes:,} bytes)"),
        ("bytes per image", f"{info.num_bytes / info.num_images:,.0f}"),
        ("mean", "  ".join(f"{value:.2f}" for value in info.mean)),
        ("std", "  ".join(f"{value:.2f}" for value in info.std)),
    ]
    rows += [(f"  {name}", f"{count:,}") for name, count in info.classes or []]
    width = max(len(name) for name, _ in rows)
    return "\n".join([info.path, *(f"{name:{width}}  {value}" for name, value in rows)])


def _class_counts(dataset):
    classes = classes_of(dataset)
    if classes is None:
        return None
    counts = np.bincount(classes, minlength=dataset.label_size)
    names = class_names_of(dataset) or range(dataset.label_size)
    return [(str(name), int(count)) for name, count in zip(names, counts, strict=True)]
