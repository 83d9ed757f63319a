"""Pixel agreement: does a pair show what a known change makes of its first image?

The score of CoGAN (Liu and Tuzel 2016, arXiv:1606.07536, section 4) for pairs of digits and their
negatives or outlines: the share of the pixels of G2(z) that are those of the changed G1(z), mean
over z. As the paper leaves open when two pixels agree, here: the change is made with the grey
levels of G1(z), then both images are reduced to black and white, and pixels are equal or not. White
is at least half of the brightest pixel that the change has made (means of the channels): outlines
of soft digits do not become as bright as the digits themselves.

Most pixels of a digit are background, so images that have nothing in common agree in many of them.
Beside the score stand that of unrelated pairs, the first images of each pair with the second ones
of the next latent, and how far the score has come from there to 1. "pixel_agreement1k_negative" is
for 1000 pairs and the data sets of `create_pair digits2negative`.
"""

import functools

import numpy as np

from metrics.chance import corrected_for_chance, with_unrelated
from metrics.metric import Family, Metric, choose_count, format_count
from msg_stylegan.data.sources.pairs import CHANGES


def agreement(a, b, change):
    """Share of pixels in which each image of B is what the change makes of an image of A.

    Args:
        a: uint8 `[N, r, r, C]`.
        b: uint8 `[N, r, r, C]`, C may be another one.
        change: Value of `CHANGES`.

    Returns:
        float64 `[N]`.
    """
    changed = np.stack([change(image) for image in a]).mean(axis=3)
    half = np.maximum(changed.max(axis=(1, 2), keepdims=True), 1.0) / 2.0
    return ((changed >= half) == (b.mean(axis=3) >= half)).mean(axis=(1, 2))


def _compute(name, change, num_pairs, inputs):
    pairs = inputs.require_pairs(name)
    related, unrelated = [], []
    with inputs.progress(total=num_pairs, desc=name, unit="pair") as bar:
        for a, b, other_b in with_unrelated(pairs.batches(num_pairs)):
            related.append(agreement(a, b, change))
            unrelated.append(agreement(a, other_b, change))
            bar.update(len(a))
    score, chance = (float(np.concatenate(some).mean()) for some in (related, unrelated))
    return {
        name: score,
        f"{name}_unrelated": chance,
        f"{name}_corrected": corrected_for_chance(score, chance),
    }


def _make(match, options):
    count = choose_count(match[0], match[1], options, 2)
    name = f"pixel_agreement{format_count(count)}_{match[2]}"
    return Metric(
        name=name,
        headline=name,
        lower_is_better=False,
        compute=functools.partial(_compute, name, CHANGES[match[2]], count),
        of_pair=True,
    )


FAMILY = Family(
    pattern=f"pixel_agreement([0-9]+k?)_({'|'.join(CHANGES)})",
    examples=tuple(f"pixel_agreement1k_{name}" for name in CHANGES),
    make=_make,
)
