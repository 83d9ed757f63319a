"""What a run trains: networks, optimizers, counters, and the checkpoint that holds them."""

import contextlib
import dataclasses

import numpy as np
from tensorflow import keras

from msg_stylegan.augmentation.adaptive import AdaptiveProbability
from msg_stylegan.augmentation.pipeline import Augmentation
from msg_stylegan.coupling.coupling import Coupling
from msg_stylegan.coupling.sharing import share_weights, start_equal
from msg_stylegan.domains import SUFFIXES
from msg_stylegan.training.architecture import make_networks
from msg_stylegan.training.checkpoint import TrainingCheckpoint, has_checkpoint
from msg_stylegan.training.loss_scale import LossScales
from msg_stylegan.training.optimizers import (
    make_optimizer,
    number_of_updates,
    ramp_up_of,
    reset_optimizer,
)
from msg_stylegan.training.path_lengths import PathLengthMean
from msg_stylegan.training.progress import Growth, Progress
from msg_stylegan.training.reals import distributed_batches
from msg_stylegan.training.stages import stage_at, stages_of
from msg_stylegan.training.step import TrainStep
from msg_stylegan.training.stored_weights import StoredWeights, complete_weights
from msg_stylegan.transfer.freezing import freeze
from msg_stylegan.workers.group import ALONE

# How the name of `LinearRampUp.clock` in a checkpoint ends.
CLOCK_KEY = "learning_rate/clock/.ATTRIBUTES/VARIABLE_VALUE"
# How the names of its layers begin where an older checkpoint holds the average.
_AVERAGE = ("nets/G_ema/mapping/", "nets/G_ema/synthesis/")


class TrainingState:
    """All that changes while a run trains, from its newest checkpoint if there is any.

    Args:
        config: `Config` with all options.
        run_dir: Existing run directory.
        datasets: `TFRecordDataset` of each domain.
        strategy: The `tf.distribute.Strategy` to train with.
        judges: Fixed networks that couple two domains, see `Coupling`.
        open_origin: Function that returns the `Origin` of `config.transfer.init_from`. It is called
            where there is no checkpoint.
        workers: `Workers`, all of which make this object.

    Attributes:
        nets: `Networks`.
        G_opt, D_opt: Their optimizers.
        progress: `Progress`.
        loss_scales: `LossScales`, or None where nothing computes in float16.
        path_means: `PathLengthMean` of each domain; empty where nothing needs them.
        augmentations: `Augmentation` of each domain, or None; it may be the same one.
        checkpoint: `TrainingCheckpoint` of all these.
        is_resumed: Whether there was a checkpoint.
        origin: `Origin` of the initial weights; None for random ones, and where there was a
            checkpoint.
        taken: What `origin.give_to` returned, or None.

    Raises:
        FileNotFoundError: The networks to start from are not there.
        ValueError: They cannot be used, or the newest checkpoint does not fit the options.
    """

    def __init__(
        self,
        config,
        run_dir,
        datasets,
        strategy,
        judges=None,
        open_origin=None,
        workers=ALONE,
    ):
        self._config = config
        self._datasets = datasets
        self._strategy = strategy
        self._stages = stages_of(config, datasets[0].resolution)
        self._label_rows = [all_labels(dataset) for dataset in datasets]
        self.origin = None
        if config.transfer.init_from and not has_checkpoint(run_dir):
            self.origin = open_origin()
            self.origin.check(config)
        with strategy.scope():
            keras.utils.set_random_seed(config.seed)
            self.nets = make_networks(config, datasets)
            self.taken = self.origin.give_to(self.nets) if self.origin else None
            freeze(self.nets, config.transfer, self.taken)
            self._coupling = None
            if self.nets.is_pair:
                # Trained pairs agree in other ways, or not yet.
                if config.coupling.same_start and not (self.origin and self.origin.is_pair):
                    start_equal(self.nets)
                places = share_weights(self.nets, config.coupling)
                self._coupling = Coupling(config.coupling, self.nets, places, judges or {})
            self.progress = Progress()
            self.G_opt, self.D_opt = make_optimizers(config, self.nets, self.progress.cur_nimg)
            # A run may go on in another precision, or with another penalty.
            keep = config.schedule.keep_checkpoints
            stored = TrainingCheckpoint(run_dir, keep, workers).variable_names()
            is_float16 = config.hardware.precision == "mixed_float16"
            wanted = {"loss_scales": (is_float16, LossScales)}
            for suffix in SUFFIXES[: len(datasets)]:
                has_penalty = bool(config.loss.path_length_weight)
                wanted[f"path_length{suffix}"] = (has_penalty, PathLengthMean)
            further = {
                name: make()
                for name, (is_wanted, make) in wanted.items()
                if is_wanted or _holds(stored, name)
            }
            self._absent = tuple(name for name in further if not _holds(stored, name))
            self.loss_scales = further["loss_scales"] if is_float16 else None
            self.path_means = [m for name, m in further.items() if name.startswith("path_length")]
            self.augmentations = [make_augmentation(config.augment) for _ in datasets]
            if self._coupling and self._coupling.same_augmentation:
                self.augmentations = self.augmentations[:1] * len(datasets)
            # The resolution for which the optimizers were started, where it can change.
            self._growth = Growth(self._stages[0].resolution) if len(self._stages) > 1 else None
        further |= {"augmentation": self.augmentations[0], "growth": self._growth}
        if self.augmentations[-1] is not self.augmentations[0]:
            further["augmentation_b"] = self.augmentations[-1]
        self.checkpoint = TrainingCheckpoint(
            run_dir,
            keep,
            workers,
            nets=self.nets,
            weights=StoredWeights(self.nets),
            G_opt=self.G_opt,
            D_opt=self.D_opt,
            progress=self.progress,
            **{name: module for name, module in further.items() if module is not None},
        )
        self.is_resumed = self._restore(run_dir, stored)
        # One of them may not see the newest checkpoint, or find it damaged.
        workers.check_same({"images of the newest checkpoint": self.progress.nimg})

    def _restore(self, run_dir, names):
        """Restores the newest checkpoint, which holds these names; returns whether there is one."""
        # Older versions left to the objects of the networks what is stored.
        is_old = bool(names) and not _holds(names, "weights")
        absent = ("weights", *self._absent) if is_old else self._absent
        is_resumed = self._restore_with_clocks(names, absent)
        holds_average = any(name.startswith(_AVERAGE) for name in names)
        if is_old and not holds_average:
            complete_weights(self.nets, run_dir, self.progress.nimg)
        return is_resumed

    def _restore_with_clocks(self, names, absent):
        ramp_ups = [ramp_up_of(optimizer) for optimizer in (self.G_opt, self.D_opt)]
        if any(name.endswith(CLOCK_KEY) for name in names):
            return self.checkpoint.restore_latest(absent)
        # Written by an older version, whose optimizers did not know of images; or there is none.
        with contextlib.ExitStack() as stack:
            for ramp_up in ramp_ups:
                stack.enter_context(ramp_up.hidden_clock())
            is_resumed = self.checkpoint.restore_latest(absent)
        for optimizer, ramp_up in zip((self.G_opt, self.D_opt), ramp_ups, strict=True):
            ramp_up.set_images(number_of_updates(optimizer), self.progress.nimg)
        return is_resumed

    @property
    def is_finished(self):
        """Whether the run is trained to its end."""
        return self.progress.nimg >= round(self._config.schedule.total_kimg * 1000)

    @property
    def stage(self):
        """The `Stage` of the next image."""
        return stage_at(self._stages, self.progress.nimg)

    def enter(self, stage):
        """Moves everything to a stage, unless it is there already; returns its `TrainStep`."""
        if self._growth is not None:
            self._grow_to(stage)
        schedule = dataclasses.replace(self._config.schedule, batch_size=stage.batch_size)
        for optimizer, updates_of_D in ((self.G_opt, schedule.D_steps_per_G_step), (self.D_opt, 1)):
            ramp_up_of(optimizer).set_images_per_update(
                number_of_updates(optimizer), stage.batch_size * updates_of_D
            )
        return TrainStep(
            self.nets,
            self.G_opt,
            self.D_opt,
            self.progress.cur_nimg,
            strategy=self._strategy,
            loss=self._config.loss,
            schedule=schedule,
            mirror=self._config.dataset.mirror,
            seed=self._config.seed,
            label_rows=self._label_rows,
            augmentations=self.augmentations,
            fade=stage if stage.is_fading else None,
            coupling=self._coupling,
            loss_scales=self.loss_scales,
            path_means=self.path_means,
            xla=self._config.hardware.xla,
        )

    def _grow_to(self, stage):
        if int(self._growth.resolution.numpy()) != stage.resolution:
            # The statistics of the level below say nothing about the new one, and Adam's bias
            # correction holds for all weights alike. ProGAN does the same.
            for optimizer in (self.G_opt, self.D_opt):
                reset_optimizer(optimizer)
            self._growth.resolution.assign(stage.resolution)
        for network in self.nets.members.values():
            network.grow_to(stage.resolution, stage.is_fading)
            network.alpha.assign(stage.alpha(self.progress.nimg))

    def batches(self, stage):
        """Iterator over the distributed real images of a stage, from the next one on."""
        datasets = [dataset.at_resolution(stage.resolution) for dataset in self._datasets]
        return distributed_batches(
            datasets, self._strategy, stage.batch_size, self._config.seed, self.progress.nimg
        )


def _holds(names, part):
    """Whether a checkpoint, by the names of its variables, has a part."""
    return any(name.startswith(f"{part}/") for name in names)


def make_optimizers(config, nets, cur_nimg):
    """Returns the optimizers of G and D; call it in the scope of the strategy."""
    options, batch_size = config.optimizer, config.schedule.batch_size
    rampup_images = options.rampup_kimg * 1000.0
    G_opt = make_optimizer(
        options,
        options.G_learning_rate,
        rampup_images,
        nets.trainable("G"),
        lazy_interval=config.loss.G_interval,
        images_per_update=batch_size * config.schedule.D_steps_per_G_step,
        cur_nimg=cur_nimg,
    )
    D_opt = make_optimizer(
        options,
        options.D_learning_rate,
        rampup_images,
        nets.trainable("D"),
        lazy_interval=config.loss.penalty_interval,
        images_per_update=batch_size,
        cur_nimg=cur_nimg,
    )
    return G_opt, D_opt


def make_augmentation(options):
    """Returns the `Augmentation`, or None; call it in the scope of the strategy."""
    if not options.groups:
        return None
    probability = options.probability
    if options.adaptive:
        probability = AdaptiveProbability(
            target=options.target,
            kimg=options.kimg,
            interval=options.interval,
            initial=options.probability,
        )
    return Augmentation(options.groups, probability)


def all_labels(dataset):
    """Labels of the whole data set, `[num_images, label_size]`; None when there are none."""
    if not dataset.label_size:
        return None
    return dataset.read_labels(np.arange(dataset.num_images))
