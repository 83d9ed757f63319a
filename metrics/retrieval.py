"""Retrieval: is the other image of a latent the nearest one among many of the other domain?

Pairs come in groups of 50. For each image of a group the 50 images of the other domain are sorted
by their distance to it. Results are the share of partners that come first ("_top1") and among the
first five ("_top5"), and their mean and median rank (1 is the best), over both directions and for
each ("_a2b_top1": an image of A looks for its partner in B). By chance the nearest one is right in
2 % of all cases, and the mean rank is 25.5; so it is for images that are all alike.

What is nearest depends on the distance, which the name therefore has: "retrieval1k_lpips" and
"retrieval1k_correlation", see `comparisons`.
"""

import functools

import numpy as np

from metrics.comparisons import COMPARISONS
from metrics.metric import Family, Metric, choose_count, format_count
from metrics.ranks import partner_ranks, scores_of_both

NUM_CANDIDATES = 50


def _compute(name, comparison, num_pairs, inputs):
    pairs = inputs.require_pairs(name)
    places = np.arange(NUM_CANDIDATES)
    a2b, b2a = [], []
    with inputs.progress(total=num_pairs, desc=name, unit="pair") as bar:
        embedded = (
            tuple(comparison.embed(inputs.features, images) for images in pair)
            for pair in pairs.batches(num_pairs)
        )
        for a, b in _groups(embedded):
            distances = comparison.distances(a, b)
            a2b.append(partner_ranks(distances, places))
            b2a.append(partner_ranks(distances.T, places))
            bar.update(len(a))
    ranks = np.concatenate(a2b), np.concatenate(b2a)
    return scores_of_both(name, *ranks, (NUM_CANDIDATES, NUM_CANDIDATES))


def _groups(batches):
    """Cuts and joins tuples of arrays `[n, d]` to groups of `NUM_CANDIDATES` rows."""
    rest = None
    for batch in batches:
        rest = batch if rest is None else tuple(map(np.concatenate, zip(rest, batch, strict=True)))
        while len(rest[0]) >= NUM_CANDIDATES:
            yield tuple(rows[:NUM_CANDIDATES] for rows in rest)
            rest = tuple(rows[NUM_CANDIDATES:] for rows in rest)


def _make(match, options):
    count = choose_count(match[0], match[1], options, NUM_CANDIDATES)
    if count % NUM_CANDIDATES:
        raise ValueError(
            f"{match[0]} compares groups of {NUM_CANDIDATES} pairs. Expected a multiple of it. "
            f"Received {count}."
        )
    name = f"retrieval{format_count(count)}_{match[2]}"
    comparison = COMPARISONS[match[2]]
    return Metric(
        name=name,
        headline=f"{name}_top1",
        lower_is_better=False,
        compute=functools.partial(_compute, name, comparison, count),
        networks=comparison.networks,
        of_pair=True,
        min_resolution=comparison.min_resolution,
    )


FAMILY = Family(
    pattern=f"retrieval([0-9]+k?)_({'|'.join(COMPARISONS)})",
    examples=tuple(f"retrieval1k_{name}" for name in COMPARISONS),
    make=_make,
)
