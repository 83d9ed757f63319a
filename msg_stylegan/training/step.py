"""One iteration of training: D updates with the weight average, then a G update.

Order and constants follow the original's training loop. Methods named `..._gradients` run per
replica; the others run across replicas.
"""

import tensorflow as tf

from msg_stylegan import losses
from msg_stylegan.networks import ops
from msg_stylegan.training.ema import ema_beta, update_average

# Streams of random numbers within an iteration; part of what a resumed run repeats exactly.
_D_LATENTS, _G_LATENTS, _MIRROR, _LABELS, _NOISE = range(5)


class TrainStep:
    """Updates of D, of G and of the weight average, on all replicas.

    Losses are summed over the local batch and divided by the global batch size, because the
    optimizers add the gradients of the replicas up. A mean per replica would scale the updates
    with the number of devices.

    All randomness is a pure function of the seed and `cur_nimg`, so that a resumed run repeats it.
    Latents are drawn for the global batch; they do not depend on the number of replicas.

    An update whose gradients are not finite on any replica is skipped on all of them.

    Args:
        nets: `Networks` made in the scope of `strategy`.
        G_opt, D_opt: Optimizers made in the same scope.
        cur_nimg: int64 variable, made in the same scope: real images shown so far.
        strategy: The `tf.distribute.Strategy`.
        batch_size: Images per update, over all replicas.
        r1_gamma: Weight of the gradient penalty; 0 for none.
        ema_kimg: Half-life of the weight average.
        D_steps_per_G_step: D updates per iteration.
        mirror: Whether reals are mirrored left to right half of the time.
        seed: Seed of latents, noise and mirroring.
        label_rows: `[num_images, label_size]` labels of the data set, from which those of the G
            update are drawn; None when unconditional.
        noise_mode: Noise of the generator in training.
    """

    def __init__(
        self,
        nets,
        G_opt,
        D_opt,
        cur_nimg,
        *,
        strategy,
        batch_size,
        r1_gamma,
        ema_kimg,
        D_steps_per_G_step=1,
        mirror=False,
        seed=0,
        label_rows=None,
        noise_mode="random",
    ):
        self.nets = nets
        self.G_opt = G_opt
        self.D_opt = D_opt
        self.cur_nimg = cur_nimg
        self.strategy = strategy
        self.batch_size = batch_size
        self.batch_per_replica = batch_size // strategy.num_replicas_in_sync
        self.r1_gamma = r1_gamma
        self.ema_beta = ema_beta(batch_size, ema_kimg)
        self.D_steps_per_G_step = D_steps_per_G_step
        self.mirror = mirror
        self.seed = seed
        self.label_rows = None if label_rows is None else tf.constant(label_rows)
        self.noise_mode = noise_mode

    @property
    def images_per_iteration(self):
        """Real images that one iteration consumes."""
        return self.batch_size * self.D_steps_per_G_step

    # Without AutoGraph, which rewrites the source of everything that is called below.
    @tf.function(autograph=False)
    def run(self, batches, num_iterations):
        """Runs several iterations without returning to Python.

        Args:
            batches: Iterator over distributed batches, see `data.batches.training_batches`.
            num_iterations: Scalar int32 tensor.

        Returns:
            Dictionary of float32 scalars: sums over all finite updates, and their numbers.
        """

        def add_iteration(index, totals):
            stats = self.iteration(batches)
            return index + 1, {name: total + stats[name] for name, total in totals.items()}

        _, totals = tf.while_loop(
            lambda index, _: index < num_iterations,
            add_iteration,
            (0, {name: tf.constant(0.0) for name in self._stat_names()}),
            parallel_iterations=1,
        )
        return totals

    def iteration(self, batches):
        """D updates with the weight average, then one G update."""
        sums = {}
        for _ in range(self.D_steps_per_G_step):
            stats = self.update_D(next(batches))
            self.update_average()
            self.cur_nimg.assign_add(self.batch_size)
            sums = {name: sums.get(name, 0.0) + value for name, value in stats.items()}
        return {**sums, **self.update_G()}

    def update_D(self, batch):
        """One discriminator update on a distributed batch of images and labels."""
        gradients, stats = self.strategy.run(self._D_replica_step, args=(batch,))
        return self.apply("D", gradients, stats)

    def update_average(self):
        """Moves the averaged generator towards the trained one."""
        update_average(self.nets.G_ema, self.nets.G, self.ema_beta, self.strategy)

    def update_G(self):
        """One generator update."""
        gradients, stats = self.strategy.run(self._G_replica_step)
        return self.apply("G", gradients, stats)

    def _D_replica_step(self, batch):
        reals = batch["images"]
        if self.mirror:
            reals = mirror_images(reals, self._draw(tf.random.stateless_uniform, [], _MIRROR) < 0.5)
        z = self._draw_z(_D_LATENTS)
        labels = batch["labels"] if self.label_rows is not None else None
        return self.D_gradients(reals, labels, z, self._noise_seed(_D_LATENTS))

    def _G_replica_step(self):
        z = self._draw_z(_G_LATENTS)
        labels = None
        if self.label_rows is not None:
            uniform = self._draw(tf.random.stateless_uniform, [], _LABELS)
            row = tf.cast(uniform * float(len(self.label_rows)), tf.int32)
            labels = tf.gather(self.label_rows, tf.minimum(row, len(self.label_rows) - 1))
        return self.G_gradients(z, labels, self._noise_seed(_G_LATENTS))

    def D_gradients(self, reals, labels, z, noise_seed=None):
        """Gradients of the discriminator loss on one replica.

        Args:
            reals: uint8 `[n, r, r, C]`.
            labels: `[n, label_size]` of the reals, also used for the fakes; or None.
            z: `[n, z_dim]`.
            noise_seed: See `Noise`.

        Returns:
            Tuple of the list of gradients and a dictionary of sums over the local batch, divided
            by the global batch size.
        """
        G, D = self.nets.G, self.nets.D
        reals = images_to_float(reals)
        fakes = G(z, labels, noise_mode=self.noise_mode, noise_seed=noise_seed, training=True)
        with tf.GradientTape() as tape:
            if self.r1_gamma:
                penalty, real_logits = losses.r1_penalty(
                    lambda images: D(images, labels), reals, self._pyramid
                )
            else:
                real_logits = D(self._pyramid(reals), labels)
                penalty = tf.zeros_like(real_logits)
            fake_logits = D(fakes, labels)
            loss = losses.discriminator_logistic_loss(real_logits, fake_logits)
            loss = self._mean(loss + penalty * (self.r1_gamma / 2.0))
        stats = {
            "Loss/D/loss": loss,
            "Loss/scores/real": self._mean(real_logits),
            "Loss/scores/fake": self._mean(fake_logits),
            "Loss/r1_penalty": self._mean(penalty),
        }
        return _gradients(tape, loss, D), stats

    def G_gradients(self, z, labels, noise_seed=None):
        """Gradients of the generator loss on one replica; arguments as for `D_gradients`."""
        G, D = self.nets.G, self.nets.D
        with tf.GradientTape() as tape:
            fakes = G(z, labels, noise_mode=self.noise_mode, noise_seed=noise_seed, training=True)
            loss = self._mean(losses.generator_logistic_loss(D(fakes, labels)))
        return _gradients(tape, loss, G), {"Loss/G/loss": loss}

    def apply(self, name, gradients, stats):
        """Applies the gradients of all replicas to `"G"` or `"D"` if all are finite.

        Args:
            name: Which network.
            gradients: What the replicas returned, per variable.
            stats: What the replicas returned, by name.

        Returns:
            Statistics summed over the replicas, 0 if the update was skipped, and update counts.
        """
        network, optimizer = {
            "G": (self.nets.G, self.G_opt),
            "D": (self.nets.D, self.D_opt),
        }[name]

        def apply_on_replica(gradients):
            optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

        def apply_everywhere():
            self.strategy.run(apply_on_replica, args=(gradients,))
            # Both branches must return the same, and what an optimizer returns varies.
            return tf.no_op()

        finite = self._all_finite(gradients)
        tf.cond(finite, apply_everywhere, tf.no_op)
        counts = {
            f"{name}_updates": tf.cast(finite, tf.float32),
            f"{name}_skipped": 1.0 - tf.cast(finite, tf.float32),
        }
        sums = {k: self.strategy.reduce("SUM", v, axis=None) for k, v in stats.items()}
        kept = {k: tf.where(finite, v, 0.0) for k, v in sums.items()}
        return {**kept, **counts}

    def _all_finite(self, gradients):
        flags = self.strategy.run(_num_not_finite, args=(gradients,))
        return tf.equal(self.strategy.reduce("SUM", flags, axis=None), 0.0)

    def _pyramid(self, images):
        return ops.image_pyramid(images, len(self.nets.D.resolutions))

    def _mean(self, per_sample):
        return tf.reduce_sum(per_sample) / float(self.batch_size)

    def _seed(self, stream):
        seed = tf.stack([tf.constant(self.seed), tf.cast(self.cur_nimg, tf.int32)])
        return tf.random.experimental.stateless_fold_in(seed, stream)

    def _draw_z(self, stream):
        G = self.nets.G
        return G.place_z(self._draw(tf.random.stateless_normal, [G.z_dim], stream))

    def _draw(self, distribution, shape, stream):
        """Draws `[batch_per_replica, *shape]`: this replica's share of the global batch."""
        everything = distribution([self.batch_size, *shape], self._seed(stream))
        first = self._replica_id() * self.batch_per_replica
        return everything[first : first + self.batch_per_replica]

    def _noise_seed(self, stream):
        seed = tf.random.experimental.stateless_fold_in(self._seed(_NOISE), stream)
        return tf.random.experimental.stateless_fold_in(seed, self._replica_id())

    def _replica_id(self):
        return tf.convert_to_tensor(
            tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32
        )

    @staticmethod
    def _stat_names():
        losses_and_scores = ["D/loss", "G/loss", "scores/real", "scores/fake", "r1_penalty"]
        counts = ["D_updates", "G_updates", "D_skipped", "G_skipped"]
        return [f"Loss/{name}" for name in losses_and_scores] + counts


def images_to_float(images):
    """Maps uint8 pixels to float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) * (2.0 / 255.0) - 1.0


def mirror_images(images, chosen):
    """Mirrors the chosen samples left to right: `[N, H, W, C]`, bool `[N]`."""
    return tf.where(chosen[:, None, None, None], tf.reverse(images, axis=[2]), images)


def _gradients(tape, loss, network):
    return tape.gradient(
        loss, network.trainable_variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )


def _num_not_finite(gradients):
    bad = [tf.reduce_any(~tf.math.is_finite(gradient)) for gradient in gradients]
    return tf.reduce_sum(tf.cast(tf.stack(bad), tf.float32))
