"""Probability of augmentation that follows how far the discriminator overfits."""

import tensorflow as tf

from msg_stylegan.kimg_schedule import value_at


class AdaptiveProbability(tf.Module):
    """Moves a probability so that the mean sign of the real logits stays at a target.

    The sign is 1 for every real image if the discriminator knows them by heart, and 0 on average
    if it is undecided. It means something for losses that separate reals from fakes at a logit of
    0. All its variables belong in the checkpoint. Create it in the scope of the strategy.

    Args:
        target: Mean of the sign to keep, between -1 and 1; or its schedule.
        kimg: Time that the probability takes from 0 to 1, in thousands of real images; or its
            schedule.
        interval: Updates of the discriminator between two changes.
        initial: Probability at the start.

    Attributes:
        value: float32 variable in [0, 1].

    Source:
        Karras et al. 2020 (ADA), section 3.1: the heuristic r_t, target 0.6, 500 kimg, every 4
        minibatches. There the probability is clamped at 0 only; above 1 it has no meaning.
    """

    def __init__(self, *, target=0.6, kimg=500.0, interval=4, initial=0.0):
        super().__init__(name="augmentation_probability")
        self._target = target
        self._kimg = kimg
        self._interval = interval
        self.value = _variable(initial)
        # Over the updates since the last change: sum of the mean signs, images, updates.
        self._sign_sum, self._images, self._updates = (_variable(0.0) for _ in range(3))

    def update(self, mean_sign, num_images, is_applied, nimg=0):
        """Takes note of one update of the discriminator. Call it across replicas.

        Args:
            mean_sign: Mean sign of the real logits over the global batch.
            num_images: Real images of that batch.
            is_applied: 1.0, or 0.0 if the update was skipped and does not count.
            nimg: Images shown so far, of which schedules are functions.
        """
        target, time = value_at(self._target, nimg), value_at(self._kimg, nimg) * 1000.0
        sign_sum = self._sign_sum + mean_sign * is_applied
        images = self._images + num_images * is_applied
        updates = self._updates + is_applied
        is_due = updates >= self._interval
        way = tf.sign(sign_sum / tf.maximum(updates, 1.0) - target) * images
        moved = tf.clip_by_value(self.value + way / time, 0.0, 1.0)
        self.value.assign(tf.where(is_due, moved, self.value))
        self._sign_sum.assign(tf.where(is_due, 0.0, sign_sum))
        self._images.assign(tf.where(is_due, 0.0, images))
        self._updates.assign(tf.where(is_due, 0.0, updates))


def _variable(initial):
    aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return tf.Variable(float(initial), trainable=False, aggregation=aggregation)
