"""What a metric is: a name, a function from images to numbers, and how to compare the numbers.

A metric sees iterators of uint8 images and knows nothing of networks, files or training.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from metrics.cache import StatisticsCache


@dataclasses.dataclass(frozen=True)
class MetricInputs:
    """Everything a metric may use."""

    # reals(num_images, start=0): fresh iterator of uint8 batches [n, r, r, C], in the order of the
    # data set, beginning at image `start` and repeating the data set when it is too small.
    reals: Callable[..., Iterator[np.ndarray]]
    # fakes(num_images): fresh iterator of uint8 batches; the same images for the same seed.
    fakes: Callable[[int], Iterator[np.ndarray]]
    # Statistics of the real images, kept between evaluations.
    cache: StatisticsCache
    # Decides every random choice of the metric.
    seed: int
    # Folder for large temporary files.
    scratch_dir: Path
    # Called like `tqdm.tqdm`.
    progress: Callable


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric with everything settled, ready to be computed."""

    # Full name, also the prefix of its result keys: "swd16k".
    name: str
    # Images that are taken of each side.
    num_images: int
    # Result key by which snapshots are compared.
    headline: str
    # Whether a smaller headline is better.
    lower_is_better: bool
    # Maps `MetricInputs` to a dict of result key -> float.
    compute: Callable[[MetricInputs], dict]

    def is_best(self, value, others):
        """Whether headline `value` beats all `others`. NaN beats nothing and is beaten by all."""
        sign = 1 if self.lower_is_better else -1
        return not math.isnan(value) and all(
            sign * value < sign * other for other in others if not math.isnan(other)
        )


@dataclasses.dataclass(frozen=True)
class Family:
    """All metrics of one kind, whose names carry their settings: swd2k, swd16k."""

    # Regular expression that the whole name matches.
    pattern: str
    # Names to show to a user.
    examples: tuple
    # make(match, num_images) returns the Metric of a name; `num_images` > 0 overrides the number
    # in the name, and the metric is then named after the number that is really used.
    make: Callable


def checked_batches(batches, num_images):
    """Passes image batches on after checking them.

    Args:
        batches: Iterator of image batches.
        num_images: Number of images that must arrive in total.

    Yields:
        uint8 `[n, r, r, C]`.

    Raises:
        ValueError: Not uint8, not square, a change of shape, or another number of images.
    """
    shape = None
    count = 0
    for batch in batches:
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1] != batch.shape[2]:
            raise ValueError(
                "Expected batches of square uint8 images [n, r, r, C]. "
                f"Received {batch.dtype} {list(batch.shape)}."
            )
        shape = shape or batch.shape[1:]
        if batch.shape[1:] != shape:
            raise ValueError(
                "Expected images of one shape. "
                f"Received {list(batch.shape[1:])} after {list(shape)}."
            )
        count += len(batch)
        if count > num_images:
            break
        yield batch
    if count != num_images:
        raise ValueError(f"Expected {num_images} images. Received {count}.")
