"""Training by progressive growing: one stage after the other, each with the loop of `loop.py`."""

import contextlib
import dataclasses
import functools

import tensorflow as tf
from tensorflow import keras
from tqdm import tqdm

from msg_stylegan.data.batches import training_batches
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.networks import build_networks
from msg_stylegan.training import loop
from msg_stylegan.training.architecture import describe_networks, network_options
from msg_stylegan.training.checkpoint import TrainingCheckpoint
from msg_stylegan.training.growing import GrowingSchedule
from msg_stylegan.training.growing_step import GrowingStep, fade_reals
from msg_stylegan.training.interruption import StopRequest
from msg_stylegan.training.progress import Progress
from msg_stylegan.training.run_log import say
from msg_stylegan.training.run_output import RunOutput
from msg_stylegan.training.tick import Tick


class Growth(tf.Module):
    """What a growing run remembers beside the number of images. Create it in the strategy's scope.

    Attributes:
        resolution: int64 variable, the resolution for which the optimizers were started.
    """

    def __init__(self, resolution):
        super().__init__(name="growth")
        self.resolution = tf.Variable(
            resolution,
            dtype=tf.int64,
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )


class GrowingTraining:
    """A run that grows, from its newest checkpoint if there is any.

    Args:
        config: All options.
        run_dir: Existing run directory.
        dataset: `TFRecordDataset` of the full resolution.
        strategy: The `tf.distribute.Strategy`.
    """

    def __init__(self, config, run_dir, dataset, strategy):
        self.config = config
        self.growing = GrowingSchedule(
            dataset.resolution,
            batch_size=config.schedule.batch_size,
            **dataclasses.asdict(config.growing),
        )
        self.run_dir = run_dir
        self.dataset = dataset
        self.strategy = strategy
        with strategy.scope():
            keras.utils.set_random_seed(config.seed)
            self.nets = build_networks(*network_options(config, dataset))
            self.G_opt, self.D_opt = loop.make_optimizers(config, self.nets)
            self.progress = Progress()
            self.growth = Growth(self.growing.stages[0].resolution)
            self.augmentation = loop.make_augmentation(config.augment)
        self.checkpoint = TrainingCheckpoint(
            run_dir,
            config.schedule.keep_checkpoints,
            nets=self.nets,
            G_opt=self.G_opt,
            D_opt=self.D_opt,
            progress=self.progress,
            growth=self.growth,
            **loop.saved_with(self.augmentation),
        )
        self.is_resumed = self.checkpoint.restore_latest()

    def enter(self, stage):
        """Moves networks and optimizers to a stage; to one they are in already, changes nothing."""
        if int(self.growth.resolution.numpy()) != stage.resolution:
            # The statistics of the level below say nothing about the new one, and Adam's bias
            # correction holds for all weights alike. ProGAN does the same.
            for optimizer in (self.G_opt, self.D_opt):
                reset_optimizer(optimizer)
            self.growth.resolution.assign(stage.resolution)
        for network in self.nets.members.values():
            network.grow_to(stage.resolution, stage.is_fading)
            network.alpha.assign(stage.alpha(self.progress.nimg))

    def step(self, stage):
        """The compiled iteration of a stage."""
        make = functools.partial(GrowingStep, stage)
        return loop.make_step(
            self.config,
            self.nets,
            self.G_opt,
            self.D_opt,
            self.progress,
            self.strategy,
            self.dataset,
            stage.batch_size,
            augmentation=self.augmentation,
            make=make,
        )

    def batches(self, stage):
        """Iterator over the real images of a stage, from the next one on."""
        dataset, start = self.dataset, self.progress.nimg
        if stage.resolution != dataset.resolution:
            dataset = TFRecordDataset(dataset.path, stage.resolution, dataset.label_size)

        def make_dataset(context):
            batches = training_batches(
                dataset,
                batch_size=stage.batch_size,
                seed=self.config.seed,
                start=start,
                input_context=context,
            )
            replicas = context.num_replicas_in_sync // context.num_input_pipelines
            return fade_reals(batches, stage, start, replicas)

        return iter(self.strategy.distribute_datasets_from_function(make_dataset))

    def output(self, stage, info, evaluate):
        """What writes pictures and snapshots in a stage."""
        is_full = stage.resolution == self.dataset.resolution
        # A score of a lower resolution could not be compared with any other.
        evaluate = evaluate if is_full and not stage.is_fading else None
        return RunOutput(
            self.config, self.run_dir, self.dataset, self.nets, self.progress, info, evaluate
        )


def train(config, run_dir, dataset, strategy, *, info, evaluate=None):
    """Trains as `loop.train` does, growing the networks.

    Args:
        config: All options. `config.growing` decides the batch sizes.
        run_dir: See `loop.train`.
        dataset: `TFRecordDataset` of the full resolution.
        strategy: See `loop.train`.
        info: See `loop.train`.
        evaluate: See `loop.train`; called from the end of the last fade on.

    Returns:
        Why training stopped early, or None if it is finished.

    Raises:
        FloatingPointError: Gradients stay non-finite.
        ValueError: The newest checkpoint does not fit the options.
    """
    say("Making the networks ...")
    training = GrowingTraining(config, run_dir, dataset, strategy)
    say(describe_networks(training.nets))
    total_kimg = config.schedule.total_kimg
    nimg = training.progress.nimg
    if training.is_resumed and nimg >= round(total_kimg * 1000):
        say(f"Nothing to do: {nimg / 1000:g} of {total_kimg:g} kimg are trained.")
        return None
    say(f"Training to {total_kimg:g} kimg on {strategy.num_replicas_in_sync} device(s).")
    stop_reason = None
    with StopRequest(run_dir).listening() as stop_request, _progress_bar(nimg, total_kimg) as bar:
        while nimg < round(total_kimg * 1000) and not stop_reason:
            stage = training.growing.stage_at(nimg)
            tick, stop_reason = _train_stage(
                training, stage, info, evaluate, stop_request, bar.update
            )
            nimg = tick.nimg
    loop.say_how_it_ended(stop_reason, tick)
    return stop_reason


def _train_stage(training, stage, info, evaluate, stop_request, on_images):
    """Trains to the end of a stage; returns its `Tick` and why training stopped early, or None."""
    config, nimg = training.config, training.progress.nimg
    training.enter(stage)
    end_kimg = config.schedule.total_kimg
    if stage is not training.growing.stages[-1]:
        end_kimg = min(end_kimg, stage.end / 1000.0)
    say(f"{stage.name}, to {end_kimg:g} kimg in batches of {stage.batch_size}. Compiling ...")
    step = training.step(stage)
    tick = Tick(nimg, config.schedule.tick_kimg, end_kimg, step.images_per_iteration)
    with contextlib.closing(training.output(stage, info, evaluate)) as output:
        if not (training.is_resumed or nimg):
            output.write_reals()
        stop_reason = loop.run_ticks(
            config,
            step,
            tick,
            training.batches(stage),
            output,
            training.checkpoint,
            stop_request,
            on_images,
        )
    return tick, stop_reason


def reset_optimizer(optimizer):
    """Sets the number of updates and all running means of an optimizer to zero."""
    variables = optimizer.variables
    for variable in variables() if callable(variables) else variables:
        if "learning_rate" not in variable.name:
            variable.assign(tf.zeros(variable.shape, variable.dtype))


def _progress_bar(nimg, total_kimg):
    return tqdm(
        total=round(total_kimg * 1000),
        initial=nimg,
        unit="img",
        unit_scale=True,
        disable=None,
        dynamic_ncols=True,
    )
