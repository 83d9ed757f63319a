"""Improved precision and recall (Kynkäänniemi et al. 2019), k = 3, in the space of VGG16's fc2.

Precision is the part of the fakes that lie in a ball around a real, recall the part of the reals
that lie in a ball around a fake; balls reach the third neighbour of their own kind and hold their
surface. Snapshots are compared by recall: what a generator leaves out cannot be seen in its
images, and FID is the better judge of both.
"""

import numpy as np

from metrics.nearest_neighbors import (
    NeighborMeasure,
    distance_blocks,
    neighbor_balls,
    neighbor_family,
)

K = 3


def precision_recall(reals, fakes, k=K, report=lambda count: None):
    """Computes both.

    Args:
        reals: Features `[N, d]`, N > k, in memory or mapped from a file.
        fakes: Features `[M, d]`, M > k.
        k: Number of the neighbour that a ball reaches.
        report: Called with numbers of distances that are done, N * N + M * M + N * M in all.

    Returns:
        Tuple of precision and recall, floats in [0, 1].

    Raises:
        ValueError: Too few features, different dimensions, or numbers that are not finite.
    """
    around_reals = neighbor_balls(reals, k, report).closed
    around_fakes = neighbor_balls(fakes, k, report).closed
    real_is_near = np.zeros(len(reals), bool)
    fake_is_near = np.zeros(len(fakes), bool)
    for i, j, distances in distance_blocks(reals, fakes):
        fake_is_near[j] |= (distances <= around_reals[i, None]).any(axis=0)
        real_is_near[i] |= (distances <= around_fakes[j]).any(axis=1)
        report(distances.size)
    return float(fake_is_near.mean()), float(real_is_near.mean())


MEASURE = NeighborMeasure(
    stem="pr",
    k=K,
    function=precision_recall,
    count_distances=lambda n, m: n * n + m * m + n * m,
    names=("precision", "recall"),
)
FAMILY = neighbor_family(MEASURE, examples=("pr50k3", "pr50k3_full", "pr3", "pr50k3-efficientnet"))
