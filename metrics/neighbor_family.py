"""What metrics of nearest neighbours share: their names, and where their features come from.

"pr50k3" compares 50k fakes with 50k of the reals (fewer if there are fewer), "pr50k3_full" with
up to 200k, "pr3" all fakes in files; the last digit is k. They look through VGG16, or through a
network of the user ("pr50k3-NAME").
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

from metrics.metric import Family, Metric, format_count
from metrics.metric_names import choose_count, choose_feature_space

MAX_REALS = 200_000


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
        num_images=count,
        headline=f"{name}_{measure.names[1]}",
        lower_is_better=False,
        compute=functools.partial(_compute, measure, name, network, count, max_reals),
        networks=(network,),
        shuffles_reals=True,
    )


def _compute(measure, name, network, num_images, max_reals, inputs):
    count = inputs.count_fakes(name, num_images, at_least=measure.k + 1)
    inputs.require_reals(name, at_least=measure.k + 1)
    fakes = inputs.features.fakes(network, count)
    reals = inputs.features.reals(network, max_reals)
    total = measure.count_distances(len(reals), len(fakes))
    with inputs.progress(total=total, desc=name, unit="pair", unit_scale=True) as bar:
        values = measure.function(reals, fakes, report=bar.update)
    return {f"{name}_{what}": value for what, value in zip(measure.names, values, strict=True)}
