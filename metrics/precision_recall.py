"""Improved precision and recall (Kynkäänniemi et al. 2019), k = 3, in the space of VGG16's fc2.

Precision is the part of the fakes that lie in a ball around a real, recall the part of the reals
that lie in a ball around a fake; balls reach the third neighbour of their own kind and hold their
surface. "pr50k3" takes the first 50k reals (fewer if there are fewer), "pr50k3_full" up to 200k,
"pr3" all fakes in files. Snapshots are compared by recall: what a generator left out cannot be
seen in its images, and FID is the better judge of both.
"""

import functools

import numpy as np

from metrics.metric import Family, Metric, format_count
from metrics.metric_names import choose_count, choose_feature_space
from metrics.nearest_neighbors import distance_blocks, neighbor_balls

K = 3
MAX_REALS = 200_000


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


def _compute(name, network, num_images, max_reals, inputs):
    fakes = inputs.features.fakes(network, inputs.count_fakes(name, num_images))
    reals = inputs.features.reals(network, max_reals)
    total = len(reals) ** 2 + len(fakes) ** 2 + len(reals) * len(fakes)
    with inputs.progress(total=total, desc=name, unit="pair", unit_scale=True) as bar:
        precision, recall = precision_recall(reals, fakes, report=bar.update)
    return {f"{name}_precision": precision, f"{name}_recall": recall}


def _make(match, options):
    number, full, wanted = match.groups()
    network, ending = choose_feature_space(match[0], "vgg16", wanted, options)
    count = choose_count(match[0], number, options, K + 1)
    name = f"pr{format_count(count)}{K}{full or ''}{ending}"
    return Metric(
        name=name,
        num_images=count,
        headline=f"{name}_recall",
        lower_is_better=False,
        compute=functools.partial(
            _compute, name, network, count, count if count and not full else MAX_REALS
        ),
        networks=(network,),
    )


FAMILY = Family(
    pattern=rf"pr(?:([0-9]+k?){K}(_full)?|{K})(?:-(.+))?",
    examples=("pr50k3", "pr50k3_full", "pr3"),
    make=_make,
)
