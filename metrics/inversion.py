"""Latents of real images of one domain, for many images at once."""

import numpy as np
import tensorflow as tf

from metrics.generated_pairs import encode
from msg_stylegan.networks import ops
from msg_stylegan.projection.pyramid_loss import PyramidLoss
from msg_stylegan.sampling.sampler import draw_latents

# Random latents that are tried as starting points, and steps of Adam from the best of them.
NUM_STARTS = 64
NUM_STEPS = 200

_LEARNING_RATE = 0.05
_BETA1, _BETA2 = 0.9, 0.999

# Second word of the seed of the starting points; see `generated_images`.
_STARTS = 2**40 + 4


def found_by_encoder(encoder, images):
    """What an encoder finds: float32 `[n, z_dim]`.

    Args:
        encoder: `Encoder`.
        images: uint8 `[n, r, r, C]`.
    """
    images = tf.cast(images, tf.float32) / 127.5 - 1.0
    return encode(encoder, ops.image_scales(images, encoder.resolutions)).numpy()


def found_by_search(G, images, labels, *, seed=0, num_starts=NUM_STARTS, num_steps=NUM_STEPS):
    """The z whose images are nearest to given ones, by gradient descent.

    The inversion of Soft-CoGAN (`Style_transfer.py`), with the loss of our projections, squared
    errors at all scales. It searches z and not w, because z is what both domains have in common.

    Args:
        G: Generator of the domain.
        images: uint8 `[n, r, r, C]`.
        labels: float32 `[n, label_size]`, or None for an unconditional G.
        seed: Decides the starting points.
        num_starts: How many are tried for each image, at least 1.
        num_steps: Steps of Adam.

    Returns:
        float32 `[n, z_dim]`. Results of one image do not depend on the others.
    """
    loss = PyramidLoss(G)
    pixels = tf.cast(images, tf.float32) / 127.5 - 1.0
    target = ops.image_pyramid(pixels, G.resolution.bit_length() - 2)

    @tf.function(autograph=False)
    def losses(z):
        return loss(G(z, labels, noise_mode="const"), target)

    @tf.function(autograph=False)
    def slopes(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            values = losses(z)
        return values, tape.gradient(values, z)

    starts, _ = _unlabelled_latents(G, seed, num_starts)
    best_z, best = _tiled(starts[0], images), np.full(len(images), np.inf, np.float32)
    for start in starts:
        candidates = _tiled(start, images)
        best_z, best = _better(best_z, best, candidates, losses(candidates).numpy())
    z, first, second = best_z, np.zeros_like(best_z), np.zeros_like(best_z)
    for step in range(1, num_steps + 1):
        values, slope = (x.numpy() for x in slopes(tf.constant(z)))
        best_z, best = _better(best_z, best, z, values)
        first = _BETA1 * first + (1.0 - _BETA1) * slope
        second = _BETA2 * second + (1.0 - _BETA2) * np.square(slope)
        mean, square = first / (1.0 - _BETA1**step), second / (1.0 - _BETA2**step)
        z = _within(G, z - _LEARNING_RATE * mean / (np.sqrt(square) + 1e-8))
    return _better(best_z, best, z, losses(tf.constant(z)).numpy())[0]


def _unlabelled_latents(G, seed, count):
    class Blank:
        """Labels of zeros: those of the images count."""

        label_size, num_images = G.label_size, 1

        def read_labels(self, rows):
            return np.zeros((len(rows), self.label_size), np.float32)

    return draw_latents(G, (seed, _STARTS), 0, count, Blank())


def _tiled(z, images):
    return np.repeat(z[None], len(images), axis=0)


def _better(z, losses, others, other_losses):
    is_better = other_losses < losses
    return np.where(is_better[:, None], others, z), np.where(is_better, other_losses, losses)


def _within(G, z):
    """Moves z to where those are with which the generator was trained: `Generator.place_z`."""
    space = G.options.z_space
    if space == "uniform":
        z = np.clip(z, -1.0, 1.0)
    elif space == "sphere":
        z = ops.pixel_norm(z).numpy()
    return z.astype(np.float32)
