"""LPIPS of pairs: how different the two images of a latent look (Zhang et al. 2018).

"pair_lpips1k" is the mean over 1000 pairs, and "_unrelated" that over the first images of each pair
with the second ones of the next latent: how different images of the domains look that have nothing
in common. Only the distance between the two says something: domains such as digits and their
negatives never look alike.
"""

import functools

import numpy as np

from metrics.chance import with_unrelated
from metrics.metric import Family, Metric, choose_count, format_count
from metrics.perceptual_path_length import MIN_RESOLUTION, ImageDistance


def _compute(name, num_pairs, inputs):
    import tensorflow as tf

    pairs = inputs.require_pairs(name)
    measure = tf.function(
        ImageDistance(inputs.features.lpips().distance, crop=False), reduce_retracing=True
    )

    def distance(a, b):
        return measure(*(tf.cast(x, tf.float32) / 127.5 - 1.0 for x in (a, b))).numpy()

    related, unrelated = [], []
    with inputs.progress(total=num_pairs, desc=name, unit="pair") as bar:
        for a, b, other_b in with_unrelated(pairs.batches(num_pairs)):
            related.append(distance(a, b))
            unrelated.append(distance(a, other_b))
            bar.update(len(a))
    means = (float(np.concatenate(some).mean(dtype=np.float64)) for some in (related, unrelated))
    return dict(zip((name, f"{name}_unrelated"), means, strict=True))


def _make(match, options):
    count = choose_count(match[0], match[1], options, 2)
    name = f"pair_lpips{format_count(count)}"
    return Metric(
        name=name,
        headline=name,
        lower_is_better=True,
        compute=functools.partial(_compute, name, count),
        networks=("lpips",),
        of_pair=True,
        min_resolution=MIN_RESOLUTION,
    )


FAMILY = Family(pattern="pair_lpips([0-9]+k?)", examples=("pair_lpips1k",), make=_make)
