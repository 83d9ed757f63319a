"""Where the z or w of a generator lie, judged by many seeds: starting points of a projection."""

import dataclasses

import numpy as np
import tensorflow as tf

from msg_stylegan.sampling.label_table import label_table
from msg_stylegan.sampling.latent_paths import has_w_of_sphere
from msg_stylegan.sampling.sampler import latents_of_seeds

# StyleGAN2 takes 10,000. The mean and one standard deviation need fewer.
NUM_SAMPLES = 2048


@dataclasses.dataclass(frozen=True)
class Latents:
    """Samples of w, or of z, and their statistics.

    Attributes:
        samples: float32 `[N, w_dim]`, or `[N, z_dim]`.
        mean: float32 `[w_dim]`.
        scale: Root mean square distance from the mean per component: the unit of steps.
        radius: Length that every w has; None where w may have any. Without a mapping network w is
            the normalised z, and the synthesis has seen nothing but that sphere.
        bounds: Largest magnitude of every component, `[w_dim]`, or None: those of a z from -1 to 1
            that no mapping network changes.
        labels: float32 `[N, label_size]` of samples of z; None for those of w, which have it in
            them, and without labels.
        is_z: Whether these are samples of z.
    """

    samples: np.ndarray
    mean: np.ndarray
    scale: float
    radius: float | None
    bounds: np.ndarray | None = None
    labels: np.ndarray | None = None
    is_z: bool = False

    @classmethod
    def of(cls, G, seed, labels=None):
        """Draws samples of w.

        Args:
            G: Generator.
            seed: Whole number >= 0.
            labels: `LabelTable`, whose classes count alike; None for all classes of a conditional
                generator.
        """
        w = np.asarray(G.mapping(*_samples(G, seed, labels)))
        mean = w.mean(axis=0)
        radius = bounds = None
        if has_w_of_sphere(G):
            radius = float(np.sqrt(np.mean(np.sum(np.square(w), axis=1))))
        elif not G.has_mapping:
            bounds = np.abs(w).max(axis=0)
        return cls(w, mean, float(np.sqrt(np.mean(np.square(w - mean)))), radius, bounds)

    @classmethod
    def of_z(cls, G, seed, labels=None):
        """Draws samples of z, around which those that the network was trained with lie.

        Args:
            G: Generator.
            seed: Whole number >= 0.
            labels: As for `of`.
        """
        z, labels = _samples(G, seed, labels)
        lengths = np.sqrt(np.sum(np.square(z), axis=1))
        space = G.options.z_space
        return cls(
            z,
            mean=np.zeros(G.z_dim, np.float32),
            scale=float(np.sqrt(np.mean(np.square(z)))),
            radius=float(lengths.mean()) if space == "sphere" else None,
            bounds=np.ones(G.z_dim, np.float32) if space == "uniform" else None,
            labels=labels,
            is_z=True,
        )

    def candidates(self, count):
        """Starting points, float32 `[N, w_dim]` or `[N, z_dim]`: the first `count` samples.

        Among those of w are the mean, which the truncation trick makes the most likely image, and
        the points halfway from the mean to the samples.
        """
        samples = self.samples[:count]
        if self.is_z or self.radius is not None:
            # The mean is not a point of the sphere, and a z of zeros has no direction.
            return samples
        halfway = self.mean + 0.5 * (samples - self.mean)
        return np.concatenate([self.mean[None], samples, halfway])

    def constrained(self, w):
        """`w` or z, `[..., size]`, on the sphere or within the bounds if there are any."""
        if self.bounds is not None:
            # The gradient is that at the bound, which may lead back.
            return w + tf.stop_gradient(tf.clip_by_value(w, -self.bounds, self.bounds) - w)
        if self.radius is None:
            return w
        return w * (self.radius / tf.norm(w, axis=-1, keepdims=True))


def _samples(G, seed, labels):
    """Samples of z and their labels, float32 `[N, z_dim]` and `[N, label_size]` or None."""
    # A stream of its own: the samples are not the images of the seeds 0, 1, ...
    first = np.random.default_rng((seed, 2)).integers(2**31)
    seeds = range(first, first + NUM_SAMPLES)
    labels = labels or label_table(G, {})
    return latents_of_seeds(G, seeds), labels.of_samples(seeds)
