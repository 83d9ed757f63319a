"""The metrics by name. A new metric is one file with a `FAMILY` and one line here."""

import difflib
import re

from metrics import sliced_wasserstein

FAMILIES = (sliced_wasserstein.FAMILY,)


def known_names():
    """Names to show to a user; the numbers in them may be changed."""
    return [name for family in FAMILIES for name in family.examples]


def get_metric(name, num_images=0):
    """Finds a metric.

    Args:
        name: Name such as "swd16k".
        num_images: Number of images instead of the one in the name (0: as the name says). The
            returned metric is named after the number that is really used, because results for
            different numbers of images cannot be compared.

    Returns:
        A `Metric`.

    Raises:
        ValueError: Unknown name or impossible number.
    """
    for family in FAMILIES:
        match = re.fullmatch(family.pattern, name)
        if match:
            return family.make(match, num_images)
    near = difflib.get_close_matches(name, known_names(), n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(
        f"Unknown metric {name!r}.{hint} Known metrics: {', '.join(known_names())} "
        "(other numbers are possible)."
    )


def get_metrics(names, num_images=0):
    """Finds several metrics; see `get_metric`. Names that mean the same metric are refused."""
    metrics = [get_metric(name, num_images) for name in names]
    found = [metric.name for metric in metrics]
    repeated = sorted({name for name in found if found.count(name) > 1})
    if repeated:
        raise ValueError(f"Metric {', '.join(repeated)} is asked for more than once.")
    return metrics
