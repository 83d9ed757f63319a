"""Kernel distance between features (Bińkowski et al. 2018); KID with Inception.

Its estimate is unbiased for any number of images, and can be a little below zero. "kid50k" takes
50k of the reals (fewer if there are fewer), "kid50k_full" up to a million, "kid" all fakes in
files and all reals, "kd50k-NAME" uses EfficientNet-Lite0 (NAME is efficientnet) or a network of the
user. Not multiplied by 1000.
"""

import functools

import numpy as np

from metrics.floors import Halves
from metrics.metric import Family, Metric, choose_count, choose_feature_space, format_count
from metrics.nearest_neighbors import check_dimensions

NUM_SUBSETS = 100
SUBSET_SIZE = 1000
MAX_REALS = 1_000_000

# Second number of the seed of the random subsets.
_SUBSETS = 4


def draw_subsets(num_x, num_y, seed):
    """Draws the pairs of subsets over which the distance is averaged.

    Args:
        num_x: Number of features on one side, at least 2.
        num_y: Number of features on the other side, at least 2.
        seed: Tuple of whole numbers >= 0.

    Returns:
        List of 100 tuples of two index arrays, int64 `[m]`, m = min(num_x, num_y, 1000). Within an
        array no index comes twice.

    Raises:
        ValueError: Fewer than 2 features.
    """
    size = min(num_x, num_y, SUBSET_SIZE)
    if size < 2:
        raise ValueError(
            f"A kernel distance needs at least 2 images on each side. Received {num_x}, {num_y}."
        )
    rng = np.random.default_rng(seed)
    return [
        (rng.choice(num_x, size, replace=False), rng.choice(num_y, size, replace=False))
        for _ in range(NUM_SUBSETS)
    ]


def kernel_distance(x, y, subsets, report=lambda count: None):
    """Mean of the unbiased squared MMD with the kernel (x . y / d + 1)^3 over pairs of subsets.

    Args:
        x: Features `[N, d]`, in memory or mapped from a file.
        y: Features `[M, d]`.
        subsets: Iterable of tuples of two index arrays of one size, as `draw_subsets` returns.
        report: Called with 1 after each pair of subsets.

    Returns:
        The distance, a float.

    Raises:
        ValueError: Features of different dimensions.
    """
    check_dimensions(x, y)
    values = []
    for x_indices, y_indices in subsets:
        values.append(_unbiased_mmd(_rows(x, x_indices), _rows(y, y_indices)))
        report(1)
    return float(np.mean(values))


def _rows(features, indices):
    # The order within a subset does not matter, and sorted reads of a file are faster.
    return np.asarray(features[np.sort(indices)], np.float64)


def _unbiased_mmd(x, y):
    size = len(x)
    # Used again, because touching fresh memory takes longer than the sums.
    work = np.empty((2, size, size))
    within = _kernel_sum(x, x, work, diagonal=False) + _kernel_sum(y, y, work, diagonal=False)
    return within / (size * (size - 1)) - 2.0 * _kernel_sum(x, y, work) / size**2


def _kernel_sum(x, y, work, *, diagonal=True):
    kernel = np.matmul(x, y.T, out=work[0])
    kernel /= x.shape[1]
    kernel += 1.0
    if not diagonal:
        np.fill_diagonal(kernel, 0.0)
    return np.vdot(np.multiply(kernel, kernel, out=work[1]), kernel)


def _compute(name, network, num_images, max_reals, inputs):
    count = inputs.count_fakes(name, num_images, at_least=2)
    inputs.require_reals(name, at_least=2)
    fakes = inputs.features.fakes(network, count)
    reals = inputs.features.reals(network, max_reals)
    return _measure(name, reals, fakes, inputs)


def _measure(name, reals, fakes, inputs):
    subsets = draw_subsets(len(reals), len(fakes), (inputs.seed, _SUBSETS))
    with inputs.progress(total=len(subsets), desc=name, unit="subset") as bar:
        return {name: kernel_distance(reals, fakes, subsets, bar.update)}


def _make(match, options):
    inception, number, full, wanted = match.groups()
    usual = "inception" if inception else None
    network, ending = choose_feature_space(match[0], usual, wanted, options)
    count = choose_count(match[0], number, options, 2)
    name = f"{'kd' if ending else 'kid'}{format_count(count)}{full or ''}{ending}"
    max_reals = count if count and not full else MAX_REALS
    return Metric(
        name=name,
        headline=name,
        lower_is_better=True,
        compute=functools.partial(_compute, name, network, count, max_reals),
        networks=(network,),
        shuffles_reals=True,
        halves=Halves(name, network, max_reals, 2, functools.partial(_measure, name)),
    )


FAMILY = Family(
    pattern=r"k(i?)d(?:([0-9]+k?)(_full)?)?(?:-(.+))?",
    examples=("kid50k", "kid50k_full", "kid", "kd50k_full-efficientnet"),
    make=_make,
)
