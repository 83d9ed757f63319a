"""Scale of a loss whose gradients pass through float16, which has few exponents."""

import tensorflow as tf

from msg_stylegan.training.progress import state_variable

_FIRST, _LARGEST = 2.0**15, 2.0**24
# Updates in a row, none of them skipped, after which the scale is doubled.
GOOD_UPDATES = 2000


class LossScale(tf.Module):
    """Factor of the gradients of a loss on their way, so that they do not vanish in float16.

    As large as possible: it is halved when gradients overflow, which skips the update, and doubled
    after many good ones. All its variables belong in the checkpoint. Create it in the scope of the
    strategy.

    Keras has one too, but each of its replicas judges gradients that are not added up yet.

    Attributes:
        value: float32 variable, a power of two, at least 1.

    Source:
        Micikevicius et al. 2018, section 3.2.
    """

    def __init__(self):
        super().__init__(name="loss_scale")
        self.value = state_variable(_FIRST, tf.float32)
        self._good_updates = state_variable(0, tf.int64)

    @property
    def of_inner(self):
        """Scale of gradients that are a part of the loss, as those of R1.

        The root: their own gradients then are multiplied by the rest, which is the same.
        """
        return tf.sqrt(self.value)

    def unscaled(self, gradients):
        """A list of gradients of the scaled loss, as those of the loss."""
        inverse = 1.0 / self.value
        return [gradient * inverse for gradient in gradients]

    def update(self, is_finite):
        """Takes note of an update. Call it across replicas.

        Args:
            is_finite: Scalar bool, whether the gradients of all replicas were finite.
        """
        good_updates = tf.where(is_finite, self._good_updates + 1, 0)
        is_due = good_updates >= GOOD_UPDATES
        larger = tf.where(is_due, tf.minimum(2.0 * self.value, _LARGEST), self.value)
        smaller = tf.maximum(0.5 * self.value, 1.0)
        self.value.assign(tf.where(is_finite, larger, smaller))
        self._good_updates.assign(tf.where(is_due, tf.zeros_like(good_updates), good_updates))


class LossScales(tf.Module):
    """Those of both losses. Create them in the scope of the strategy.

    Attributes:
        G, D: `LossScale`.
    """

    def __init__(self):
        super().__init__(name="loss_scales")
        self.G = LossScale()
        self.D = LossScale()
