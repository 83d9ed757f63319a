"""What scores of pairs are by chance: unrelated pairs, and how far a score is from theirs."""

import numpy as np


def with_unrelated(batches):
    """Adds to pairs of images a second image that does not belong to the first one.

    Args:
        batches: Iterator of tuples of arrays `[n, ...]` of both domains: N >= 2 pairs in all.

    Yields:
        Tuples of arrays `[n, ...]`: first and second images of some pairs, and the second images of
        the pairs after these; the last pair gets that of the first one. Which image goes with which
        does not depend on the batches.
    """
    rest, first = None, None
    for a, b in batches:
        if rest is None:
            first, rest = b[:1], (a[:0], b[:0])
        a, b = (np.concatenate(some) for some in zip(rest, (a, b), strict=True))
        # The last one waits for its successor.
        if len(a) > 1:
            yield a[:-1], b[:-1], b[1:]
        rest = a[-1:], b[-1:]
    if rest is not None:
        yield *rest, first


def corrected_for_chance(score, chance):
    """Share of the way from chance to 1 that a score has come: Cohen's kappa for agreements.

    0 if chance alone agrees always, as for images that are all alike: then a score says nothing.
    """
    return (score - chance) / (1.0 - chance) if chance < 1.0 else 0.0
