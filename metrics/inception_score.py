"""Inception Score (Salimans et al. 2016): exp of the mean KL(p(y|x) || p(y)), over 10 splits.

Looks at fakes only, through the classes of the FID network: 1008 logits without their bias, as
published scores have it. It is meaningful for images like ImageNet's, not for faces.
"""

import functools
import itertools

import numpy as np

from metrics.metric import Family, Metric, choose_count, format_count

NUM_SPLITS = 10

_ROWS_AT_A_TIME = 4096


def inception_score(logits):
    """Scores of the contiguous tenths of a set of images.

    Args:
        logits: `[N, classes]`, N >= 10, in memory or mapped from a file.

    Returns:
        Tuple of the mean and the standard deviation (of 10, not 9) of the scores, floats. A score
        lies between 1 and the number of classes.

    Raises:
        ValueError: Too few images, another shape, or numbers that are not finite.
    """
    if logits.ndim != 2 or len(logits) < NUM_SPLITS:
        raise ValueError(
            f"An Inception Score needs the logits [N, classes] of at least {NUM_SPLITS} images. "
            f"Received {list(logits.shape)}."
        )
    bounds = [len(logits) * split // NUM_SPLITS for split in range(NUM_SPLITS + 1)]
    scores = [_score(logits[start:stop]) for start, stop in itertools.pairwise(bounds)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(logits):
    import scipy.special

    total = np.zeros(logits.shape[1])
    negative_entropy = 0.0
    for start in range(0, len(logits), _ROWS_AT_A_TIME):
        rows = np.asarray(logits[start : start + _ROWS_AT_A_TIME], np.float64)
        if not np.isfinite(rows).all():
            raise ValueError("Expected finite logits. Received NaN or infinity.")
        log_probabilities = scipy.special.log_softmax(rows, axis=1)
        probabilities = np.exp(log_probabilities)
        total += probabilities.sum(axis=0)
        negative_entropy += (probabilities * log_probabilities).sum()
    marginal = total / len(logits)
    # The mean KL divergence is the entropy of the mean minus the mean of the entropies.
    return np.exp(negative_entropy / len(logits) - scipy.special.xlogy(marginal, marginal).sum())


def _compute(name, num_images, inputs):
    count = inputs.count_fakes(name, num_images, at_least=NUM_SPLITS)
    mean, std = inception_score(inputs.features.fakes("inception", count, output="logits"))
    return {f"{name}_mean": mean, f"{name}_std": std}


def _make(match, options):
    count = choose_count(match[0], match[1], options, NUM_SPLITS)
    name = f"is{format_count(count)}"
    return Metric(
        name=name,
        headline=f"{name}_mean",
        lower_is_better=False,
        compute=functools.partial(_compute, name, count),
        networks=("inception",),
    )


FAMILY = Family(pattern="is([0-9]+k?)?", examples=("is50k", "is"), make=_make)
