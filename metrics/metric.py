"""What a metric is: a name, a function from images to numbers, and how to compare the numbers.

A metric sees iterators of uint8 images and features of them. Only path lengths and stability look
at a generator, because they are properties of one.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metrics.cache import StatisticsCache
from msg_stylegan.command_names import called

if TYPE_CHECKING:
    from metrics.features import Features
    from metrics.floors import Halves
    from metrics.generated_images import GeneratedImages
    from metrics.generated_pairs import GeneratedPairs


# Feature networks that a metric looks through when its name ends with theirs: "fd50k-efficientnet".
NAMED_NETWORKS = ("efficientnet",)

# What to do about images of a size that a metric cannot use.
SUITABLE_IMAGES = (
    f"`{called('dataset')} create_from_images`, with `--resolution`, makes such images."
)


@dataclasses.dataclass(frozen=True)
class MetricInputs:
    """Everything a metric may use."""

    # reals(num_images, start=0, mirrored=True, shuffled=True): fresh iterator of uint8 batches
    # [n, r, r, C], beginning at image `start` and repeating the images when they are too few;
    # mirrored if the user says so; in the order of `fixed_order`, or in that of the files.
    reals: Callable[..., Iterator[np.ndarray]]
    # fakes(num_images): fresh iterator of uint8 batches; the same images for the same seed, those
    # of files in the order of `fixed_order`.
    fakes: Callable[[int], Iterator[np.ndarray]]
    # Number of different reals.
    num_reals: int
    # Number of fakes that there are; None for a generator, which never runs out.
    num_fakes: int | None
    # Features of reals and fakes in the space of a feature network, shared by the metrics.
    features: "Features"
    # The generator of the fakes; None when they are files.
    generator: "GeneratedImages | None"
    # Statistics of the real images, kept between evaluations.
    cache: StatisticsCache
    # Decides every random choice of the metric.
    seed: int
    # Folder for large temporary files.
    scratch_dir: Path
    # Called like `tqdm.tqdm`.
    progress: Callable
    # notice(text) tells the user something that is not an error.
    notice: Callable[[str], None]
    # Generators of two domains, of which the fakes are the first; None for one domain or files.
    pairs: "GeneratedPairs | None" = None

    def count_fakes(self, metric, wanted, at_least=1):
        """Number of fakes to use for a metric whose name asks for `wanted` of them (0 for all).

        Args:
            metric: Its name.
            wanted: Number of fakes in that name; 0 for all.
            at_least: Fewest fakes with which the metric is defined.

        Raises:
            ValueError: All images of a generator, or more than there are, or too few.
        """
        if self.num_fakes is None:
            if not wanted:
                raise ValueError(
                    f"{metric} does not say how many images to generate. Put the number into the "
                    "name, as in fid50k, or use --num_images."
                )
            return wanted
        if wanted > self.num_fakes:
            raise ValueError(
                f"{metric} asks for {wanted} fakes, and there are {self.num_fakes}. Put a smaller "
                "number into the name, or use all by leaving it out where the metric allows that."
            )
        _require(metric, "fakes", wanted or self.num_fakes, at_least)
        return wanted or self.num_fakes

    def require_reals(self, metric, at_least):
        """Raises ValueError if there are reals, but too few different ones for a metric."""
        # Having none is an error only where they are read: imported statistics may replace them.
        if self.num_reals:
            _require(metric, "reals", self.num_reals, at_least)

    def require_generator(self, metric):
        """Returns the generator, or raises ValueError if the fakes are files."""
        if self.generator is None:
            raise ValueError(f"{metric} looks into a generator; it cannot be computed for files.")
        return self.generator

    def require_pairs(self, metric):
        """Returns the `GeneratedPairs`, or raises ValueError if there is one domain only."""
        if self.pairs is None:
            raise ValueError(one_domain_message(metric))
        return self.pairs


def one_domain_message(metric):
    """Why a metric of pairs, by its name, cannot be computed for one domain."""
    return (
        f"{metric} compares images of two domains from the same latents. It needs the networks of "
        "a pair, trained with dataset.path_b, and both of its domains. Files, networks of one "
        "domain and one domain of a pair have no such images."
    )


def _require(metric, what, count, at_least):
    if count < at_least:
        raise ValueError(f"{metric} needs at least {at_least} {what}. Received {count}.")


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric with everything settled, ready to be computed."""

    # Full name, also the prefix of its result keys: "swd16k".
    name: str
    # Result key by which snapshots are compared.
    headline: str
    # Whether a smaller headline is better.
    lower_is_better: bool
    # Maps `MetricInputs` to a dict of result key -> float. An empty dict means that there is
    # nothing to measure yet.
    compute: Callable[[MetricInputs], dict]
    # Pretrained networks that it needs, by their names in `FeatureNetworks`.
    networks: tuple = ()
    # Whose images must be squares of one size: "reals", "fakes" or both.
    squares: tuple = ()
    # Whether results depend on which reals come first, which `fixed_order` decides.
    shuffles_reals: bool = False
    # For Fréchet distances: maps `MetricInputs` to the `Moments` of the reals.
    real_moments: Callable | None = None
    # How it compares one half of the reals with the other; None if that says nothing. See `floors`.
    halves: "Halves | None" = None
    # Whether it is about pairs of images of two domains; see `MetricInputs.require_pairs`.
    of_pair: bool = False
    # Whether it needs real images whose partners are known; see `Partners`.
    of_partners: bool = False
    # Domain whose fakes it is about, "a" or "b"; those of a single one are "a", and so are pairs.
    domain: str = "a"
    # Smallest side of the fakes, in pixels.
    min_resolution: int = 1
    # draw(path, metric, lines) draws results over the training; None for `plots.plot_metric`.
    draw: Callable | None = None

    @property
    def floor_headline(self):
        """Result key of the floor of the headline. Not every metric has one."""
        return f"{self.name}_floor{self.headline.removeprefix(self.name)}"

    def is_best(self, value, others):
        """Whether headline `value` beats all `others`. NaN beats nothing and is beaten by all."""
        sign = 1 if self.lower_is_better else -1
        return not math.isnan(value) and all(
            sign * value < sign * other for other in others if not math.isnan(other)
        )


@dataclasses.dataclass(frozen=True)
class MetricOptions:
    """What a user may say about metrics besides their names."""

    # Number of images instead of the one in the name; 0 as the name says.
    num_images: int = 0
    # Name of a feature network of the user, which takes the place of the usual ones.
    feature_network: str | None = None
    # `Classifier` that judges pairs, or None.
    classifier: object = None


@dataclasses.dataclass(frozen=True)
class Family:
    """All metrics of one kind, whose names carry their settings: swd2k, swd16k."""

    # Regular expression that the whole name matches.
    pattern: str
    # Names to show to a user.
    examples: tuple
    # make(match, options) returns the Metric of a name. It is named after the number of images
    # and the feature network that are really used.
    make: Callable[..., Metric]


def format_count(count):
    """Number of images as it is written in the name of a metric: 50000 is "50k", 0 (all) is ""."""
    if not count:
        return ""
    return str(count) if count % 1000 else f"{count // 1000}k"


def parse_count(text):
    """Reverse of `format_count`, for the text that a pattern `([0-9]+k?)?` found, or None."""
    if not text:
        return 0
    return int(text.removesuffix("k")) * (1000 if text.endswith("k") else 1)


def choose_count(name, number, options, at_least):
    """Finds the number that a metric counts: that of the options, or else that of its name.

    Args:
        name: Name of the metric as the user wrote it.
        number: The number in it, such as "50k"; None if it has none.
        options: `MetricOptions`.
        at_least: Smallest number with which the metric is defined.

    Returns:
        The number; 0 for all, if neither says it.

    Raises:
        ValueError: The number is too small.
    """
    count = options.num_images or parse_count(number)
    if count < at_least and (number or count):
        raise ValueError(f"{name} needs at least {at_least} images. Received {count}.")
    return count


def choose_feature_space(name, usual, wanted, options):
    """Finds the feature network of a metric.

    It is one of `NAMED_NETWORKS` if the name says so, else that of the user if there is one, and
    else the usual one.

    Args:
        name: Name of the metric as the user wrote it.
        usual: Name of the network that the metric is known for; None if it is always the user's.
        wanted: What follows the dash in the name, as in "fd50k-dinov2"; None without a dash.
        options: `MetricOptions`.

    Returns:
        Tuple of the name of the network and the end of the metric's full name: "" or "-network".

    Raises:
        ValueError: The user has not given the network that the name asks for.
    """
    if wanted in NAMED_NETWORKS:
        return wanted, f"-{wanted}"
    given = options.feature_network
    if (given is None and usual is None) or (wanted is not None and wanted != given):
        expected = f"the feature network {wanted!r}" if wanted else "a feature network of yours"
        received = f"that of {given!r}" if given else "none"
        raise ValueError(
            f"{name} looks through {expected}. Expected its file in --feature_network, or "
            f"{' or '.join(NAMED_NETWORKS)} after the dash. Received {received}."
        )
    return (usual, "") if given is None else (given, f"-{given}")


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
