"""One iteration of training: D updates with the weight average, then a G update.

Order and constants follow the original's training loop. Methods named `..._gradients` run per
replica; the others run across replicas.
"""

import tensorflow as tf

from msg_stylegan import losses
from msg_stylegan.networks import ops
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.training.ema import ema_beta, update_average
from msg_stylegan.training.randomness import StepRandomness, Stream
from msg_stylegan.training.reals import fade_images, images_to_float, mirror_images


class TrainStep:
    """Updates of D, of G and of the weight average, on all replicas.

    Losses are summed over the local batch and divided by the global batch size, because the
    optimizers add the gradients of the replicas up. A mean per replica would scale the updates
    with the number of devices.

    All randomness is a pure function of the seed and `cur_nimg`, see `StepRandomness`, and so is
    the turn of lazy regularization: a resumed run repeats both.

    An update whose gradients are not finite on any replica is skipped on all of them.

    Args:
        nets: `Networks` made in the scope of `strategy`.
        G_opt, D_opt: Optimizers made in the same scope.
        cur_nimg: int64 variable, made in the same scope: real images shown so far.
        strategy: The `tf.distribute.Strategy`.
        loss: `LossOptions`. With an interval above 1 the optimizer of D must be made for it, see
            `make_optimizer`.
        schedule: `ScheduleOptions`, of which the batch size (over all replicas), the updates of D,
            the weight average and the latents count.
        mirror: Whether reals are mirrored left to right half of the time.
        seed: Seed of latents, noise and mirroring.
        label_rows: `[num_images, label_size]` labels of the data set, from which those of the G
            update are drawn; None when unconditional.
        noise_mode: Noise of the generator in training.
        augmentation: `Augmentation` of all images that D sees, made in the scope of `strategy`; or
            None.
        fade: The `Stage` in which the networks and the reals are faded, or None.

    Raises:
        ValueError: The options of the loss are not possible.
    """

    def __init__(
        self,
        nets,
        G_opt,
        D_opt,
        cur_nimg,
        *,
        strategy,
        loss,
        schedule,
        mirror=False,
        seed=0,
        label_rows=None,
        noise_mode="random",
        augmentation=None,
        fade=None,
    ):
        self.nets = nets
        self.G_opt = G_opt
        self.D_opt = D_opt
        self.cur_nimg = cur_nimg
        self.strategy = strategy
        self.batch_size = schedule.batch_size
        self.random = StepRandomness(seed, cur_nimg, self.batch_size, strategy.num_replicas_in_sync)
        loss.check()
        self.loss = loss.make_loss()
        self.regularization = loss.make_regularization()
        self.same_z = schedule.same_z
        self.ema_beta = schedule.ema_decay or ema_beta(self.batch_size, schedule.ema_kimg)
        self.D_steps_per_G_step = schedule.D_steps_per_G_step
        self.mirror = mirror
        self.label_rows = None if label_rows is None else tf.constant(label_rows)
        self.noise_mode = noise_mode
        self.augmentation = augmentation
        self.fade = fade

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
            batch = next(batches)
            stats = self.update_D(batch)
            self.update_average()
            self.cur_nimg.assign_add(self.batch_size)
            sums = {name: sums.get(name, 0.0) + value for name, value in stats.items()}
        return {**sums, **self.update_G(batch)}

    def update_D(self, batch):
        """One discriminator update on a distributed batch of images and labels.

        With lazy regularization an update with the penalties follows when it is their turn.
        """
        if self.fade is not None:
            self._move_fade()
        gradients, stats = self.strategy.run(self._D_replica_step, args=(batch,))
        stats = self.apply("D", gradients, stats)
        stats |= self._adapt_augmentation(stats)
        if not self.regularization.is_lazy:
            return stats
        of_penalties = self._regularize_D(batch)
        return {name: value + of_penalties.get(name, 0.0) for name, value in stats.items()}

    def _move_fade(self):
        """Sets `alpha` of G and D. G_ema takes it over with everything else that is not trained."""
        for network in (self.nets.G, self.nets.D):
            self.strategy.extended.update(
                tensorflow_variable(network.alpha),
                lambda variable, value: variable.assign(value, read_value=False),
                args=(self.fade.alpha(self.cur_nimg),),
            )

    def _adapt_augmentation(self, stats):
        """Moves an adaptive probability; returns the statistics of augmentation."""
        if self.augmentation is None:
            return {}
        if self.augmentation.adaptive:
            self.augmentation.adaptive.update(
                stats["Loss/scores/real_sign"], float(self.batch_size), stats["D_updates"]
            )
        # Statistics of skipped updates are 0.
        return {"Loss/augment/probability": self.augmentation.probability * stats["D_updates"]}

    def update_average(self):
        """Moves the averaged generator towards the trained one."""
        update_average(self.nets.G_ema, self.nets.G, self.ema_beta, self.strategy)

    def update_G(self, batch):
        """One generator update after the discriminator update on `batch`."""
        gradients, stats = self.strategy.run(self._G_replica_step, args=(batch,))
        return self.apply("G", gradients, stats)

    def _regularize_D(self, batch):
        """Updates D on the penalties if it is their turn; returns what to add to the statistics."""

        def update():
            gradients, stats = self.strategy.run(self._penalty_replica_step, args=(batch,))
            stats = self.apply("D", gradients, stats)
            # Statistics are means over the updates with the loss; these come on top.
            return {name: value for name, value in stats.items() if name != "D_updates"}

        def nothing():
            names = ["Loss/D/loss", *self._penalty_stats(), "D_skipped"]
            return {name: tf.constant(0.0) for name in names}

        index = self.cur_nimg // self.batch_size
        return tf.cond(tf.equal(index % self.regularization.interval, 0), update, nothing)

    def _D_replica_step(self, batch):
        return self.D_gradients(*self._inputs_of_D(batch))

    def _penalty_replica_step(self, batch):
        return self.penalty_gradients(*self._inputs_of_D(batch))

    def _inputs_of_D(self, batch):
        z = self._draw_z(Stream.D_LATENTS)
        return *self._reals_of(batch), z, self.random.noise_seed(Stream.D_LATENTS)

    def _G_replica_step(self, batch):
        # The D update before this one moved `cur_nimg`.
        if self.same_z:
            z = self._draw_z(Stream.D_LATENTS, images_ago=self.batch_size)
        else:
            z = self._draw_z(Stream.G_LATENTS)
        labels = None
        if self.label_rows is not None:
            uniform = self.random.draw(tf.random.stateless_uniform, [], Stream.LABELS)
            row = tf.cast(uniform * float(len(self.label_rows)), tf.int32)
            labels = tf.gather(self.label_rows, tf.minimum(row, len(self.label_rows) - 1))
        reals = None
        if self.loss.G_needs_reals:
            reals = self._reals_of(batch, images_ago=self.batch_size)
        return self.G_gradients(z, labels, self.random.noise_seed(Stream.G_LATENTS), reals)

    def _reals_of(self, batch, images_ago=0):
        """Images and labels (or None) of a batch as the D update so many images ago saw them."""
        images = batch["images"]
        if self.fade is not None:
            images = fade_images(images, self.fade.alpha(self.cur_nimg - images_ago))
        if self.mirror:
            uniform = self.random.draw(
                tf.random.stateless_uniform, [], Stream.MIRROR, images_ago=images_ago
            )
            images = mirror_images(images, uniform < 0.5)
        return images, batch["labels"] if self.label_rows is not None else None

    def D_gradients(self, reals, labels, z, noise_seed=None):
        """Gradients of the discriminator loss on one replica.

        Args:
            reals: `[n, r, r, C]`, pixels from 0 to 255.
            labels: `[n, label_size]` of the reals, also used for the fakes; or None.
            z: `[n, z_dim]`.
            noise_seed: Stateless seed `[2]` of the noise of the generator, or None.

        Returns:
            Tuple of the list of gradients and a dictionary of sums over the local batch, divided
            by the global batch size.
        """
        fakes = self._generate(z, labels, noise_seed)
        names = () if self.regularization.is_lazy else self.regularization.weights
        with tf.GradientTape() as tape:
            penalties, real_logits, fake_logits = self._judge(
                images_to_float(reals), fakes, labels, names
            )
            loss = self._noisy_loss().D(real_logits, fake_logits)
            loss = self._mean(loss + self.regularization.total(penalties))
        stats = {
            "Loss/D/loss": loss,
            "Loss/scores/real": self._mean(real_logits),
            "Loss/scores/fake": self._mean(fake_logits),
            **{name: tf.constant(0.0) for name in self._penalty_stats()},
            **{f"Loss/{name}_penalty": self._mean(p) for name, p in penalties.items()},
        }
        if self.augmentation is not None:
            stats["Loss/scores/real_sign"] = self._mean(tf.sign(real_logits))
        return _gradients(tape, loss, self.nets.D), stats

    def penalty_gradients(self, reals, labels, z, noise_seed=None):
        """Gradients of `interval` times the penalties alone; otherwise as `D_gradients`.

        The statistics are multiplied by the interval too: they are the share of one update.
        """
        # The D update has moved the running mean of w by these latents already.
        fakes = self._generate(z, labels, noise_seed, training=False)
        names, interval = self.regularization.weights, float(self.regularization.interval)
        with tf.GradientTape() as tape:
            penalties, _, _ = self._judge(images_to_float(reals), fakes, labels, names)
            loss = self._mean(self.regularization.total(penalties)) * interval
        stats = {
            "Loss/D/loss": loss,
            **{name: tf.constant(0.0) for name in self._penalty_stats()},
            **{f"Loss/{name}_penalty": self._mean(p) * interval for name, p in penalties.items()},
        }
        return _gradients(tape, loss, self.nets.D), stats

    def G_gradients(self, z, labels, noise_seed=None, reals=None):
        """Gradients of the generator loss on one replica; otherwise as `D_gradients`.

        Args:
            z: `[n, z_dim]`.
            labels: `[n, label_size]` of the fakes, or None.
            noise_seed: Stateless seed `[2]` of the noise of the generator, or None.
            reals: `[n, r, r, C]`, pixels from 0 to 255, and their labels (or None), for a loss that
                needs them.
        """
        with tf.GradientTape() as tape:
            fakes = self._generate(z, labels, noise_seed)
            fake_logits, real_logits = self._see(fakes, labels, Stream.FAKES_OF_G), None
            if reals is not None:
                images, real_labels = reals
                images = self._pyramid(images_to_float(images))
                real_logits = self._see(images, real_labels, Stream.REALS_OF_G)
            loss = self._mean(self.loss.G(fake_logits, real_logits))
        return _gradients(tape, loss, self.nets.G), {"Loss/G/loss": loss}

    def _judge(self, reals, fakes, labels, names):
        """Penalties by name, and the logits of reals `[n, r, r, C]` and of a list of fakes."""

        def see(stream):
            return lambda images: self._see(images, labels, stream)

        of_reals, of_fakes = see(Stream.REALS_OF_D), see(Stream.FAKES_OF_D)
        penalties = {}
        if "r1" in names:
            penalties["r1"], real_logits = losses.r1_penalty(of_reals, reals, self._pyramid)
        else:
            real_logits = of_reals(self._pyramid(reals))
        if "r2" in names:
            penalties["r2"], fake_logits = losses.r2_penalty(of_fakes, fakes)
        else:
            fake_logits = of_fakes(fakes)
        if "gradient" in names:
            epsilon = self.random.draw(tf.random.stateless_uniform, [1, 1, 1], Stream.MIXTURE)
            penalties["gradient"] = losses.gradient_penalty(
                see(Stream.MIXED_OF_D),
                self._pyramid(reals),
                fakes,
                epsilon,
                self.regularization.gp_target,
            )
        return penalties, real_logits, fake_logits

    def _see(self, images, labels, stream):
        """Logits of a list of images. Every list takes this way into D, within every gradient.

        Args:
            images: List of `[n, r, r, C]`, low to high resolution, of the scales of D.
            labels: `[n, label_size]` or None.
            stream: The `Stream` that names the list.
        """
        if self.augmentation is not None:
            parameters = self.augmentation.draw(self.random.seed(stream), self.batch_size)
            images = self.augmentation(images, self.random.share(parameters))
        return self.nets.D(images, labels)

    def _generate(self, z, labels, noise_seed, training=True):
        """Fakes of the scales that D sees."""
        fakes = self.nets.G(
            z, labels, noise_mode=self.noise_mode, noise_seed=noise_seed, training=training
        )
        return [image for image in fakes if image.shape[1] in self.nets.D.resolutions]

    def _pyramid(self, reals):
        return ops.image_scales(reals, self.nets.D.resolutions)

    def _noisy_loss(self):
        """The loss, with the noisy targets of this update if there are any."""
        return self.loss.with_noise(
            lambda: tf.random.stateless_normal([2], self.random.seed(Stream.TARGETS))
        )

    def apply(self, name, gradients, stats):
        """Applies the gradients of all replicas to `"G"` or `"D"` if all are finite.

        Args:
            name: Which network.
            gradients: What the replicas returned, per variable.
            stats: What the replicas returned, by name.

        Returns:
            Statistics summed over the replicas, 0 if the update was skipped, and update counts.
        """
        network, optimizer = getattr(self.nets, name), {"G": self.G_opt, "D": self.D_opt}[name]

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

    def _mean(self, per_sample):
        return tf.reduce_sum(per_sample) / float(self.batch_size)

    def _draw_z(self, stream, images_ago=0):
        G = self.nets.G
        return G.place_z(
            self.random.draw(tf.random.stateless_normal, [G.z_dim], stream, images_ago)
        )

    def _penalty_stats(self):
        """Names of the statistics of penalties. R1 has a place in every line of statistics."""
        names = {"r1": None, **self.regularization.weights}
        return [f"Loss/{name}_penalty" for name in names]

    def _stat_names(self):
        names = ["Loss/D/loss", "Loss/G/loss", "Loss/scores/real", "Loss/scores/fake"]
        counts = ["D_updates", "G_updates", "D_skipped", "G_skipped"]
        if self.augmentation is not None:
            names += ["Loss/scores/real_sign", "Loss/augment/probability"]
        return [*names, *self._penalty_stats(), *counts]


def _gradients(tape, loss, network):
    # TensorFlow cannot make zeros for a variable of Keras 3.
    variables = [tensorflow_variable(variable) for variable in network.trainable_variables]
    return tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _num_not_finite(gradients):
    bad = [tf.reduce_any(~tf.math.is_finite(gradient)) for gradient in gradients]
    return tf.reduce_sum(tf.cast(tf.stack(bad), tf.float32))
