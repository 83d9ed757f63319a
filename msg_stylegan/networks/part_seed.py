"""Random numbers of some samples of a batch that are those of the whole batch."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True, eq=False)
class PartSeed:
    """Stands for a stateless seed where a network sees a part of a batch.

    Args:
        seed: Stateless seed `[2]` of the whole batch.
        rows: int32 `[n]`, the samples that are seen.
        num_samples: Samples of the whole batch.
    """

    seed: tf.Tensor
    rows: tf.Tensor
    num_samples: int


def fold_in(seed, number):
    """Another seed for every number; `seed` is `[2]` or a `PartSeed`."""
    if isinstance(seed, PartSeed):
        return dataclasses.replace(seed, seed=fold_in(seed.seed, number))
    return tf.random.experimental.stateless_fold_in(seed, number)


def draw(distribution, shape, seed):
    """Draws `shape`, the first axis of which are the samples; `seed` is `[2]` or a `PartSeed`.

    Args:
        distribution: Function such as `tf.random.stateless_normal`.
        shape: Of the samples that are seen.
        seed: Seed.
    """
    if isinstance(seed, PartSeed):
        whole = distribution([seed.num_samples, *shape[1:]], seed.seed)
        return tf.gather(whole, seed.rows)
    return distribution(shape, seed)
