"""Features, and their distances to each other, stated plainly."""

import numpy as np


def features(count, dim=5, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32) + np.float32(
        shift
    )


def whole_numbers(count, seed=0):
    """Features full of ties and copies, whose distances are exact."""
    return np.random.default_rng(seed).integers(0, 4, size=(count, 3)).astype(np.float32)


def plain_distances(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)
    return ((x[:, None] - y[None]) ** 2).sum(axis=2)


def plain_radii(x, k):
    # Sorted, every point comes first itself.
    return np.sort(plain_distances(x, x), axis=1)[:, k]
