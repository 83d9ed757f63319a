"""What a perfect generator would score: one half of the reals against the other half.

Most distances are above zero for two finite samples of one distribution, by an amount that depends
on their size, and precision, recall and coverage are below one. So a score says little without its
floor. SWD has one of its own, of as many reals as fakes.
"""

import dataclasses
from collections.abc import Callable

from metrics.fixed_order import ORDER_VERSION

# Raise it when the numbers change.
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Halves:
    """How a metric compares one half of the reals with the other."""

    # Name of the metric, with which its result keys begin.
    name: str
    # Name of the feature network.
    network: str
    # Reals that are divided, each at most once and never mirrored; fewer if there are fewer.
    max_reals: int
    # Fewest images of a half.
    at_least: int
    # measure(reals, fakes, inputs) maps features [n, d] of both sides and `MetricInputs` to a dict
    # of result key -> float, as for the metric itself.
    measure: Callable


def floors(metric, inputs):
    """Results of a metric for reals alone, kept in the cache.

    Args:
        metric: `Metric`.
        inputs: `MetricInputs`.

    Returns:
        Dict of result key -> float: "<metric>_floor" in place of the metric's name. Empty where
        there are no reals to divide: the metric takes none, or imported statistics.
    """
    halves = metric.halves
    if halves is None or not inputs.num_reals:
        return {}
    if metric.real_moments is not None and inputs.features.imported is not None:
        return {}
    size = min(halves.max_reals, inputs.num_reals) // 2
    if size < halves.at_least:
        inputs.notice(f"{metric.name}: {inputs.num_reals} reals are too few for a floor of halves.")
        return {}

    def compute():
        rows = inputs.features.reals(halves.network, halves.max_reals)
        return halves.measure(rows[:size], rows[size : 2 * size], inputs)

    parameters = {
        "version": VERSION,
        "order": ORDER_VERSION,
        "metric": halves.name,
        "network": inputs.features.identity(halves.network),
        "seed": inputs.seed,
    }
    results = inputs.cache.fetch("floor", parameters, compute)
    return {
        f"{metric.name}_floor{key.removeprefix(halves.name)}": float(value)
        for key, value in results.items()
    }
