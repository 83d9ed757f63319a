"""From seeds to pixels: latents and labels of a seed, and a generator run in equal chunks.

Nothing here touches a global random state, so drawing images never changes a training run.
"""

import numpy as np

from msg_stylegan.lazy_tensorflow import tf
from msg_stylegan.sampling.replica_map import ReplicaMap

# What the noise inputs may be: the stored maps, drawn by a seed, or none.
NOISE_MODES = ("const", "random", "none")

# The strength of StyleGAN's truncation trick.
_DEFAULT_PSI = 0.7


def to_uint8(images):
    """Converts network output to pixels.

    Args:
        images: Float tensor or array of any shape, nominal range [-1, 1].

    Returns:
        uint8 tensor of the same shape: `x * 127.5 + 128`, limited to 0..255, fraction cut off.

    Source:
        The rule of NVIDIA's StyleGAN family and of the original; scores depend on it.
    """
    images = tf.cast(images, tf.float32) * 127.5 + 128.0
    return tf.cast(tf.clip_by_value(images, 0.0, 255.0), tf.uint8)


def z_of_seeds(seeds, z_dim):
    """Latents that belong to seeds, each independent of the other seeds.

    Args:
        seeds: Whole numbers 0 to 2**32 - 1.
        z_dim: Size of a latent.

    Returns:
        float32 `[N, z_dim]`, the standard normal numbers that the StyleGAN family draws for a seed;
        not yet where `Generator.place_z` would have them, see `latents_of_seeds`.
    """
    z = [np.random.RandomState(seed).randn(z_dim) for seed in seeds]
    return np.asarray(z, np.float32).reshape(-1, z_dim)


def latents_of_seeds(G, seeds):
    """Latents that belong to seeds, where a generator expects them.

    Args:
        G: Generator, for `z_dim` and `place_z`.
        seeds: Whole numbers 0 to 2**32 - 1.

    Returns:
        float32 array `[N, z_dim]`, each row independent of the other seeds.
    """
    return np.asarray(G.place_z(z_of_seeds(seeds, G.z_dim)))


def default_psi(G):
    """Default psi of the truncation trick: 1, which truncates nothing, if G has no mapping."""
    return _DEFAULT_PSI if G.has_mapping else 1.0


def draw_latents(G, seed, start, count, labels_dataset=None):
    """Latents and labels of the images `start` to `start + count - 1` of an endless sequence.

    Image i depends on `seed` and i only, not on how the sequence is cut into batches.

    Args:
        G: Generator, for `z_dim` and `label_size`.
        seed: Whole number >= 0, or tuple of such, that names the sequence.
        start: Number of the first image.
        count: How many.
        labels_dataset: Data set, or `LabelTable`, whose label rows are drawn, so that classes
            appear as often as among the reals. Needed when `G.label_size > 0`.

    Returns:
        Tuple `(z, labels)`: float32 `[count, z_dim]` and float32 `[count, label_size]`.
    """
    if G.label_size and (labels_dataset is None or labels_dataset.label_size != G.label_size):
        found = "no data set" if labels_dataset is None else f"{labels_dataset.label_size}"
        raise ValueError(
            f"This generator is conditional: it needs a data set with {G.label_size} label "
            f"components to draw labels from. Received {found}."
        )
    z = np.empty((count, G.z_dim), np.float32)
    rows = np.empty(count, np.int64)
    for i in range(count):
        rng = np.random.default_rng((seed, start + i))
        z[i] = rng.standard_normal(G.z_dim, dtype=np.float32)
        if G.label_size:
            rows[i] = rng.integers(labels_dataset.num_images)
    z = np.asarray(G.place_z(z))
    if not G.label_size:
        return z, np.zeros((count, 0), np.float32)
    return z, np.asarray(labels_dataset.read_labels(rows), np.float32)


class Sampler:
    """A generator compiled once for one batch size; returns uint8 images of any number of latents.

    The last chunk is padded to the full batch size and cut afterwards, so that nothing is
    compiled twice. Weights are read anew at every call: keep one sampler for a whole training.
    """

    def __init__(
        self,
        G,
        batch_size,
        *,
        resolutions=None,
        truncation_psi=1.0,
        truncation_cutoff=8,
        noise_mode="random",
        strategy=None,
    ):
        """Prepares the compiled call.

        Args:
            G: Generator.
            batch_size: Images per call of `G`, on each replica.
            resolutions: Scales to return, low to high; None for all that `G` makes.
            truncation_psi: Strength of the truncation trick; 1 switches it off.
            truncation_cutoff: Number of layers that are truncated.
            noise_mode: "random", "const" or "none".
            strategy: `tf.distribute.Strategy` in whose scope G was made, to draw on all of its
                replicas; None for the current one. The images are the same.
        """
        if batch_size < 1:
            raise ValueError(f"Expected a batch size of at least 1. Received {batch_size}.")
        self.G = G
        self.batch_size = batch_size
        self.resolutions = existing_scales(G, resolutions)

        def run(z, labels, noise_seed):
            images = G(
                z,
                labels if G.label_size else None,
                truncation_psi=truncation_psi,
                truncation_cutoff=truncation_cutoff,
                noise_mode=noise_mode,
                noise_seed=noise_seed if noise_mode == "random" else None,
            )
            return _to_pixels(G, images, self.resolutions)

        self._run = ReplicaMap(run, strategy)
        self.images_per_call = batch_size * self._run.num_replicas

    def __call__(self, z, labels=None, *, seed=0, start=0):
        """Generates images in chunks.

        Args:
            z: `[N, z_dim]`.
            labels: `[N, label_size]`, or None for an unconditional generator.
            seed: Seed of the random noise, 0 to 2**62 - 1.
            start: Number of the first image in a longer sequence. The noise of a chunk follows
                from `seed` and the number of its first image.

        Returns:
            List of uint8 arrays `[N, r, r, C]`, one per entry of `resolutions`.

        Raises:
            ValueError: Wrong shapes, or the network returned NaN or infinity.
        """
        z = np.asarray(z, np.float32)
        if labels is None:
            labels = np.zeros((len(z), 0), np.float32)
        labels = np.asarray(labels, np.float32)
        expected = [(len(z), self.G.z_dim), (len(z), self.G.label_size)]
        if len(z) == 0 or [z.shape, labels.shape] != expected:
            raise ValueError(
                f"Expected z [N, {self.G.z_dim}] and labels [N, {self.G.label_size}] with N > 0. "
                f"Received {list(z.shape)} and {list(labels.shape)}."
            )
        scales = [
            _finite_pixels(*chunk) for chunk in self._run(self._chunks(z, labels, seed, start))
        ]
        return [np.concatenate(scale)[: len(z)] for scale in zip(*scales, strict=True)]

    def _chunks(self, z, labels, seed, start):
        """Arguments of the calls of G; the last ones are padded to the full batch size."""
        for offset in range(0, len(z), self.batch_size):
            here = slice(offset, offset + self.batch_size)
            padding = ((0, self.batch_size - len(z[here])), (0, 0))
            yield (
                np.pad(z[here], padding, mode="edge"),
                np.pad(labels[here], padding, mode="edge"),
                noise_seed(seed, start + offset),
            )


class SingleSampler:
    """A generator compiled in two steps, z to w and w to uint8 images, for one image at a time.

    The second step is compiled once for each noise mode that is drawn with. Nothing is compiled
    again for other latents, labels, seeds or truncations.

    Attributes:
        G: The generator.
        resolutions: Sides of the images that are drawn, low to high.
    """

    def __init__(self, G, resolutions=None):
        """Prepares the compiled calls.

        Args:
            G: Generator.
            resolutions: Scales to draw, low to high; None for all. What lies above the highest one
                is not computed.
        """
        self.G = G
        self.resolutions = existing_scales(G, resolutions)

        def to_w(z, labels):
            return G.broadcast(G.mapping(z, labels))

        self._to_w = tf.function(to_w, autograph=False)
        self._draw = {mode: self._compiled(mode) for mode in NOISE_MODES}

    def _compiled(self, noise_mode):
        def draw(ws, noise_seed):
            seed = noise_seed if noise_mode == "random" else None
            images = self.G.synthesis(ws, noise_mode=noise_mode, noise_seed=seed)
            return _to_pixels(self.G, images, self.resolutions)

        return tf.function(draw, autograph=False)

    def map(self, z, labels=None):
        """W of a latent for every layer, not truncated.

        Args:
            z: float32 `[1, z_dim]`.
            labels: float32 `[1, label_size]`, or None for an unconditional generator.

        Returns:
            float32 array `[1, num_ws, w_dim]`.
        """
        labels = None if labels is None else tf.constant(labels, tf.float32)
        return self._to_w(tf.constant(z, tf.float32), labels).numpy()

    def truncate(self, ws, truncation_psi, truncation_cutoff):
        """Truncated w.

        Args:
            ws: float32 `[1, num_ws, w_dim]`.
            truncation_psi: Strength of the truncation trick; 1 switches it off.
            truncation_cutoff: Number of layers that are truncated, None for all.

        Returns:
            float32 array `[1, num_ws, w_dim]`.
        """
        ws = tf.constant(ws, tf.float32)
        return self.G.truncate(ws, truncation_psi, truncation_cutoff).numpy()

    def draw(self, ws, noise_mode, seed, noise_number=0):
        """Image of a w at every scale.

        Args:
            ws: float32 `[1, num_ws, w_dim]`.
            noise_mode: One of `NOISE_MODES`.
            seed: Seed of the noise in the noise mode "random", 0 to 2**62 - 1.
            noise_number: Which noise of this seed.

        Returns:
            List of uint8 arrays `[1, r, r, C]`, one per scale, low to high.

        Raises:
            ValueError: The network returned NaN or infinity.
        """
        ws = tf.constant(ws, tf.float32)
        images, is_finite = self._draw[noise_mode](ws, tf.constant(noise_seed(seed, noise_number)))
        return _finite_pixels([image.numpy() for image in images], is_finite)


def iterate_scales(sampler, num_images, *, seed, labels_dataset=None):
    """Batches of the first `num_images` images of the sequence that `seed` names, at all scales.

    Args:
        sampler: `Sampler`.
        num_images: Total number of images.
        seed: Whole number >= 0. Latents and labels follow from (seed, image number), noise from
            (seed, number of the first image of the chunk).
        labels_dataset: Data set, or `LabelTable`, whose label rows a conditional generator gets.

    Yields:
        List of uint8 `[n, r, r, C]`, one per resolution of the sampler; n is
        `sampler.images_per_call`, less in the last batch.
    """
    for start in range(0, num_images, sampler.images_per_call):
        count = min(sampler.images_per_call, num_images - start)
        z, labels = draw_latents(sampler.G, seed, start, count, labels_dataset)
        yield sampler(z, labels, seed=seed, start=start)


def iterate_images(sampler, num_images, *, seed, labels_dataset=None):
    """Same as `iterate_scales` for a sampler of one resolution; yields arrays instead of lists."""
    for (images,) in iterate_scales(sampler, num_images, seed=seed, labels_dataset=labels_dataset):
        yield images


def noise_seed(seed, start):
    """Two int32 words from the seed of a sequence and the number of an image in it."""
    # Cut to 31 bits each; the upper bits of a long seed move into the other word.
    return np.array([seed & 0x7FFFFFFF, ((seed >> 31) + start) & 0x7FFFFFFF], np.int32)


def existing_scales(G, resolutions):
    """The scales to draw, low to high: all for None, else those asked for, which must exist."""
    available = list(G.resolutions)
    resolutions = available if resolutions is None else list(resolutions)
    if not set(resolutions) <= set(available):
        raise ValueError(
            f"The generator makes images of {available} pixels. Received {resolutions}."
        )
    return resolutions


def _to_pixels(G, images, resolutions):
    """uint8 images of some scales, and whether all their values were finite."""
    images = [images[list(G.resolutions).index(res)] for res in resolutions]
    is_finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(x)) for x in images])
    return [to_uint8(x) for x in images], is_finite


def _finite_pixels(images, is_finite):
    if not is_finite:
        raise ValueError("The generator returned NaN or infinite pixel values.")
    return images
