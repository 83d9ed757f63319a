"""What becomes of the gradients of all replicas: an update, or none."""

import tensorflow as tf

from msg_stylegan.training.optimizers import present_options


class Updates:
    """Updates of all generators, `"G"`, and of all discriminators, `"D"`.

    An update whose gradients are not finite on any replica is skipped on all of them, and halves
    the scale of the loss, if there is one.

    Args:
        nets: `Networks`.
        optimizers: Dictionary of "G" and "D" to their optimizers.
        strategy: The `tf.distribute.Strategy`.
        loss_scales: `LossScales` of networks that compute in float16, or None.
    """

    def __init__(self, nets, optimizers, strategy, loss_scales=None):
        self._nets = nets
        self._optimizers = optimizers
        self._strategy = strategy
        self._loss_scales = loss_scales

    def scale_of(self, name):
        """The `LossScale` of `"G"` or `"D"`, or None."""
        return self._loss_scales and getattr(self._loss_scales, name)

    def apply(self, name, gradients, stats):
        """Applies the gradients of all replicas to `"G"` or `"D"` if all are finite.

        Args:
            name: Which networks, of all domains.
            gradients: What the replicas returned, per variable of `Networks.trainable`, multiplied
                by the scale of the loss.
            stats: What the replicas returned, by name.

        Returns:
            Statistics summed over the replicas, 0 if the update was skipped, and update counts.
        """
        optimizer, variables = self._optimizers[name], self._nets.trainable(name)
        scale = self.scale_of(name)

        def apply_on_replica(gradients):
            if scale is not None:
                gradients = scale.unscaled(gradients)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))

        def apply_everywhere():
            with present_options(optimizer):
                self._strategy.run(apply_on_replica, args=(gradients,))
            # Both branches must return the same, and what an optimizer returns varies.
            return tf.no_op()

        finite = self._all_finite(gradients)
        tf.cond(finite, apply_everywhere, tf.no_op)
        if scale is not None:
            scale.update(finite)
        counts = {
            f"{name}_updates": tf.cast(finite, tf.float32),
            f"{name}_skipped": 1.0 - tf.cast(finite, tf.float32),
        }
        sums = {k: self._strategy.reduce("SUM", v, axis=None) for k, v in stats.items()}
        kept = {k: tf.where(finite, v, 0.0) for k, v in sums.items()}
        return {**kept, **counts}

    def scale_stats(self, name, stats):
        """What the scale adds to the statistics of an update, which `apply` returned."""
        if self._loss_scales is None:
            return {}
        # Statistics of skipped updates are 0.
        return {_stat_of_scale(name): self.scale_of(name).value * stats[f"{name}_updates"]}

    def stat_names(self):
        """Names of the statistics of both methods that are not of the losses."""
        scales = [] if self._loss_scales is None else [_stat_of_scale(name) for name in "GD"]
        return [*scales, "D_updates", "G_updates", "D_skipped", "G_skipped"]

    def _all_finite(self, gradients):
        flags = self._strategy.run(_num_not_finite, args=(gradients,))
        return tf.equal(self._strategy.reduce("SUM", flags, axis=None), 0.0)


def _stat_of_scale(name):
    return f"Loss/{name}/scale"


def _num_not_finite(gradients):
    bad = [tf.reduce_any(~tf.math.is_finite(gradient)) for gradient in gradients]
    return tf.reduce_sum(tf.cast(tf.stack(bad), tf.float32))
