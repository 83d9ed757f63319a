"""Gradients of batches that a device cannot hold at once: those of parts of them, added up."""

import contextlib

import numpy as np
import tensorflow as tf


class Rounds:
    """Divides a replica's share of a batch into parts.

    Args:
        num_samples: Images of the share.
        per_round: Images of a part; 0, or as many as there are, for all at once.
        group_size: Samples of which one minibatch standard deviation is taken, see
            `ops.minibatch_stddev`; they stay together.

    Attributes:
        num_samples: Images of the share.
        count: Number of parts.
        rows: int32 `[count, per_round]`, the samples of each.
    """

    def __init__(self, num_samples, per_round=0, group_size=1):
        per_round = min(per_round or num_samples, num_samples)
        self.num_samples = num_samples
        self.count = num_samples // per_round
        rows = np.arange(num_samples, dtype=np.int32)
        if self.count > 1 and group_size > 1:
            # Sample i is of group i mod M.
            groups = np.split(rows.reshape(group_size, -1), self.count, axis=1)
            rows = np.concatenate([group.ravel() for group in groups])
        self.rows = rows.reshape(self.count, -1)

    def shrunk(self, divisor):
        """`Rounds` of a share that is so many times smaller, but not empty, in as small parts."""
        num_samples = max(self.num_samples // divisor, 1)
        largest = max(self.rows.shape[1] // divisor, 1)
        per_round = next(n for n in range(largest, 0, -1) if num_samples % n == 0)
        return Rounds(num_samples, per_round)

    def add_up(self, compute, randoms):
        """What `compute` returns for the parts, added up.

        Args:
            compute: Function without arguments that returns tensors in any structure: sums over
                the samples that `randoms` show.
            randoms: List of `StepRandomness`.
        """
        if self.count == 1:
            return compute()

        def of_part(index):
            rows = tf.gather(self.rows, index)
            with contextlib.ExitStack() as stack:
                for random in randoms:
                    stack.enter_context(random.only(rows))
                return compute()

        first = of_part(0)
        # One part after the other: together they would need the memory of the whole.
        with tf.control_dependencies(tf.nest.flatten(first)):
            start = tf.constant(1)
        return tf.while_loop(
            lambda index, _: index < self.count,
            lambda index, sums: (
                index + 1,
                tf.nest.map_structure(_add_apart, sums, of_part(index)),
            ),
            (start, first),
            parallel_iterations=1,
        )[1]


def _add_apart(total, part):
    """The sum, in a form that TensorFlow does not join with the sums that `part` is made of.

    It would give the joint sum of large networks a temporary variable, which is made once more in
    the turn that ends the loop, where nothing removes it; the next call fails on it. See
    https://github.com/tensorflow/tensorflow/issues/23780.
    """
    return total + tf.raw_ops.Snapshot(input=part)
