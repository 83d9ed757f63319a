"""The facts of a data set, its classes, and the statistics of its pixels."""

import dataclasses

import numpy as np
from tqdm import tqdm

from msg_stylegan.data.dataset import TFRecordDataset, class_names_of, classes_of
from msg_stylegan.data.dataset_folder import find_levels
from msg_stylegan.wording import count_of

_BATCH_BYTES = 16 << 20
_VALUES = np.arange(256)


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """Facts about a data set.

    Attributes:
        dataset: Its `TFRecordDataset`.
        levels: Resolutions on disk, the largest first.
        num_shards: Files of records per level.
        classes: List of pairs of name and number of images; None if the labels are not one-hot.
        num_bytes: Size of all files of the folder.
        mean: Mean of each channel, values 0 to 255.
        std: Standard deviation of each channel.
    """

    dataset: TFRecordDataset
    levels: tuple
    num_shards: int
    classes: list | None
    num_bytes: int
    mean: tuple
    std: tuple


def dataset_info(path):
    """Reads the whole data set in a folder and describes it with a `DatasetInfo`.

    Raises:
        ValueError: The folder is not a data set, or is damaged.
    """
    dataset = TFRecordDataset(path, max_label_size=-1)
    levels = find_levels(path)
    mean, std = channel_statistics(dataset)
    return DatasetInfo(
        dataset,
        levels=tuple(levels),
        num_shards=len(levels[dataset.resolution]),
        classes=_class_counts(dataset),
        num_bytes=sum(file.stat().st_size for file in dataset.path.iterdir()),
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
    )


def channel_statistics(dataset):
    """Mean and standard deviation of the pixels of each channel, float64 `[C]`, values 0 to 255.

    They are exact, because values are counted rather than summed.
    """
    counts = np.zeros((dataset.num_channels, 256), np.int64)
    with tqdm(desc="Reading", total=dataset.num_images, unit=" images", smoothing=0.05) as progress:
        for images in dataset.iterate_images(batch_size(dataset)):
            for channel, count in enumerate(counts):
                count += np.bincount(images[..., channel].reshape(-1), minlength=256)
            progress.update(len(images))
    total = counts.sum(axis=1)
    mean = counts @ _VALUES / total
    deviations = (_VALUES - mean[:, np.newaxis]) ** 2
    return mean, np.sqrt((counts * deviations).sum(axis=1) / total)


def batch_size(dataset):
    """How many images to read at a time."""
    return max(1, _BATCH_BYTES // int(np.prod(dataset.shape)))


def info_table(info):
    """Text of a `DatasetInfo`: one fact per line."""
    dataset = info.dataset
    color = "grayscale" if dataset.num_channels == 1 else "RGB"
    labels = f"size {dataset.label_size}" if dataset.label_size else "none"
    if info.classes:
        labels += f", {count_of(len(info.classes), 'class')}"
    rows = [
        ("images", f"{dataset.num_images:,}"),
        ("resolution", f"{dataset.resolution}x{dataset.resolution}"),
        ("channels", f"{dataset.num_channels} ({color})"),
        ("encoding", dataset.encoding),
        ("levels", ", ".join(f"{level}x{level}" for level in info.levels)),
        ("shards", f"{info.num_shards} per level"),
        ("labels", labels),
        ("size", f"{info.num_bytes / 2**20:.1f} MiB ({info.num_bytes:,} bytes)"),
        ("bytes per image", f"{info.num_bytes / dataset.num_images:,.0f}"),
        ("mean", "  ".join(f"{value:.2f}" for value in info.mean)),
        ("std", "  ".join(f"{value:.2f}" for value in info.std)),
    ]
    rows += [(f"  {name}", f"{count:,}") for name, count in info.classes or []]
    width = max(len(name) for name, _ in rows)
    return "\n".join([str(dataset.path), *(f"{name:{width}}  {value}" for name, value in rows)])


def _class_counts(dataset):
    classes = classes_of(dataset)
    if classes is None:
        return None
    counts = np.bincount(classes, minlength=dataset.label_size)
    names = class_names_of(dataset) or range(dataset.label_size)
    return [(str(name), int(count)) for name, count in zip(names, counts, strict=True)]
