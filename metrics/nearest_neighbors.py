"""What metrics of nearest neighbours share: distances, balls, names, and where features come from.

"pr50k3" compares 50k fakes with 50k of the reals (fewer if there are fewer), "pr50k3_full" with
up to 200k, "pr3" all fakes in files; the last digit is k. They use the features of
VGG16, or of EfficientNet-Lite0 or a network of the user ("pr50k3-NAME").

Distances are float64, because a metric that counts is exact or wrong: in float32,
|x|^2 - 2 x.y + |y|^2 loses the digits that decide whether a point lies inside.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from metrics.floors import Halves
from metrics.metric import Family, Metric, choose_count, choose_feature_space, format_count

MAX_REALS = 200_000

# Rows and columns of a block of distances: 128 MB, with as much again for the features of each
# side if they have 4096 dimensions.
_BLOCK = 4096

# Squared distances that differ by less than this, relative to the squares of which they are sums,
# are equal: rounding depends on where a pair lies in a block, and copies of real images must not
# fall inside or outside by chance. Distances that really differ are rarely as close.
_TIE = 1e-12


@dataclasses.dataclass(frozen=True)
class Balls:
    """Balls around points, each of which reaches the k-th nearest other point.

    A point at squared distance s from centre i lies in the closed ball if s <= closed[i], and in
    the open ball if s < open[i].
    """

    # float64 [N]: squared radii, a little more and a little less than exact because of ties.
    closed: np.ndarray
    open: np.ndarray


def neighbor_balls(points, k, report=lambda count: None):
    """Finds the distance of each point to its k-th nearest neighbour, itself not counted.

    Args:
        points: Features `[N, d]`, in memory or mapped from a file.
        k: Whole number, 1 <= k < N.
        report: Called with numbers of distances that are done, N * N in all.

    Returns:
        `Balls`.

    Raises:
        ValueError: Too few points, another shape, or numbers that are not finite.
    """
    if points.ndim != 2 or len(points) <= k:
        raise ValueError(
            f"Expected features [N, d] of more than k = {k} images. Received {list(points.shape)}."
        )
    nearest = np.full((len(points), k), np.inf)
    norms = np.empty(len(points))
    for i, rows in _blocks(points):
        norms[i] = np.einsum("nd,nd->n", rows, rows)
        for j, columns in _blocks(points, start=i.start):
            distances = _squared_distances(rows, columns)
            if i == j:
                np.fill_diagonal(distances, np.inf)
            else:
                # Distances are the same in both directions.
                nearest[j] = _smallest(nearest[j], distances.T)
            nearest[i] = _smallest(nearest[i], distances)
            report(distances.size if i == j else 2 * distances.size)
    radii = nearest.max(axis=1)
    margin = _TIE * (norms + radii)
    return Balls(closed=radii + margin, open=radii - margin)


def distance_blocks(x, y):
    """Yields all squared distances between two sets of points.

    Args:
        x: Features `[N, d]`, in memory or mapped from a file.
        y: Features `[M, d]`.

    Yields:
        Tuples of a slice of x, a slice of y, and float64 `[n, m]`.

    Raises:
        ValueError: Different dimensions, or numbers that are not finite.
    """
    check_dimensions(x, y)
    for i, rows in _blocks(x):
        for j, columns in _blocks(y):
            yield i, j, _squared_distances(rows, columns)


def check_dimensions(x, y):
    """Raises ValueError unless x and y are features `[N, d]` and `[M, d]`."""
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(
            "Expected features [N, d] and [M, d] of one network. "
            f"Received {list(x.shape)} and {list(y.shape)}."
        )


def _blocks(points, start=0):
    for first in range(start, len(points), _BLOCK):
        here = slice(first, min(first + _BLOCK, len(points)))
        block = np.asarray(points[here], np.float64)
        if not np.isfinite(block).all():
            raise ValueError("Expected finite features. Received NaN or infinity.")
        yield here, block


def _squared_distances(rows, columns):
    distances = rows @ columns.T
    distances *= -2.0
    distances += np.einsum("nd,nd->n", rows, rows)[:, None]
    distances += np.einsum("nd,nd->n", columns, columns)
    return distances


def _smallest(nearest, distances):
    """The k smallest numbers per row of `[n, k]` and `[n, m]` together, in no order."""
    k = nearest.shape[1]
    if distances.shape[1] > k:
        distances = np.partition(distances, k - 1, axis=1)[:, :k]
    return np.partition(np.concatenate([nearest, distances], axis=1), k - 1, axis=1)[:, :k]


class NeighborMeasure(NamedTuple):
    """Two numbers that follow from which features lie near which."""

    # First letters of the name: "pr".
    stem: str
    # Number of the neighbour that a ball reaches.
    k: int
    # function(reals, fakes, report=...) returns both numbers; report is called with numbers of
    # distances that are done.
    function: Callable
    # count_distances(N, M) is how many there are.
    count_distances: Callable
    # Names of both numbers. Snapshots are compared by the second.
    names: tuple


def neighbor_family(measure, examples):
    """Returns the `Family` of a `NeighborMeasure`."""
    k = measure.k
    return Family(
        pattern=rf"{measure.stem}(?:([0-9]+k?){k}(_full)?|{k})(?:-(.+))?",
        examples=examples,
        make=functools.partial(_make, measure),
    )


def _make(measure, match, options):
    number, full, wanted = match.groups()
    network, ending = choose_feature_space(match[0], "vgg16", wanted, options)
    count = choose_count(match[0], number, options, measure.k + 1)
    name = f"{measure.stem}{format_count(count)}{measure.k}{full or ''}{ending}"
    max_reals = count if count and not full else MAX_REALS
    return Metric(
        name=name,
        headline=f"{name}_{measure.names[1]}",
        lower_is_better=False,
        compute=functools.partial(_compute, measure, name, network, count, max_reals),
        networks=(network,),
        shuffles_reals=True,
        halves=Halves(
            name, network, max_reals, measure.k + 1, functools.partial(_measure, measure, name)
        ),
    )


def _compute(measure, name, network, num_images, max_reals, inputs):
    count = inputs.count_fakes(name, num_images, at_least=measure.k + 1)
    inputs.require_reals(name, at_least=measure.k + 1)
    fakes = inputs.features.fakes(network, count)
    reals = inputs.features.reals(network, max_reals)
    return _measure(measure, name, reals, fakes, inputs)


def _measure(measure, name, reals, fakes, inputs):
    total = measure.count_distances(len(reals), len(fakes))
    with inputs.progress(total=total, desc=name, unit="pair", unit_scale=True) as bar:
        values = measure.function(reals, fakes, report=bar.update)
    return {f"{name}_{what}": value for what, value in zip(measure.names, values, strict=True)}
