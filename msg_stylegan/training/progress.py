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
        self.cur_nimg = state_variable(0, tf.int64)
        self.elapsed_sec = state_variable(0.0, tf.float64)

    @property
    def nimg(self):
        """`cur_nimg` as a number. Reading it waits for the device."""
        return int(self.cur_nimg.numpy())


class Growth(tf.Module):
    """What a run that grows remembers besides. Create it in the scope of the strategy.

    Attributes:
        resolution: int64 variable, the resolution for which the optimizers were started.
    """

    def __init__(self, resolution):
        super().__init__(name="growth")
        self.resolution = state_variable(resolution, tf.int64)


def state_variable(value, dtype):
    """A variable that is equal on all replicas and changes with training. Checkpoints hold it."""
    aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return tf.Variable(value, dtype=dtype, trainable=False, aggregation=aggregation)
