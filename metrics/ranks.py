"""Ranks of true partners among candidates, and what they would be by chance."""

import numpy as np

# Distances, which are of order 1, count as equal within rounding errors.
_EQUAL = 1e-9
_TOP = (1, 5)


def partner_ranks(distances, partners):
    """Where the partners stand when candidates are sorted by their distance.

    Args:
        distances: float64 `[n, k]` of images to candidates, of order 1 at most.
        partners: int `[n]`, the partner of each image.

    Returns:
        int `[n, 2]`: how many candidates are nearer than the partner, and how many are as far,
        itself among them.
    """
    own = distances[np.arange(len(distances)), partners][:, None]
    nearer = (distances < own - _EQUAL).sum(axis=1)
    equal = (np.abs(distances - own) <= _EQUAL).sum(axis=1)
    return np.stack([nearer, equal], axis=1)


def rank_scores(ranks, num_candidates):
    """Mean scores of ranks; candidates that are equally far are taken to come in any order.

    So, images that are all alike score as chance does.

    Args:
        ranks: See `partner_ranks`.
        num_candidates: Number of candidates, k.

    Returns:
        Dict of "top1", "top5" (share of partners among the nearest), "mean_rank" (1 for the
        nearest), "median_rank", and of the same by chance, "chance_top1" and so on.
    """
    nearer, equal = np.asarray(ranks, np.float64).T
    rank = nearer + (equal + 1.0) / 2.0
    scores = {f"top{n}": np.clip((n - nearer) / equal, 0.0, 1.0).mean() for n in _TOP}
    scores |= {"mean_rank": rank.mean(), "median_rank": np.median(rank)}
    scores |= {f"chance_top{n}": min(n / num_candidates, 1.0) for n in _TOP}
    scores["chance_mean_rank"] = scores["chance_median_rank"] = (num_candidates + 1.0) / 2.0
    return {name: float(value) for name, value in scores.items()}


def scores_of_both(name, ranks_a2b, ranks_b2a, num_candidates, chance=True):
    """Results of a metric of ranks: over both directions, and of each.

    Args:
        name: Name of the metric.
        ranks_a2b: `partner_ranks` of images of A among candidates of B.
        ranks_b2a: The same the other way round.
        num_candidates: Number of candidates of each direction, a tuple, nearly equal.
        chance: Whether what chance would score is among the results.

    Returns:
        Dict of result key -> float.
    """
    directions = {
        "a2b_": rank_scores(ranks_a2b, num_candidates[0]),
        "b2a_": rank_scores(ranks_b2a, num_candidates[1]),
    }
    a2b, b2a = directions.values()
    both = {key: (a2b[key] + b2a[key]) / 2.0 for key in a2b}
    results = {
        f"{name}_{key}": value
        for key, value in both.items()
        if chance or not key.startswith("chance")
    }
    for direction, scores in directions.items():
        results |= {
            f"{name}_{direction}{key}": value
            for key, value in scores.items()
            if not key.startswith("chance")
        }
    return results
