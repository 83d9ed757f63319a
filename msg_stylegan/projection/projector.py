"""Projection of images into the latent space of a generator, by gradient descent.

Abdal et al. 2019 (Image2StyleGAN); Karras et al. 2020 (StyleGAN2), appendix D. The loss is that of
MSG-GAN's pyramids: all scales at once.
"""

import math

import numpy as np
import tensorflow as tf

from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.projection import noise_maps
from msg_stylegan.projection.latents import Latents
from msg_stylegan.projection.pyramid_loss import PyramidLoss

SPACES = ("z", "w", "w+")

# Step of Adam, relative to the spread of w.
_LEARNING_RATE = 0.1
_BETA1, _BETA2 = 0.9, 0.999

# Fractions of all steps during which the learning rate rises from 0 and falls to 0.
_RISE, _FALL = 0.05, 0.25

# The learning rate falls earlier when this fraction of all steps has not lowered the best loss by
# this factor.
_PATIENCE, _IMPROVEMENT = 0.2, 0.995

# A root mean square error of a quarter of a brightness level cannot be seen.
_INVISIBLE_LOSS = (0.25 / 127.5) ** 2

# Weight of the correlation of the noise maps in the loss, and their speed relative to w. Adam moves
# all pixels of a map at the same speed, however little they matter.
_NOISE_WEIGHT = 0.001
_NOISE_SPEED = 0.2

# Number of starting points that are tried at a time.
_BATCH_SIZE = 16


class Projector:
    """Searches the z or w, and on request the noise maps, whose images are closest to a target.

    One compiled step serves any number of targets, whose results do not depend on each other. Call
    `search` and take `best_ws` and `best_noise_maps` whenever its steps end or are abandoned.

    Attributes:
        best_ws: float32 `[num_ws, w_dim]` of the least loss so far.
        best_noise_maps: List of float32 `[r, r]`, empty unless they are optimised.
        is_converged: Whether the search ended before its last step.
    """

    def __init__(
        self,
        G,
        *,
        space="w",
        optimize_noise=False,
        noise_mode="const",
        num_steps=1000,
        num_starts=256,
        seed=0,
        labels=None,
        distance=None,
    ):
        """Prepares everything that does not depend on the target.

        Args:
            G: Generator. It is not changed.
            space: "w" for one vector, "w+" for one per layer. A generator that takes
                a single vector has one space only. "z" for the input of the mapping network, the
                only latent that both domains of a pair have in common; the label is that of the
                best starting point.
            optimize_noise: Whether the noise maps are optimised as well, from the stored ones on.
            noise_mode: "const" for the stored noise maps, "none" for none.
            num_steps: Largest number of steps.
            num_starts: Number of random w that are tried as starting points, each where it is and
                halfway to the mean.
            seed: Whole number >= 0 from which the random w follow.
            labels: `LabelTable` of the random w; None for all classes of a conditional generator.
            distance: Perceptual distance that is added to the squared error, or None.

        Raises:
            ValueError: Noise is to be optimised but has no effect.
        """
        if space not in SPACES:
            raise ValueError(f"Expected one of the spaces {SPACES}. Received: {space!r}")
        if optimize_noise and noise_mode != "const":
            raise ValueError(
                f"Noise cannot be optimised with the noise mode {noise_mode!r}. Use const."
            )
        if optimize_noise and not noise_maps.noise_layers(G):
            raise ValueError("This generator has no noise that could be optimised.")
        self.G = noise_maps.copied_generator(G) if optimize_noise else G
        self.loss = PyramidLoss(G, distance)
        self._num_steps = num_steps
        self._num_starts = num_starts
        self._noise_mode = noise_mode
        self._latents = (Latents.of_z if space == "z" else Latents.of)(G, seed, labels)
        self._stored_maps = [np.asarray(layer.const) for layer in noise_maps.noise_layers(self.G)]
        # In units of the spread around the mean.
        rows = G.num_ws if space == "w+" else 1
        width = self._latents.samples.shape[1]
        self._point = tf.Variable(tf.zeros([1, rows, width]), trainable=False)
        self._label = None
        if self._latents.labels is not None:
            self._label = tf.Variable(tf.zeros([1, G.label_size]), trainable=False)
        self._maps = []
        if optimize_noise:
            layers = noise_maps.noise_layers(self.G)
            self._maps = [tensorflow_variable(layer.const) for layer in layers]
        self._parameters = [self._point, *self._maps]
        self._first_moments, self._second_moments, self._best = (
            [tf.Variable(tf.zeros(p.shape), trainable=False) for p in self._parameters]
            for _ in range(3)
        )
        self._best_loss = tf.Variable(math.inf, trainable=False)
        self._step = tf.function(self._descend, autograph=False)
        self._losses = tf.function(self._losses_of_points, autograph=False)
        self._draw = tf.function(self._images_of_best, autograph=False)
        self.is_converged = False

    @property
    def best_ws(self):
        return self._ws(self._best[0])[0].numpy()

    @property
    def best_z(self):
        """float32 `[z_dim]` of the least loss so far; None unless z is what is searched."""
        return self._latent(self._best[0])[0, 0].numpy() if self._latents.is_z else None

    @property
    def best_label(self):
        """float32 `[label_size]` that belongs to `best_z`; None without labels."""
        return None if self._label is None else self._label[0].numpy()

    @property
    def best_noise_maps(self):
        return [best.numpy()[0, :, :, 0] for best in self._best[1:]]

    @property
    def best_loss(self):
        return float(self._best_loss)

    @property
    def has_result(self):
        """Whether the search of the current target has tried a point."""
        return math.isfinite(self.best_loss)

    def best_images(self):
        """Images of `best_ws` with `best_noise_maps`: list of float32 tensors `[1, r, r, C]`."""
        return self._draw()

    def search(self, image, start=None):
        """Starts afresh for a target.

        Args:
            image: uint8 `[r, r, C]`, of the size and channels of the generator.
            start: Further starting points, float32 `[n, z_dim]`, in the space "z"; each with all
                labels that occur. None for none.

        Yields:
            Number of steps done so far: 0, 1, 2, ...

        Raises:
            ValueError: The target has another shape, or the generator returns NaN or infinity.
        """
        expected = (self.G.resolution, self.G.resolution, self.G.num_channels)
        if np.shape(image) != expected:
            raise ValueError(f"Expected a target {expected}. Received: {np.shape(image)}")
        target = self.loss.target_pyramid(image)
        self._best_loss.assign(math.inf)
        self._reset(self._best_start(target, start))
        fall_steps = max(1, round(self._num_steps * _FALL))
        rise_steps = max(1, round(self._num_steps * _RISE))
        patience = max(1, round(self._num_steps * _PATIENCE))
        end = self._num_steps
        reference, waiting_since = math.inf, 0
        step = 0
        # Each call looks at the point first and then moves it; the rate of the last one is 0.
        while True:
            left = min(1.0, (end - step) / fall_steps)
            rate = min(1.0, (step + 1) / rise_steps) * (0.5 - 0.5 * math.cos(math.pi * left))
            self._step(target, tf.constant(_LEARNING_RATE * rate), tf.constant(step + 1.0))
            if not self.has_result:
                raise ValueError("The generator returned NaN or infinite pixel values.")
            yield step
            if step >= end or self.best_loss <= _INVISIBLE_LOSS:
                break
            if self.best_loss < reference * _IMPROVEMENT:
                reference, waiting_since = self.best_loss, step
            elif step - waiting_since >= patience:
                end = min(end, step + fall_steps)
            step += 1
        self.is_converged = step < self._num_steps

    def _best_start(self, target, start):
        """Point of the candidate with the least loss: `[1, 1, w_dim]`. Its label is kept."""
        candidates, labels = self._candidates(start)
        losses = []
        for i in range(0, len(candidates), _BATCH_SIZE):
            chunks = [x if x is None else x[i : i + _BATCH_SIZE] for x in (candidates, labels)]
            count = len(chunks[0])
            padding = ((0, _BATCH_SIZE - count), (0, 0))
            chunks = [
                x if x is None else tf.constant(np.pad(x, padding, mode="edge")) for x in chunks
            ]
            losses += list(self._losses(*chunks, target).numpy()[:count])
        best = int(np.argmin(losses))
        if labels is not None:
            self._label.assign(labels[best : best + 1])
        return ((candidates[best] - self._latents.mean) / self._latents.scale)[None, None]

    def _candidates(self, start):
        """Starting points, and their labels or None."""
        points, labels = self._latents.candidates(self._num_starts), self._latents.labels
        labels = None if labels is None else labels[: len(points)]
        if start is None:
            return points, labels
        start = self._latents.constrained(tf.constant(start, tf.float32)).numpy()
        if labels is not None:
            kinds = np.unique(self._latents.labels, axis=0)
            labels = np.concatenate([np.tile(kinds, (len(start), 1)), labels])
            start = start.repeat(len(kinds), axis=0)
        return np.concatenate([start, points]), labels

    def _losses_of_points(self, points, labels, target):
        w = self.G.mapping(points, labels) if self._latents.is_z else points
        ws = self.G.broadcast(w)
        return self.loss(self.G.synthesis(ws, noise_mode=self._noise_mode), target)

    def _reset(self, point):
        self._point.assign(np.broadcast_to(point, self._point.shape))
        for variable, stored in zip(self._maps, self._stored_maps, strict=False):
            variable.assign(stored)
        for variable in (*self._first_moments, *self._second_moments):
            variable.assign(tf.zeros(variable.shape))
        self.is_converged = False

    def _latent(self, point):
        return self._latents.constrained(self._latents.mean + point * self._latents.scale)

    def _ws(self, point):
        w = self._latent(point)
        if self._latents.is_z:
            w = self.G.mapping(w[:, 0], self._label)[:, None]
        return tf.broadcast_to(w, [1, self.G.num_ws, self.G.w_dim])

    def _descend(self, target, rate, number):
        """One step of Adam."""
        with tf.GradientTape() as tape:
            tape.watch(self._parameters)
            images = self.G.synthesis(self._ws(self._point), noise_mode=self._noise_mode)
            loss = self.loss(images, target)[0]
            penalty = sum(noise_maps.correlation(noise) for noise in self._maps)
            total = loss + _NOISE_WEIGHT * penalty
        # Without styles and with a constant input, w has no effect.
        gradients = tape.gradient(total, self._parameters, unconnected_gradients="zero")
        self._keep_if_best(loss)
        speeds = [1.0] + [_NOISE_SPEED] * len(self._maps)
        for parameter, gradient, first, second, speed in zip(
            self._parameters,
            gradients,
            self._first_moments,
            self._second_moments,
            speeds,
            strict=True,
        ):
            first.assign(_BETA1 * first + (1.0 - _BETA1) * gradient)
            second.assign(_BETA2 * second + (1.0 - _BETA2) * tf.square(gradient))
            mean = first / (1.0 - _BETA1**number)
            mean_square = second / (1.0 - _BETA2**number)
            parameter.assign_sub(speed * rate * mean / (tf.sqrt(mean_square) + 1e-8))
        for noise, stored in zip(self._maps, self._stored_maps, strict=False):
            noise.assign(noise_maps.with_moments_of(noise, stored))

    def _keep_if_best(self, loss):
        is_better = loss < self._best_loss
        for best, parameter in zip(self._best, self._parameters, strict=True):
            best.assign(tf.where(is_better, parameter, best))
        self._best_loss.assign(tf.where(is_better, loss, self._best_loss))

    def _images_of_best(self):
        current = [tf.identity(noise) for noise in self._maps]
        for noise, best in zip(self._maps, self._best[1:], strict=True):
            noise.assign(best)
        images = self.G.synthesis(self._ws(self._best[0]), noise_mode=self._noise_mode)
        for noise, value in zip(self._maps, current, strict=True):
            noise.assign(value)
        return images
