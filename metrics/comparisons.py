"""Distances of each of many images to each of many others, for the ranks of partners.

Two are offered, because no single one fits all domains, and scores name theirs:

- "lpips": what looks alike; the one for pictures of the same things in two styles.
- "correlation": 1 - |r|, where r is the correlation of the brightness of two images. It does not
  care about colour, contrast and even what is dark and what is light, so that a negative is at no
  distance from its original; it does care about where things are. It needs no weights.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from metrics.perceptual_path_length import MIN_RESOLUTION

# Larger images are reduced to this side before they are correlated.
_CORRELATED_SIDE = 32


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A distance of images."""

    # embed(features, images): Maps `Features` and uint8 [n, r, r, C] to float32 [n, d].
    embed: Callable
    # Maps embedded images [n, d] and [m, d] to distances float64 [n, m], of order 1 at most.
    distances: Callable
    # Pretrained networks that it needs.
    networks: tuple = ()
    # Smallest side of the images.
    min_resolution: int = 1


def brightness_patterns(images):
    """Images whose products are correlations: brightness less its mean, of length 1 (or 0).

    Args:
        images: uint8 `[n, r, r, C]`, r a power of two.

    Returns:
        float32 `[n, s * s]`, s at most 32.
    """
    gray = images.mean(axis=3, dtype=np.float32)
    factor = max(1, gray.shape[1] // _CORRELATED_SIDE)
    side = gray.shape[1] // factor
    gray = gray.reshape(-1, side, factor, side, factor).mean(axis=(2, 4)).reshape(-1, side * side)
    gray -= gray.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(gray, axis=1, keepdims=True)
    # Images of a single grey correlate with nothing.
    return np.where(lengths > 1e-3, gray / np.maximum(lengths, 1e-3), 0.0).astype(np.float32)


def _uncorrelatedness(a, b):
    return 1.0 - np.abs(a.astype(np.float64) @ b.T.astype(np.float64))


def squared_distances(a, b):
    """Squared Euclidean distances of rows `[n, d]` and `[m, d]`: float64 `[n, m]`."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    lengths = (np.square(x).sum(axis=1) for x in (a, b))
    return np.maximum(np.add.outer(*lengths) - 2.0 * a @ b.T, 0.0)


COMPARISONS = {
    "lpips": Comparison(
        lambda features, images: features.of_images("lpips_embedding", images),
        squared_distances,
        networks=("lpips_embedding",),
        min_resolution=MIN_RESOLUTION,
    ),
    "correlation": Comparison(
        lambda features, images: brightness_patterns(images), _uncorrelatedness
    ),
}
