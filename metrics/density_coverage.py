"""Density and coverage (Naeem et al. 2020), k = 5, in the space of VGG16's fc2.

Density is how many balls around reals a fake lies in, divided by k, on average (it can exceed 1);
coverage the part of the reals whose ball holds a fake. Balls reach the fifth neighbour and do not
hold their surface, as in the authors' package. "dc50k5" takes the first 50k reals (fewer if there
are fewer), "dc50k5_full" up to 200k, "dc5" all fakes in files. Snapshots are compared by coverage,
which has a best value, 1, and sees both bad and missing images.
"""

import functools

import numpy as np

from metrics.metric import Family, Metric, format_count
from metrics.metric_names import choose_count, choose_feature_space
from metrics.nearest_neighbors import distance_blocks, neighbor_balls

K = 5
MAX_REALS = 200_000


def density_coverage(reals, fakes, k=K, report=lambda count: None):
    """Computes both.

    Args:
        reals: Features `[N, d]`, N > k, in memory or mapped from a file.
        fakes: Features `[M, d]`, M >= 1.
        k: Number of the neighbour that a ball reaches.
        report: Called with numbers of distances that are done, N * N + N * M in all.

    Returns:
        Tuple of density, a float >= 0, and coverage, a float in [0, 1].

    Raises:
        ValueError: Too few features, different dimensions, or numbers that are not finite.
    """
    if not len(fakes):
        raise ValueError("Density and coverage need at least 1 fake. Received none.")
    radii = neighbor_balls(reals, k, report).open
    held = 0
    is_covered = np.zeros(len(reals), bool)
    for i, _, distances in distance_blocks(reals, fakes):
        inside = distances < radii[i, None]
        held += np.count_nonzero(inside)
        is_covered[i] |= inside.any(axis=1)
        report(distances.size)
    return float(held / (k * len(fakes))), float(is_covered.mean())


def _compute(name, network, num_images, max_reals, inputs):
    fakes = inputs.features.fakes(network, inputs.count_fakes(name, num_images))
    reals = inputs.features.reals(network, max_reals)
    total = len(reals) ** 2 + len(reals) * len(fakes)
    with inputs.progress(total=total, desc=name, unit="pair", unit_scale=True) as bar:
        density, coverage = density_coverage(reals, fakes, report=bar.update)
    return {f"{name}_density": density, f"{name}_coverage": coverage}


def _make(match, options):
    number, full, wanted = match.groups()
    network, ending = choose_feature_space(match[0], "vgg16", wanted, options)
    count = choose_count(match[0], number, options, K + 1)
    name = f"dc{format_count(count)}{K}{full or ''}{ending}"
    return Metric(
        name=name,
        num_images=count,
        headline=f"{name}_coverage",
        lower_is_better=False,
        compute=functools.partial(
            _compute, name, network, count, count if count and not full else MAX_REALS
        ),
        networks=(network,),
    )


FAMILY = Family(
    pattern=rf"dc(?:([0-9]+k?){K}(_full)?|{K})(?:-(.+))?",
    examples=("dc50k5", "dc50k5_full", "dc5"),
    make=_make,
)
