"""Density and coverage (Naeem et al. 2020), k = 5, in the space of VGG16's fc2.

Density is how many balls around reals a fake lies in, divided by k, on average (it can exceed 1);
coverage the part of the reals whose ball holds a fake. Balls reach the fifth neighbour and do not
include their surface, as in the authors' package. Snapshots are compared by coverage, which has a
best value, 1, and sees both bad and missing images.
"""

import numpy as np

from metrics.nearest_neighbors import (
    NeighborMeasure,
    distance_blocks,
    neighbor_balls,
    neighbor_family,
)

K = 5


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


MEASURE = NeighborMeasure(
    stem="dc",
    k=K,
    function=density_coverage,
    count_distances=lambda n, m: n * n + n * m,
    names=("density", "coverage"),
)
FAMILY = neighbor_family(MEASURE, examples=("dc50k5", "dc50k5_full", "dc5", "dc50k5-efficientnet"))
