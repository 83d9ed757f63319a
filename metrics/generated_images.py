"""The images of a generator in every form that metrics ask for.

All are drawn without truncation and with labels drawn from the data set. All randomness follows
from one seed.
"""

import copy

import numpy as np
import tensorflow as tf

from msg_stylegan.sampling.latent_paths import lerp, slerp
from msg_stylegan.sampling.replica_map import ReplicaMap
from msg_stylegan.sampling.sampler import (
    Sampler,
    draw_latents,
    iterate_images,
    iterate_scales,
    noise_seed,
)

# Second words of the seeds of sequences other than the images, which have their own number there.
# They exceed all such numbers, because NumPy takes the seeds (a, b) and (a, b, 0) for equal.
_PATH_ENDS, _PATH_POSITIONS, _FIXED = 2**40 + 1, 2**40 + 2, 2**40 + 3


class GeneratedImages:
    """Images of one generator. Code that was compiled for it is kept.

    Args:
        G: Generator. Its current weights are used at every call.
        batch_size: Images per call of G, on each replica.
        seed: Whole number >= 0 that decides latents, labels and noise.
        labels_dataset: Data set from which labels are drawn; needed for a conditional G.
        strategy: `tf.distribute.Strategy` in whose scope G was made; None for the current one.
    """

    def __init__(self, G, batch_size, *, seed=0, labels_dataset=None, strategy=None):
        self.G = G
        self._batch_size = batch_size
        self._seed = seed
        self._labels_dataset = labels_dataset
        self._strategy = strategy
        self._compiled = {}
        # The same as `fixed_images` for the snapshot before; gives None if there is none.
        self.previous_fixed_images = lambda count: None

    @property
    def resolutions(self):
        """Sides of the images, low to high."""
        return list(self.G.resolutions)

    def batches(self, num_images):
        """Yields uint8 `[n, r, r, C]` of the highest resolution, with random noise."""
        sampler = self._sampler(self.G.resolution)
        return iterate_images(
            sampler, num_images, seed=self._seed, labels_dataset=self._labels_dataset
        )

    def scale_batches(self, num_images):
        """Yields lists of uint8 `[n, r, r, C]`, low to high resolution; images as `batches`."""
        sampler = self._sampler(*self.G.resolutions)
        return iterate_scales(
            sampler, num_images, seed=self._seed, labels_dataset=self._labels_dataset
        )

    def path_distances(self, num_paths, distance, *, space, sampling, epsilon):
        """Distances between the images at two neighbouring points of each of many paths.

        Args:
            num_paths: Number of paths, each between two latents.
            distance: Function of two float32 tensors `[n, r, r, C]` of the highest resolution,
                nominal range [-1, 1], neither limited nor rounded; returns float32 `[n]`. Equal
                ones are compiled once. It runs where the images are made.
            space: "z" (spherical interpolation) or "w" (linear).
            sampling: "full" for points t uniform in [0, 1], "end" for t = 0.
            epsilon: Distance of the points: t and t + epsilon. Both have the same noise.

        Yields:
            float32 `[n]`.
        """
        key = (distance, space, epsilon)
        run = self.compiled(key, self._path_function(*key))
        chunks = run(self._path_chunks(num_paths, sampling))
        for start, distances in zip(range(0, num_paths, self._batch_size), chunks, strict=True):
            yield distances[: num_paths - start]

    def fixed_images(self, count):
        """Images that change with the weights only: the same latents and the stored noise.

        Returns:
            List of float32 `[count, r, r, C]`, low to high resolution, nominal range [-1, 1].
        """
        z, labels = draw_latents(self.G, (self._seed, _FIXED), 0, count, self._labels_dataset)
        chunks = []
        for start in range(0, count, self._batch_size):
            here = slice(start, start + self._batch_size)
            some = labels[here] if self.G.label_size else None
            images = self.G(z[here], some, noise_mode="const")
            chunks.append([image.numpy() for image in images])
        return [np.concatenate(scale) for scale in zip(*chunks, strict=True)]

    def latent_chunks(self, num_images):
        """Yields z, labels and noise seed of calls of G that make the first images.

        Always of the full batch size, also where that is more images than asked for.
        """
        for start in range(0, num_images, self._batch_size):
            z, labels = draw_latents(
                self.G, self._seed, start, self._batch_size, self._labels_dataset
            )
            yield z, labels, noise_seed(self._seed, start)

    def compiled(self, key, function):
        """`ReplicaMap` of a function, compiled once for each key."""
        if key not in self._compiled:
            self._compiled[key] = ReplicaMap(function, self._strategy)
        return self._compiled[key]

    def after(self, previous):
        """Returns this object with `previous(count)` to make the previous fixed images."""
        result = copy.copy(self)
        result.previous_fixed_images = previous
        return result

    def labelled_like(self, other):
        """Returns this object with the labels of another one."""
        result = copy.copy(self)
        result._labels_dataset = other._labels_dataset
        return result

    def _sampler(self, *resolutions):
        if resolutions not in self._compiled:
            self._compiled[resolutions] = Sampler(
                self.G, self._batch_size, resolutions=resolutions, strategy=self._strategy
            )
        return self._compiled[resolutions]

    def _path_function(self, distance, space, epsilon):
        G = self.G

        def w_at(z0, z1, labels, t):
            if space == "z":
                return G.mapping(slerp(z0, z1, t), labels)
            return lerp(G.mapping(z0, labels), G.mapping(z1, labels), t)

        def images_at(z0, z1, labels, t, noise):
            labels = labels if G.label_size else None
            images = G.synthesis(
                G.broadcast(w_at(z0, z1, labels, t)), noise_mode="random", noise_seed=noise
            )
            return tf.cast(images[-1], tf.float32)

        def compare(z0, z1, labels, t, noise):
            a = images_at(z0, z1, labels, t, noise)
            return distance(a, images_at(z0, z1, labels, t + epsilon, noise))

        return compare

    def _path_chunks(self, num_paths, sampling):
        size = self._batch_size
        for start in range(0, num_paths, size):
            # Always full chunks; what is too much is cut off the distances.
            z, labels = draw_latents(
                self.G, (self._seed, _PATH_ENDS), 2 * start, 2 * size, self._labels_dataset
            )
            t = np.zeros((size, 1), np.float32)
            if sampling == "full":
                rng = np.random.default_rng((self._seed, _PATH_POSITIONS, start))
                t = rng.random((size, 1), np.float32)
            # One label per path.
            yield z[0::2], z[1::2], labels[0::2], t, noise_seed(self._seed, start)
