"""Where the w of a generator lie, judged by many seeds: the starting points of a projection."""

import dataclasses

import numpy as np
import tensorflow as tf

from msg_stylegan.sampling.label_table import label_table
from msg_stylegan.sampling.sampler import latents_of_seeds

# StyleGAN2 takes 10,000. The mean and one standard deviation need fewer.
NUM_SAMPLES = 2048


@dataclasses.dataclass(frozen=True)
class Latents:
    """Samples of w and their statistics.

    Attributes:
        samples: float32 `[N, w_dim]`.
        mean: float32 `[w_dim]`.
        scale: Root mean square distance from the mean per component: the unit of steps.
        radius: Length that every w has; None where w may have any. Without a mapping network w is
            the normalised z, and the synthesis has seen nothing but that sphere.
        bounds: Largest magnitude of every component, `[w_dim]`, or None: those of a z from -1 to 1
            that no mapping network changes.
    """

    samples: np.ndarray
    mean: np.ndarray
    scale: float
    radius: float | None
    bounds: np.ndarray | None = None

    @classmethod
    def of(cls, G, seed, labels=None):
        """Draws the samples.

        Args:
            G: Generator.
            seed: Whole number >= 0.
            labels: `LabelTable`, whose classes count alike; None for all classes of a conditional
                generator.
        """
        # A stream of its own: the samples are not the images of the seeds 0, 1, ...
        first = np.random.default_rng((seed, 2)).integers(2**31)
        seeds = range(first, first + NUM_SAMPLES)
        labels = labels or label_table(G, {})
        w = np.asarray(G.mapping(latents_of_seeds(G, seeds), labels.of_samples(seeds)))
        mean = w.mean(axis=0)
        radius = bounds = None
        is_cube = G.options.z_space == "uniform" and not G.options.normalize_z
        if not G.has_mapping and is_cube:
            bounds = np.abs(w).max(axis=0)
        elif not G.has_mapping:
            radius = float(np.sqrt(np.mean(np.sum(np.square(w), axis=1))))
        return cls(w, mean, float(np.sqrt(np.mean(np.square(w - mean)))), radius, bounds)

    def candidates(self, count):
        """Starting points, float32 `[N, w_dim]`.

        The mean, which the truncation trick makes the most likely image, then `count` samples, then
        the points halfway from the mean to them.
        """
        samples = self.samples[:count]
        if self.radius is not None:
            # The mean is not a point of the sphere.
            return samples
        halfway = self.mean + 0.5 * (samples - self.mean)
        return np.concatenate([self.mean[None], samples, halfway])

    def constrained(self, w):
        """`w`, any shape `[..., w_dim]`, on the sphere or within the bounds if there are any."""
        if self.bounds is not None:
            # The gradient is that at the bound, which may lead back.
            return w + tf.stop_gradient(tf.clip_by_value(w, -self.bounds, self.bounds) - w)
        if self.radius is None:
            return w
        return w * (self.radius / tf.norm(w, axis=-1, keepdims=True))
