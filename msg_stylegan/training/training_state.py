"""What a run trains: networks, optimizers, counters, and the checkpoint that holds them."""

import numpy as np
from tensorflow import keras

from msg_stylegan.augmentation import AdaptiveProbability, Augmentation
from msg_stylegan.networks import build_networks
from msg_stylegan.training.architecture import network_options
from msg_stylegan.training.checkpoint import TrainingCheckpoint
from msg_stylegan.training.optimizers import make_optimizer
from msg_stylegan.training.progress import Progress
from msg_stylegan.training.step import TrainStep


class TrainingState:
    """All that changes while a run trains, from its newest checkpoint if there is any.

    Args:
        config: All options, see `config.py`.
        run_dir: Existing run directory.
        dataset: `TFRecordDataset` to train on.
        strategy: The `tf.distribute.Strategy` to train with.
        further: Dictionary of name -> `tf.Module`: what the checkpoint holds besides. Make it in
            the scope of the strategy.

    Attributes:
        nets: `Networks`.
        G_opt, D_opt: Their optimizers.
        progress: `Progress`.
        augmentation: `Augmentation`, or None.
        checkpoint: `TrainingCheckpoint` of all these.
        is_resumed: Whether there was a checkpoint.

    Raises:
        ValueError: The newest checkpoint does not fit the options.
    """

    def __init__(self, config, run_dir, dataset, strategy, further=None):
        self._config = config
        self._dataset = dataset
        self._strategy = strategy
        with strategy.scope():
            keras.utils.set_random_seed(config.seed)
            self.nets = build_networks(*network_options(config, dataset))
            self.G_opt, self.D_opt = make_optimizers(config, self.nets)
            self.progress = Progress()
            self.augmentation = make_augmentation(config.augment)
        further = dict(further or {})
        if self.augmentation is not None:
            further["augmentation"] = self.augmentation
        self.checkpoint = TrainingCheckpoint(
            run_dir,
            config.schedule.keep_checkpoints,
            nets=self.nets,
            G_opt=self.G_opt,
            D_opt=self.D_opt,
            progress=self.progress,
            **further,
        )
        self.is_resumed = self.checkpoint.restore_latest()

    @property
    def is_finished(self):
        """Whether the run was trained to its end before."""
        total = round(self._config.schedule.total_kimg * 1000)
        return self.is_resumed and self.progress.nimg >= total

    def make_step(self, batch_size, make=TrainStep):
        """Returns `make`, a `TrainStep` or one like it, with the options of the run.

        Args:
            batch_size: Images per update, over all replicas.
            make: What to call.
        """
        loss, schedule = self._config.loss, self._config.schedule
        return make(
            self.nets,
            self.G_opt,
            self.D_opt,
            self.progress.cur_nimg,
            strategy=self._strategy,
            batch_size=batch_size,
            loss=loss.name,
            r1_gamma=loss.r1_gamma,
            r2_gamma=loss.r2_gamma,
            gp_lambda=loss.gp_lambda,
            gp_target=loss.gp_target,
            drift_epsilon=loss.drift_epsilon,
            interval=loss.interval,
            label_noise=loss.label_noise,
            same_z=schedule.same_z,
            ema_kimg=schedule.ema_kimg,
            ema_decay=schedule.ema_decay,
            D_steps_per_G_step=schedule.D_steps_per_G_step,
            mirror=self._config.dataset.mirror,
            seed=self._config.seed,
            label_rows=all_labels(self._dataset),
            augmentation=self.augmentation,
        )


def make_optimizers(config, nets):
    """Returns the optimizers of G and D; call it in the scope of the strategy."""
    options = config.optimizer
    D_updates_per_kimg = 1000.0 / config.schedule.batch_size
    rampup_steps = options.rampup_kimg * D_updates_per_kimg
    G_opt = make_optimizer(
        options,
        options.G_learning_rate,
        rampup_steps / config.schedule.D_steps_per_G_step,
        nets.G.trainable_variables,
    )
    D_opt = make_optimizer(
        options,
        options.D_learning_rate,
        rampup_steps,
        nets.D.trainable_variables,
        lazy_interval=config.loss.interval,
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
