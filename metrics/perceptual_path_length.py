"""Perceptual path length (Karras et al. 2019): how much images change along paths of latents.

Mean of LPIPS(G(t), G(t + epsilon)) / epsilon^2 without the outermost percents. "ppl2_wend" is that
of StyleGAN2: paths in W, at their ends (t = 0), whole images. "ppl_zfull", "ppl_wfull", "ppl_zend"
and "ppl_wend" are those of StyleGAN: the middle of the images, where faces are. 50k paths, or as
many as the name says: "ppl2_wend10k".
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from metrics.metric import Family, Metric, choose_count, format_count

NUM_PATHS = 50_000
EPSILON = 1e-4
# LPIPS was made for images of about this size.
MAX_RESOLUTION = 256
# LPIPS halves images four times.
MIN_RESOLUTION = 16


def prepare_images(images, *, crop):
    """Brings images of a generator into the form that LPIPS gets.

    Args:
        images: float32 tensor `[N, r, r, C]`, nominal range [-1, 1], C 1 or 3, r a power of two.
        crop: Whether to cut out rows 3r/8 to 7r/8 and columns 2r/8 to 6r/8, where the faces of
            FFHQ and CelebA-HQ are.

    Returns:
        float32 tensor `[N, h, w, 3]`, h and w at most 256, nominal range [0, 255], neither limited
        nor rounded: rounding would be larger than what is measured.
    """
    import tensorflow as tf

    if crop:
        c = images.shape[1] // 8
        images = images[:, 3 * c : 7 * c, 2 * c : 6 * c]
    factor = images.shape[1] // MAX_RESOLUTION
    if factor > 1:
        images = tf.nn.avg_pool2d(images, factor, factor, "VALID")
    if images.shape[3] == 1:
        images = tf.repeat(images, 3, axis=3)
    return (images + 1.0) * 127.5


@dataclasses.dataclass(frozen=True)
class ImageDistance:
    """A perceptual distance of images as a generator makes them.

    Equal ones are the same function to a generator, which compiles it once.
    """

    # Function of two float32 tensors [n, h, w, 3], range [0, 255], which returns float32 [n].
    distance: Callable
    # See `prepare_images`.
    crop: bool

    def __call__(self, a, b):
        """Distances float32 `[n]` of two tensors `[n, r, r, C]`, nominal range [-1, 1]."""
        return self.distance(prepare_images(a, crop=self.crop), prepare_images(b, crop=self.crop))


def path_length(distances, epsilon):
    """Mean of distances / epsilon^2 from the 1st to the 99th percentile, a float.

    Args:
        distances: Float `[N]`, N >= 1.
        epsilon: Distance of the points on the paths.

    Raises:
        ValueError: A distance is not finite.
    """
    distances = np.asarray(distances, np.float64)
    if not np.isfinite(distances).all():
        raise ValueError("Expected finite distances between images. Received NaN or infinity.")
    low = np.percentile(distances, 1, method="lower")
    high = np.percentile(distances, 99, method="higher")
    kept = distances[(low <= distances) & (distances <= high)]
    return float(kept.mean() / epsilon**2)


def _compute(name, space, sampling, crop, num_paths, inputs):
    generator = inputs.require_generator(name)
    smallest = 2 * MIN_RESOLUTION if crop else MIN_RESOLUTION
    if generator.resolutions[-1] < smallest:
        raise ValueError(
            f"{name} needs a generator of at least {smallest}x{smallest} pixels. "
            f"Received {generator.resolutions[-1]}."
        )
    lpips = inputs.features.lpips()
    distance = ImageDistance(lpips.distance, crop)
    distances = []
    with inputs.progress(total=num_paths, desc=name, unit="path") as bar:
        for some in generator.path_distances(
            num_paths, distance, space=space, sampling=sampling, epsilon=EPSILON
        ):
            distances.append(some)
            bar.update(len(some))
    value = path_length(np.concatenate(distances), EPSILON)
    if value == 0:
        inputs.notice(f"{name}: the images do not change along any path. Are they all the same?")
    return {name: value}


def _make(match, options):
    version, space, sampling, number = match.groups()
    kind = f"{version}_{space}{sampling}"
    count = choose_count(match[0], number, options, 1) or NUM_PATHS
    name = kind if count == NUM_PATHS else f"{kind}{format_count(count)}"
    crop = version == "ppl"
    return Metric(
        name=name,
        headline=name,
        lower_is_better=True,
        compute=functools.partial(_compute, name, space, sampling, crop, count),
        networks=("lpips",),
    )


FAMILY = Family(
    pattern="(ppl2(?=_wend)|ppl)_([zw])(full|end)([0-9]+k?)?",
    examples=("ppl2_wend", "ppl_zfull", "ppl_wfull", "ppl_zend", "ppl_wend"),
    make=_make,
)
