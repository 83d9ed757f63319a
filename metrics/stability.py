"""Stability: how much the images of fixed latents still change from snapshot to snapshot.

Karnewar and Wang 2019 (MSG-GAN, arXiv:1903.06048v4), the figure on stability during training: mean
squared difference between images of the same 36 latents at consecutive epochs; falling means
converging. "stability36" compares consecutive snapshots instead, at every scale. It says nothing
about quality: a generator that learns nothing is perfectly stable.
"""

import functools

import numpy as np

from metrics.metric import Family, Metric
from metrics.plots import plot_stability


def mean_squared_differences(images_a, images_b):
    """Mean squared difference between two sets of images, per scale.

    Args:
        images_a: List of arrays `[N, r, r, C]`, one per scale, low to high, nominal range
            [-1, 1].
        images_b: The same for the other generator; image i belongs to image i of `images_a`.

    Returns:
        Dict of resolution -> float, in the order of the lists. Differences are between images as
        the generator gives them, neither clipped nor rounded; 4 is the largest for images that
        keep to the range.

    Raises:
        ValueError: Different numbers or shapes of images.
    """
    shapes_a = [list(scale.shape) for scale in images_a]
    shapes_b = [list(scale.shape) for scale in images_b]
    if shapes_a != shapes_b:
        raise ValueError(
            "Expected images of the same shapes from both snapshots. "
            f"Received {shapes_a} and {shapes_b}. Were they trained with different options?"
        )
    return {
        a.shape[1]: float(np.mean([_mean_square(x, y) for x, y in zip(a, b, strict=True)]))
        for a, b in zip(images_a, images_b, strict=True)
    }


def _mean_square(a, b):
    difference = a.astype(np.float64) - b
    return np.mean(difference * difference)


def _compute(name, count, inputs):
    generator = inputs.require_generator(name)
    previous = generator.previous_fixed_images(count)
    if previous is None:
        return {}
    differences = mean_squared_differences(previous, generator.fixed_images(count))
    if not np.isfinite(list(differences.values())).all():
        raise ValueError(
            f"{name}: the images of this snapshot or of the one before hold NaN or infinity. Is "
            "the generator broken?"
        )
    # "The image" is that of the highest resolution.
    results = {name: differences[max(differences)]}
    return results | {f"{name}_{res}": value for res, value in differences.items()}


def _make(match, options):
    # The number counts latents. `options.num_images` is about samples of a distribution.
    del options
    count = int(match[1])
    if count < 1:
        raise ValueError(f"{match[0]} needs at least 1 latent. Received {count}.")
    name = f"stability{count}"
    return Metric(
        name=name,
        headline=name,
        lower_is_better=True,
        compute=functools.partial(_compute, name, count),
        draw=plot_stability,
    )


FAMILY = Family(pattern="stability([0-9]+)", examples=("stability36",), make=_make)
