"""Random numbers of some samples of a batch that are those of the whole batch."""

import contextlib
import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True, eq=False)
class PartSeed:
    """Stands for a stateless seed where a network sees a part of a batch, or is compiled by XLA.

    XLA draws other numbers from a seed. Therefore they are drawn in the graph of the seed, which
    may lie outside of a compiled function.

    Args:
        seed: Stateless seed `[2]` of the whole batch.
        rows: int32 `[n]`, the samples that are seen, or None for all.
        num_samples: Samples of the whole batch.
    """

    seed: tf.Tensor
    rows: tf.Tensor | None
    num_samples: int

    def graph(self):
        """Context in which numbers are drawn."""
        graph = getattr(self.seed, "graph", None)
        return graph.as_default() if graph else contextlib.nullcontext()


def fold_in(seed, number):
    """Another seed for every number; `seed` is `[2]` or a `PartSeed`."""
    if isinstance(seed, PartSeed):
        with seed.graph():
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
        with seed.graph():
            whole = distribution([seed.num_samples, *shape[1:]], seed.seed)
        return whole if seed.rows is None else tf.gather(whole, seed.rows)
    return distribution(shape, seed)
