"""How far training has come; the part of a checkpoint that is not a network or an optimizer."""

import tensorflow as tf


class Progress(tf.Module):
    """Clock of a run over all its sessions. Create it in the scope of the strategy.

    Attributes:
        cur_nimg: int64 variable, real images shown to the discriminator so far.
        elapsed_sec: float64 variable, seconds of training so far.
    """

    def __init__(self):
        super().__init__(name="progress")
        options = {
            "trainable": False,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        self.cur_nimg = tf.Variable(0, dtype=tf.int64, **options)
        self.elapsed_sec = tf.Variable(0.0, dtype=tf.float64, **options)

    @property
    def nimg(self):
        """`cur_nimg` as a number. Reading it waits for the device."""
        return int(self.cur_nimg.numpy())
