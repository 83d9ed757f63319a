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
        What to add to the statistics of the update before: those are means over the updates with
        the loss.
    """

    def in_turn():
        return {k: v for k, v in update().items() if k != f"{name}_updates"}

    def nothing():
        return {k: tf.constant(0.0) for k in [*stat_names, f"{name}_skipped"]}

    return tf.cond(tf.equal(index % interval, 0), in_turn, nothing)


def add_stats(stats, others):
    """Sums of the numbers of two dictionaries, by name."""
    return {k: stats.get(k, 0.0) + others.get(k, 0.0) for k in {**stats, **others}}
