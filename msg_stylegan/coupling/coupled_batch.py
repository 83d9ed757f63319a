"""What a regulariser of a coupling may look at: images of both domains from the same latents."""

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class CoupledBatch:
    """One replica's share of a batch in the update of both generators."""

    # [n, z_dim], the same for both domains.
    z: tf.Tensor
    # For each domain the fakes [n, r, r, C] in about [-1, 1], low to high resolution.
    images: Sequence[Sequence[tf.Tensor]]
    # For each domain the activations [n, r, r, channels] of its generator, low to high resolution.
    features: Sequence[Sequence[tf.Tensor]]
    # For each domain the scales of its current real images, which do not belong together; None
    # unless a regulariser needs them.
    reals: Sequence[Sequence[tf.Tensor]] | None
    # Both generators.
    generators: Sequence[Callable]


def mean_square(a, b):
    """Mean square of a difference per sample: `[n, ...]`, `[n, ...]` -> `[n]`."""
    return tf.reduce_mean(tf.square(a - b), axis=list(range(1, len(a.shape))))


def in_same_colours(a, b):
    """Images of two domains with the same number of channels: gray ones beside colour become RGB.

    Args:
        a: `[n, r, r, 1 or 3]`.
        b: The same of the other domain.
    """
    channels = max(a.shape[-1], b.shape[-1])
    return [x if x.shape[-1] == channels else tf.repeat(x, channels, axis=-1) for x in (a, b)]
