"""Means and spreads over the seeds of every variant, at equal length and at equal time."""

import statistics
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spread:
    """A number that was measured several times."""

    mean: float
    # Sample standard deviation; None of a single value.
    deviation: float | None

    def __str__(self):
        # As many digits as tell two means apart.
        mean = f"{self.mean:.4g}"
        return mean if self.deviation is None else f"{mean} ± {self.deviation:.2g}"


@dataclass(frozen=True)
class Row:
    """What is known of one variant."""

    variant: str
    # Trials that reached the end, and those that could not be trained.
    finished: int
    failed: int
    # Column of the table -> `Spread`, or None before the first trial is finished.
    spreads: dict


def spread(values):
    """Returns the `Spread` of a list of numbers; None if it is empty."""
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), deviation)


def equal_time(curves):
    """Seconds of training of the fastest finished trial, or None.

    Args:
        curves: Dictionary of variant name -> list of finished trials, each a list of `Point`.
    """
    ends = [points[-1].seconds for trials in curves.values() for points in trials]
    return min(ends, default=None)


def summarize(variant, points, failed, keys, seconds):
    """Returns the `Row` of a variant.

    Args:
        variant: Its name.
        points: Its finished trials, each a list of `Point`.
        failed: Number of trials that could not be trained.
        keys: Result keys.
        seconds: Time at which trials are compared, see `equal_time`.
    """
    columns = {key: [trial[-1].scores[key] for trial in points] for key in keys}
    for key in keys:
        columns[f"{key} at equal time"] = [score_at(trial, key, seconds) for trial in points]
    columns["sec/kimg"] = [trial[-1].seconds / trial[-1].kimg for trial in points]
    spreads = {column: spread(values) for column, values in columns.items()}
    return Row(variant, len(points), failed, spreads)


def floors(curves, metrics):
    """What reals score against reals: dictionary of the headlines of metrics that have floors.

    Args:
        curves: As for `equal_time`.
        metrics: List of `Metric`.
    """
    scores = {}
    for trials in curves.values():
        for points in trials:
            scores |= points[-1].scores
    found = {metric.headline: scores.get(metric.floor_headline) for metric in metrics}
    return {headline: floor for headline, floor in found.items() if floor is not None}


def score_at(points, key, seconds):
    """Score after a time of training, on the line between the two nearest snapshots."""
    scored = [point for point in points if key in point.scores]
    return float(np.interp(seconds, [p.seconds for p in scored], [p.scores[key] for p in scored]))
