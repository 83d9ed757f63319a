"""One iteration of training: D updates with the weight average, then a G update.

Order and constants follow the original's training loop. Methods named `..._gradients` run per
replica; the others run across replicas.
"""

import tensorflow as tf

from msg_stylegan.coupling.coupled_batch import CoupledBatch
from msg_stylegan.domains import SUFFIXES
from msg_stylegan.kimg_schedule import values_at
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.training.compilation import compiled
from msg_stylegan.training.domain_losses import DomainLosses, gradients_of
from msg_stylegan.training.ema import ema_beta, ramped_ema_beta, update_average
from msg_stylegan.training.latents import Latents
from msg_stylegan.training.path_lengths import PathLengths
from msg_stylegan.training.randomness import OWN_STREAMS, VIEWS, StepRandomness, Stream
from msg_stylegan.training.reals import images_to_float
from msg_stylegan.training.rounds import Rounds
from msg_stylegan.training.turns import add_stats, count_names, update_in_turn
from msg_stylegan.training.updates import Updates


class TrainStep:
    """Updates of D, of G and of the weight average, on all replicas.

    With two domains an update is one of both at once, and both generators see the same latents.

    Losses are summed over the local batch and divided by the global batch size, because the
    optimizers add the gradients of the replicas up. A mean per replica would scale the updates
    with the number of devices. For the same reason the gradients of the rounds in which a replica
    sees its share of a batch are added up.

    All randomness is a pure function of the seed and `cur_nimg`, see `StepRandomness`, and so is
    the turn of lazy regularization: a resumed run repeats both.

    Args:
        nets: `Networks` made in the scope of `strategy`.
        G_opt, D_opt: Optimizers made in the same scope.
        cur_nimg: int64 variable, made in the same scope: real images shown so far.
        strategy: The `tf.distribute.Strategy`.
        loss: `LossOptions`. With an interval above 1 the optimizer must be made for it, see
            `make_optimizer`.
        schedule: `ScheduleOptions`, of which the batch size (over all replicas), the images of a
            round, the updates of D, the weight average and the latents count.
        mirror: Whether reals are mirrored left to right half of the time.
        seed: Seed of latents, noise and mirroring.
        label_rows: For each domain `[num_images, label_size]` labels of its data set, from which
            those of the G update are drawn; None when unconditional.
        noise_mode: Noise of the generator in training.
        augmentations: For each domain the `Augmentation` of all images that D sees, made in the
            scope of `strategy`; or None. It may be the same one.
        fade: The `Stage` in which the networks and the reals are faded, or None.
        coupling: `Coupling` of two domains, or None.
        loss_scales: `LossScales` of networks that compute in float16, or None.
        path_means: `PathLengthMean` of each domain; None without path length regularisation.
        xla: Whether XLA compiles the gradients. Numbers are drawn and variables change outside:
            the results are the same up to rounding.

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
        label_rows=(None,),
        noise_mode="random",
        augmentations=(None,),
        fade=None,
        coupling=None,
        loss_scales=None,
        path_means=None,
        xla=False,
    ):
        self.nets = nets
        self.G_opt = G_opt
        self.D_opt = D_opt
        self.cur_nimg = cur_nimg
        self.strategy = strategy
        self.batch_size = schedule.batch_size
        self.same_z = schedule.same_z
        self.schedule = schedule
        self.D_steps_per_G_step = schedule.D_steps_per_G_step
        self.fade = fade
        self.coupling = coupling
        self.updates = Updates(nets, {"G": G_opt, "D": D_opt}, strategy, loss_scales)
        self.xla = xla
        self.rounds = Rounds(
            self.batch_size // strategy.num_replicas_in_sync,
            schedule.batch_per_device,
            nets.D.options.mbstd_group_size,
        )
        self.tracks_w_first = xla or self.rounds.count > 1
        loss.check()
        own_streams = OWN_STREAMS
        if not (coupling and coupling.same_augmentation):
            own_streams += VIEWS
        self.domains = [
            DomainLosses(
                networks,
                random=StepRandomness(
                    seed,
                    cur_nimg,
                    self.batch_size,
                    strategy.num_replicas_in_sync,
                    own_streams if suffix else (),
                ),
                cur_nimg=cur_nimg,
                batch_size=self.batch_size,
                loss=loss,
                mirror=mirror,
                label_rows=rows,
                noise_mode=noise_mode,
                augmentation=augmentation,
                fade=fade and (lambda images_ago: fade.alpha(cur_nimg - images_ago)),
                moves_w=not self.tracks_w_first,
                D_scale=self.updates.scale_of("D"),
                suffix=suffix,
            )
            for networks, rows, augmentation, suffix in zip(
                nets.domains,
                label_rows,
                augmentations,
                SUFFIXES[: len(nets.domains)],
                strict=True,
            )
        ]
        self.random = self.domains[0].random
        self.regularization = self.domains[0].regularization
        self.latents = Latents(self.domains, schedule.style_mixing_prob)
        self.paths = None
        if loss.path_length_weight:
            self.paths = PathLengths(
                nets,
                self.domains,
                path_means,
                self.latents,
                options=loss,
                rounds=self.rounds,
                num_replicas=strategy.num_replicas_in_sync,
                seed=seed,
                cur_nimg=cur_nimg,
                scale=self.updates.scale_of("G"),
            )

    @property
    def images_per_iteration(self):
        """Real images that one iteration consumes."""
        return self.batch_size * self.D_steps_per_G_step

    # Without AutoGraph, which rewrites the source of everything that is called below.
    @tf.function(autograph=False)
    def run(self, batches, num_iterations):
        """Runs several iterations without returning to Python.

        Args:
            batches: Iterator over distributed batches, see `reals.distributed_batches`.
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
            # What is drawn next waits for it. Generators that drew before D is done would hold
            # their activations beside those of D.
            with tf.control_dependencies(list(stats.values())):
                self.cur_nimg.assign_add(self.batch_size)
            sums = {name: sums.get(name, 0.0) + value for name, value in stats.items()}
        return {**sums, **self.update_G(batch)}

    def update_D(self, batch):
        """One discriminator update on a distributed batch: images and labels of each domain.

        With lazy regularization an update with the penalties follows when it is their turn.
        """
        if self.fade is not None:
            self._move_fade()
        gradients, stats = self.strategy.run(self._D_replica_step, args=(batch,))
        stats = self.updates.apply("D", gradients, stats)
        stats |= {**self._adapt_augmentation(stats), **self.updates.scale_stats("D", stats)}
        return add_stats(stats, self._regularize_D(batch)) if self.regularization.is_lazy else stats

    def _move_fade(self):
        """Sets `alpha` of G and D. G_ema takes it over with everything else that is not trained."""
        for network in (n for domain in self.nets.domains for n in (domain.G, domain.D)):
            self.strategy.extended.update(
                tensorflow_variable(network.alpha),
                lambda variable, value: variable.assign(value, read_value=False),
                args=(self.fade.alpha(self.cur_nimg),),
            )

    def _adapt_augmentation(self, stats):
        """Moves adaptive probabilities; returns the statistics of augmentation."""
        augmented = [domain for domain in self.domains if domain.augmentation is not None]
        signs = {}
        for domain in augmented:
            sign = stats[f"Loss/scores/real_sign{domain.suffix}"]
            signs.setdefault(id(domain.augmentation), (domain.augmentation, []))[1].append(sign)
        for augmentation, of_domains in signs.values():
            if augmentation.adaptive:
                mean = tf.add_n(of_domains) / float(len(of_domains))
                augmentation.adaptive.update(
                    mean, float(self.batch_size), stats["D_updates"], self.cur_nimg
                )
        # Statistics of skipped updates are 0.
        return {
            f"Loss/augment/probability{domain.suffix}": (
                domain.augmentation.probability_at(self.cur_nimg) * stats["D_updates"]
            )
            for domain in augmented
        }

    def update_average(self):
        """Moves the averaged generators towards the trained ones."""
        for domain in self.nets.domains:
            update_average(domain.G_ema, domain.G, self.ema_beta, self.strategy)

    @property
    def ema_beta(self):
        """What is left of the averages after an update at the present image."""
        now = values_at(self.schedule, self.cur_nimg)
        if self.schedule.ema_rampup:
            return ramped_ema_beta(self.batch_size, now.ema_kimg, now.ema_rampup, self.cur_nimg)
        return now.ema_decay if self.schedule.ema_decay else ema_beta(self.batch_size, now.ema_kimg)

    def update_G(self, batch):
        """One generator update after the discriminator update on `batch`."""
        gradients, stats = self.strategy.run(self._G_replica_step, args=(batch,))
        stats = self.updates.apply("G", gradients, stats)
        stats |= self.updates.scale_stats("G", stats)
        if self.paths is None:
            return stats
        if self.paths.is_lazy:
            stats = add_stats(stats, self._regularize_G())
        else:
            self.paths.move_means(stats, stats["G_updates"])
        return stats | self.paths.mean_stats(stats["G_updates"])

    def _regularize_D(self, batch):
        """Updates D on the penalties if it is their turn; returns what to add to the statistics."""

        def update():
            gradients, stats = self.strategy.run(self._penalty_replica_step, args=(batch,))
            return self.updates.apply("D", gradients, stats)

        index = self.cur_nimg // self.batch_size
        names = [name for domain in self.domains for name in domain.penalty_names()]
        return update_in_turn("D", index, self.regularization.interval, update, names)

    def _regularize_G(self):
        """The same for G and its path lengths."""

        def update():
            gradients, stats = self.strategy.run(self._path_replica_step)
            stats = self.updates.apply("G", gradients, stats)
            self.paths.move_means(stats, stats["G_updates"])
            return stats

        # The D updates of the iteration have moved `cur_nimg`.
        index = self.cur_nimg // self.images_per_iteration - 1
        return update_in_turn("G", index, self.paths.interval, update, self.paths.penalty_names())

    def replica_updates(self):
        """The kinds of update by name: functions that return the gradients of one replica."""
        updates = {"D": self._D_replica_step, "G": self._G_replica_step}
        if self.regularization.is_lazy:
            updates["D by penalties"] = self._penalty_replica_step
        if self.paths is not None and self.paths.is_lazy:
            updates["G by path lengths"] = lambda batch: self._path_replica_step()
        return updates

    def _D_replica_step(self, batch):
        if self.tracks_w_first:
            z, _ = self.latents.draw(self.random, Stream.D_LATENTS)
            self._track_w(z, [domain.labels_of(own) for domain, own in self._with(batch)])
        return self._in_rounds(
            lambda: self._of_domains(batch, lambda domain, *inputs: domain.D_gradients(*inputs))
        )

    def _penalty_replica_step(self, batch):
        return self._in_rounds(
            lambda: self._of_domains(
                batch, lambda domain, *inputs: domain.penalty_gradients(*inputs)
            )
        )

    def _path_replica_step(self):
        gradients, stats = self._add_up(
            self.paths.rounds, self.paths.gradients, [self.paths.random]
        )
        return self._shared("G", gradients), stats

    def _in_rounds(self, compute):
        return self._add_up(self.rounds, compute, [domain.random for domain in self.domains])

    def _add_up(self, rounds, compute, randoms):
        return rounds.add_up(compiled(compute, randoms) if self.xla else compute, randoms)

    def _track_w(self, z, labels):
        """Moves the running means of w by all latents of an update, before its rounds."""
        for domain, own in zip(self.domains, labels, strict=True):
            domain.networks.G.track_w(z, own)

    def _with(self, batch):
        return zip(self.domains, batch, strict=True)

    def _of_domains(self, batch, compute):
        """Gradients of all discriminators, and their statistics, from what `compute` returns."""
        z, mixing = self.latents.draw(self.random, Stream.D_LATENTS)
        noise_seed = self.random.noise_seed(Stream.D_LATENTS)
        gradients, stats = [], {}
        for domain, own in self._with(batch):
            some, of_domain = compute(domain, *domain.reals_of(own), z, noise_seed, mixing)
            gradients += some
            stats |= of_domain
        return self._shared("D", gradients), stats

    def _G_replica_step(self, batch):
        if self.tracks_w_first:
            z, _ = self._G_latents()
            self._track_w(z, self._G_labels(batch))
        gradients, stats = self._in_rounds(lambda: self._G_round(batch))
        if self.paths is not None and not self.paths.is_lazy:
            of_paths, path_stats = self._path_replica_step()
            gradients = [a + b for a, b in zip(gradients, of_paths, strict=True)]
            stats |= path_stats
        return gradients, stats

    def _G_latents(self):
        # The D update before this one moved `cur_nimg`.
        if self.same_z:
            return self.latents.draw(self.random, Stream.D_LATENTS, images_ago=self.batch_size)
        return self.latents.draw(self.random, Stream.G_LATENTS)

    def _G_labels(self, batch):
        # A loss that compares samples in pairs compares those of one label.
        if self.domains[0].loss.pairs_samples:
            return [domain.labels_of(own) for domain, own in self._with(batch)]
        return self.latents.labels(self.random, Stream.LABELS)

    def _G_round(self, batch):
        z, mixing = self._G_latents()
        reals = [None] * len(self.domains)
        needs_reals = self.coupling is not None and self.coupling.needs_reals
        if needs_reals or self.domains[0].loss.G_needs_reals:
            reals = [
                domain.reals_of(own, images_ago=self.batch_size)
                for domain, own in self._with(batch)
            ]
        noise_seed = self.random.noise_seed(Stream.G_LATENTS)
        return self.G_gradients(z, self._G_labels(batch), noise_seed, reals, mixing)

    def G_gradients(self, z, labels=(None,), noise_seed=None, reals=(None,), mixing=None):
        """Gradients of the loss of all generators on one replica, multiplied by their scale.

        Args:
            z: `[n, z_dim]`.
            labels: For each domain `[n, label_size]` of the fakes, or None.
            noise_seed: Stateless seed `[2]` of the noise of the generators, or None.
            reals: For each domain `[n, r, r, C]`, pixels from 0 to 255, and their labels (or None);
                for losses and couplings that need them.
            mixing: What is mixed into z, see `Generator`, or None.

        Returns:
            Tuple of the list of gradients, see `Networks.trainable`, and a dictionary of sums over
            the local batch, divided by the global batch size.
        """
        with tf.GradientTape() as tape:
            drawn = [
                domain.draw(z, own, noise_seed, mixing)
                for domain, own in zip(self.domains, labels, strict=True)
            ]
            stats = {
                f"Loss/G/loss{domain.suffix}": domain.G_loss(fakes, *of_domain)
                for domain, (fakes, _), *of_domain in zip(
                    self.domains, drawn, labels, reals, strict=True
                )
            }
            loss = tf.add_n(list(stats.values()))
            if self.coupling:
                batch = self._coupled_batch(z, drawn, reals)
                for name, (weight, values) in self.coupling.terms(batch).items():
                    stats[f"Loss/coupling/{name}"] = self._mean(values)
                    loss += weight * stats[f"Loss/coupling/{name}"]
        gradients = gradients_of(tape, loss, self.nets.trainable("G"), self.updates.scale_of("G"))
        return self._shared("G", gradients), stats

    def _coupled_batch(self, z, drawn, reals):
        images, features = zip(*drawn, strict=True)
        pyramids = None
        if self.coupling.needs_reals:
            pyramids = [
                domain.pyramid(images_to_float(pixels))
                for domain, (pixels, _) in zip(self.domains, reals, strict=True)
            ]
        generators = [domain.networks.G for domain in self.domains]
        return CoupledBatch(z, images, features, pyramids, generators)

    def _shared(self, name, gradients):
        return self.coupling.share(name, gradients) if self.coupling else gradients

    def _mean(self, per_sample):
        return tf.reduce_sum(per_sample) / float(self.batch_size)

    def _stat_names(self):
        names = [name for domain in self.domains for name in domain.stat_names()]
        if self.coupling:
            names += [f"Loss/coupling/{name}" for name in self.coupling.names]
        if self.paths is not None:
            names += self.paths.stat_names()
        for name, owner in (("D", self.regularization), ("G", self.paths)):
            if owner is not None and owner.is_lazy:
                names += count_names(name)
        return names + self.updates.stat_names()
