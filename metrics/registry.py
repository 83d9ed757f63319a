"""The metrics by name. A new metric is one file with a `FAMILY` and one line here."""

import difflib
import re

from metrics import (
    cycle_error,
    density_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    label_agreement,
    ms_ssim,
    pair_lpips,
    perceptual_path_length,
    pixel_agreement,
    precision_recall,
    retrieval,
    sliced_wasserstein,
    stability,
    translation_rank,
)
from metrics.metric import MetricOptions

FAMILIES = [
    frechet_distance.FAMILY,
    kernel_distance.FAMILY,
    inception_score.FAMILY,
    precision_recall.FAMILY,
    density_coverage.FAMILY,
    perceptual_path_length.FAMILY,
    ms_ssim.FAMILY,
    sliced_wasserstein.FAMILY,
    stability.FAMILY,
    pixel_agreement.FAMILY,
    label_agreement.FAMILY,
    pair_lpips.FAMILY,
    retrieval.FAMILY,
    cycle_error.FAMILY,
    translation_rank.FAMILY,
]


def known_names():
    """Names to show to a user; the numbers in them may be changed."""
    return [name for family in FAMILIES for name in family.examples]


def get_metric(name, options=None):
    """Finds a metric.

    Args:
        name: Name such as "fid50k".
        options: `MetricOptions`; None for none.

    Returns:
        A `Metric`, named after the number of images and the feature network that are really used,
        because results for others cannot be compared.

    Raises:
        ValueError: Unknown name or impossible number.
    """
    for family in FAMILIES:
        match = re.fullmatch(family.pattern, name)
        if match:
            return family.make(match, options or MetricOptions())
    near = difflib.get_close_matches(name, known_names(), n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(
        f"Unknown metric {name!r}.{hint} Known metrics: {', '.join(known_names())} "
        "(other numbers are possible)."
    )


def get_metrics(names, options=None):
    """Finds several metrics; see `get_metric`. Names that mean the same metric are refused."""
    metrics = [get_metric(name, options) for name in names]
    found = [metric.name for metric in metrics]
    repeated = sorted({name for name in found if found.count(name) > 1})
    if repeated:
        raise ValueError(f"Metric {', '.join(repeated)} is asked for more than once.")
    return metrics
