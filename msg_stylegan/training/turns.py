"""Updates by penalties alone, which come every so often, and their statistics."""

import tensorflow as tf


def update_in_turn(name, index, interval, update, stat_names):
    """Updates `"G"` or `"D"` by penalties alone if it is their turn.

    Args:
        name: Which networks.
        index: int64 scalar, the number of the update before this one, from 0.
        interval: Every how many updates.
        update: Function that returns what `TrainStep.apply` does.
        stat_names: Names of the statistics in it.

    Returns:
        What to add to the statistics of the update before. Those are means over the updates with
        the loss, so that these have counts of their own, see `count_names`.
    """
    own_names = dict(zip(_count_names(name), count_names(name), strict=True))

    def in_turn():
        return {own_names.get(k, k): v for k, v in update().items()}

    def nothing():
        return {k: tf.constant(0.0) for k in [*stat_names, *count_names(name)]}

    return tf.cond(tf.equal(index % interval, 0), in_turn, nothing)


def count_names(name):
    """Names of the numbers of applied and skipped updates of `"G"` or `"D"` by penalties alone."""
    return _count_names(f"{name}_penalty")


def _count_names(name):
    return [f"{name}_updates", f"{name}_skipped"]


def add_stats(stats, others):
    """Sums of the numbers of two dictionaries, by name."""
    return {k: stats.get(k, 0.0) + others.get(k, 0.0) for k in {**stats, **others}}
