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
    """Searches the z or w, and on request the noise maps, whose images are closest to targets.

    One compiled step serves any number of targets, whether they are searched at the same time or
    one after another; their results do not depend on each other. Call `search` and take `best_ws`
    and `best_noise_maps` whenever its steps end or are abandoned.

    Attributes:
        best_ws: float32 `[n, num_ws, w_dim]` of the least loss so far, for each target.
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
                only latent that both domains of a pair have in common.
            optimize_noise: Whether the noise maps are optimised as well, from the stored ones on,
                for one target at a time.
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
        if optimize_noise and not G.synthesis.noise_layers:
            raise ValueError("This generator has no noise that could be optimised.")
        self.G = noise_maps.copied_generator(G) if optimize_noise else G
        self.loss = PyramidLoss(G, distance)
        self._num_steps = num_steps
        self._num_starts = num_starts
        self._noise_mode = noise_mode
        self._latents = (Latents.of_z if space == "z" else Latents.of)(G, seed, labels)
        self._stored_maps = [np.asarray(layer.const) for layer in self.G.synthesis.noise_layers]
        # In units of the spread around the mean.
        rows = G.num_ws if space == "w+" else 1
        self._points = _rows([rows, self._latents.samples.shape[1]])
        self._labels = None if self._latents.labels is None else _rows([G.label_size])
        self._maps = []
        if optimize_noise:
            layers = self.G.synthesis.noise_layers
            self._maps = [tensorflow_variable(layer.const) for layer in layers]
        self._parameters = [self._points, *self._maps]
        self._first_moments, self._second_moments, self._best = (
            [_rows(parameter.shape[1:]) for parameter in self._parameters] for _ in range(3)
        )
        self._best_losses = _rows([])
        self._step = tf.function(self._descend, autograph=False)
        self._losses = tf.function(self._losses_of_points, autograph=False)
        self._draw = tf.function(self._images_of_best, autograph=False)
        self.is_converged = False

    @property
    def best_ws(self):
        return self._ws(self._best[0]).numpy()

    @property
    def best_z(self):
        """float32 `[n, z_dim]` of the least loss so far; None unless z is what is searched."""
        return self._latents_at(self._best[0])[:, 0].numpy() if self._latents.is_z else None

    @property
    def best_labels(self):
        """float32 `[n, label_size]` that belong to `best_z`; None without labels."""
        return None if self._labels is None else self._labels.numpy()

    @property
    def best_noise_maps(self):
        return [best.numpy()[0, :, :, 0] for best in self._best[1:]]

    @property
    def best_losses(self):
        """float32 `[n]`."""
        return self._best_losses.numpy()

    @property
    def has_result(self):
        """Whether the search of the current targets has tried a point."""
        return bool(np.isfinite(self.best_losses).all())

    def best_images(self):
        """Images of `best_ws` with `best_noise_maps`: list of float32 tensors `[n, r, r, C]`."""
        return self._draw()

    def search(self, images, labels=None, start=None, num_steps=None):
        """Starts afresh for some targets.

        Args:
            images: uint8 `[n, r, r, C]`, of the size and channels of the generator.
            labels: Labels of the images, float32 `[n, label_size]`, in the space "z"; None for
                those of the best starting points.
            start: A further starting point for each image, float32 `[n, z_dim]`, in the space "z";
                without `labels`, with all labels that occur. None for none.
            num_steps: Largest number of steps; None for that of all searches.

        Yields:
            Number of steps done so far: 0, 1, 2, ...

        Raises:
            ValueError: The targets have another shape, there are several for the same noise maps,
                or the generator returns NaN or infinity.
        """
        expected = (len(images), self.G.resolution, self.G.resolution, self.G.num_channels)
        if np.shape(images) != expected:
            raise ValueError(f"Expected targets {expected}. Received: {np.shape(images)}")
        if self._maps and len(images) > 1:
            raise ValueError("Noise maps can be optimised for one target at a time.")
        num_steps = self._num_steps if num_steps is None else num_steps
        target = self.loss.target_pyramid(images)
        # Before the starting points, whose search can be interrupted, too.
        self._best_losses.assign(np.full(len(images), math.inf))
        self.is_converged = False
        self._reset(*self._best_starts(target, labels, start))
        fall_steps = max(1, round(num_steps * _FALL))
        rise_steps = max(1, round(num_steps * _RISE))
        patience = max(1, round(num_steps * _PATIENCE))
        # Of each target.
        ends = np.full(len(images), num_steps)
        references, waiting_since = np.full(len(images), math.inf), np.zeros(len(images))
        step = 0
        # Each call looks at the points first and then moves them, but for those at their end.
        while True:
            left = np.clip((ends - step) / fall_steps, 0.0, 1.0)
            rates = min(1.0, (step + 1) / rise_steps) * (0.5 - 0.5 * np.cos(math.pi * left))
            rates = tf.constant(_LEARNING_RATE * rates, tf.float32)
            self._step(target, rates, tf.constant(step + 1.0))
            if not self.has_result:
                raise ValueError("The generator returned NaN or infinite pixel values.")
            yield step
            losses = self.best_losses
            ends = np.where(losses <= _INVISIBLE_LOSS, np.minimum(ends, step), ends)
            if (step >= ends).all():
                break
            is_better = losses < references * _IMPROVEMENT
            references = np.where(is_better, losses, references)
            waiting_since = np.where(is_better, step, waiting_since)
            is_stuck = step - waiting_since >= patience
            ends = np.where(is_stuck, np.minimum(ends, step + fall_steps), ends)
            step += 1
        self.is_converged = step < num_steps

    def _best_starts(self, target, labels, start):
        """The candidates with the least losses, `[n, 1, size]`, and their labels."""
        found = [
            self._best_start(
                [scale[i : i + 1] for scale in target],
                None if labels is None else labels[i : i + 1],
                None if start is None else start[i : i + 1],
            )
            for i in range(len(target[-1]))
        ]
        latents, labels = zip(*found, strict=True)
        return np.stack(latents)[:, None], labels

    def _best_start(self, target, label, start):
        """The same for one target: `[size]`, and its label `[label_size]` or None."""
        candidates, labels = self._candidates(label, start)
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
        return candidates[best], None if labels is None else labels[best]

    def _candidates(self, label, start):
        """Starting points, and their labels or None."""
        points, labels = self._latents.candidates(self._num_starts), self._latents.labels
        kinds = [None]
        if labels is not None:
            labels = labels if label is None else np.broadcast_to(label, labels.shape)
            kinds, labels = np.unique(labels, axis=0), labels[: len(points)]
        if start is None:
            return points, labels
        start = self._latents.constrained(tf.constant(start, tf.float32)).numpy()
        points = np.concatenate([start.repeat(len(kinds), axis=0), points])
        return points, None if labels is None else np.concatenate([kinds, labels])

    def _losses_of_points(self, points, labels, target):
        w = self.G.mapping(points, labels) if self._latents.is_z else points
        ws = self.G.broadcast(w)
        return self.loss(self.G.synthesis(ws, noise_mode=self._noise_mode), target)

    def _reset(self, latents, labels):
        rows = self._points.shape[1]
        self._points.assign(self._points_of(latents).repeat(rows, axis=1))
        if self._labels is not None:
            self._labels.assign(labels)
        for variable, stored in zip(self._maps, self._stored_maps, strict=False):
            variable.assign(stored)
        for moments in (self._first_moments, self._second_moments, self._best):
            for variable, parameter in zip(moments, self._parameters, strict=True):
                variable.assign(tf.zeros_like(parameter))

    def _points_of(self, latents):
        return (latents - self._latents.mean) / self._latents.scale

    def _latents_at(self, points):
        return self._latents.constrained(self._latents.mean + points * self._latents.scale)

    def _ws(self, points):
        w = self._latents_at(points)
        if self._latents.is_z:
            w = self.G.mapping(w[:, 0], self._labels)[:, None]
        return tf.broadcast_to(w, [tf.shape(w)[0], self.G.num_ws, self.G.w_dim])

    def _descend(self, target, rates, number):
        """One step of Adam, whose rates `[n]` are those of the targets."""
        with tf.GradientTape() as tape:
            tape.watch(self._parameters)
            images = self.G.synthesis(self._ws(self._points), noise_mode=self._noise_mode)
            losses = self.loss(images, target)
            penalty = sum(noise_maps.correlation(noise) for noise in self._maps)
            total = tf.reduce_sum(losses) + _NOISE_WEIGHT * penalty
        # Without styles and with a constant input, w has no effect.
        gradients = tape.gradient(total, self._parameters, unconnected_gradients="zero")
        self._keep_the_best(losses)
        rates = rates[:, None, None]
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
            parameter.assign_sub(speed * rates * mean / (tf.sqrt(mean_square) + 1e-8))
        # Farther away from the centre of a sphere, the same steps would move less and less.
        self._points.assign(self._points_of(self._latents_at(self._points)))
        for noise, stored in zip(self._maps, self._stored_maps, strict=False):
            noise.assign(noise_maps.with_moments_of(noise, stored))

    def _keep_the_best(self, losses):
        # A target that is reached has its result, however long others are searched.
        is_better = (losses < self._best_losses) & (self._best_losses > _INVISIBLE_LOSS)
        for best, parameter in zip(self._best, self._parameters, strict=True):
            best.assign(tf.where(is_better[:, None, None], parameter, best))
        self._best_losses.assign(tf.where(is_better, losses, self._best_losses))

    def _images_of_best(self):
        current = [tf.identity(noise) for noise in self._maps]
        for noise, best in zip(self._maps, self._best[1:], strict=True):
            noise.assign(best)
        images = self.G.synthesis(self._ws(self._best[0]), noise_mode=self._noise_mode)
        for noise, value in zip(self._maps, current, strict=True):
            noise.assign(value)
        return images


def _rows(shape):
    """A variable of float32 `[n, *shape]`, in which n may change."""
    return tf.Variable(tf.zeros([1, *shape]), trainable=False, shape=[None, *shape])
