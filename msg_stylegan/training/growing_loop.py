"""Training by progressive growing: one stage after the other, each with the loop of `loop.py`."""

import contextlib
import dataclasses
import functools

import tensorflow as tf

from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.training import loop
from msg_stylegan.training.architecture import describe_networks
from msg_stylegan.training.growing import GrowingSchedule
from msg_stylegan.training.growing_step import GrowingStep, fade_reals
from msg_stylegan.training.interruption import StopRequest
from msg_stylegan.training.optimizers import reset_optimizer
from msg_stylegan.training.run_log import say
from msg_stylegan.training.run_output import RunOutput
from msg_stylegan.training.tick import Tick
from msg_stylegan.training.training_state import TrainingState


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

    Attributes:
        state: `TrainingState`.
        schedule: `GrowingSchedule`.
    """

    def __init__(self, config, run_dir, dataset, strategy):
        self.config = config
        self.schedule = GrowingSchedule(
            dataset.resolution,
            batch_size=config.schedule.batch_size,
            **dataclasses.asdict(config.growing),
        )
        self.run_dir = run_dir
        self.dataset = dataset
        self.strategy = strategy
        with strategy.scope():
            self._growth = Growth(self.schedule.stages[0].resolution)
        self.state = TrainingState(
            config, run_dir, dataset, strategy, further={"growth": self._growth}
        )

    def enter(self, stage):
        """Moves networks and optimizers to a stage; to one they are in already, changes nothing."""
        state = self.state
        if int(self._growth.resolution.numpy()) != stage.resolution:
            # The statistics of the level below say nothing about the new one, and Adam's bias
            # correction holds for all weights alike. ProGAN does the same.
            for optimizer in (state.G_opt, state.D_opt):
                reset_optimizer(optimizer)
            self._growth.resolution.assign(stage.resolution)
        for network in state.nets.members.values():
            network.grow_to(stage.resolution, stage.is_fading)
            network.alpha.assign(stage.alpha(state.progress.nimg))

    def batches(self, stage):
        """Iterator over the real images of a stage, from the next one on."""
        dataset, start = self.dataset, self.state.progress.nimg
        if stage.resolution != dataset.resolution:
            dataset = TFRecordDataset(dataset.path, stage.resolution, dataset.label_size)
        return loop.distributed_batches(
            dataset,
            self.strategy,
            stage.batch_size,
            self.config.seed,
            start,
            change=lambda batches, parts: fade_reals(batches, stage, start, parts),
        )

    def output(self, stage, info, evaluate):
        """What writes pictures and snapshots in a stage."""
        is_full = stage.resolution == self.dataset.resolution
        # A score of a lower resolution could not be compared with any other.
        evaluate = evaluate if is_full and not stage.is_fading else None
        nets, progress = self.state.nets, self.state.progress
        return RunOutput(self.config, self.run_dir, self.dataset, nets, progress, info, evaluate)


def train(config, run_dir, dataset, strategy, *, info, evaluate=None, begin=None):
    """Trains as `loop.train` does, growing the networks.

    Args:
        config: All options. `config.growing` decides the batch sizes.
        run_dir: See `loop.train`.
        dataset: `TFRecordDataset` of the full resolution.
        strategy: See `loop.train`.
        info: See `loop.train`.
        evaluate: See `loop.train`; called from the end of the last fade on.
        begin: See `loop.train`.

    Returns:
        Why training stopped early, or None if it is finished.

    Raises:
        FloatingPointError: Gradients stay non-finite.
        ValueError: The newest checkpoint does not fit the options.
    """
    with StopRequest(run_dir).listening() as stop_request:
        return _train(config, run_dir, dataset, strategy, info, evaluate, begin, stop_request)


def _train(config, run_dir, dataset, strategy, info, evaluate, begin, stop_request):
    say("Making the networks ...")
    training = GrowingTraining(config, run_dir, dataset, strategy)
    state = training.state
    say(describe_networks(state.nets))
    nimg, total_kimg = state.progress.nimg, config.schedule.total_kimg
    if state.is_finished:
        say(f"Nothing to do: {nimg / 1000:g} of {total_kimg:g} kimg are trained.")
        return None
    if begin:
        begin(nimg)
    say(f"Training to {total_kimg:g} kimg on {strategy.num_replicas_in_sync} device(s).")
    stop_reason = None
    with loop.progress_bar(nimg, config.schedule) as bar:
        while nimg < round(total_kimg * 1000) and not stop_reason:
            stage = training.schedule.stage_at(nimg)
            tick, stop_reason = _train_stage(
                training, stage, info, evaluate, stop_request, bar.update
            )
            nimg = tick.nimg
    loop.say_how_it_ended(stop_reason, tick)
    return stop_reason


def _train_stage(training, stage, info, evaluate, stop_request, on_images):
    """Trains to the end of a stage; returns its `Tick` and why training stopped early, or None."""
    config, state = training.config, training.state
    nimg = state.progress.nimg
    training.enter(stage)
    end_kimg = config.schedule.total_kimg
    if stage is not training.schedule.stages[-1]:
        end_kimg = min(end_kimg, stage.end / 1000.0)
    say(f"{stage.name}, to {end_kimg:g} kimg in batches of {stage.batch_size}. Compiling ...")
    step = state.make_step(stage.batch_size, make=functools.partial(GrowingStep, stage))
    tick = Tick(nimg, config.schedule.tick_kimg, end_kimg, step.images_per_iteration)
    with contextlib.closing(training.output(stage, info, evaluate)) as output:
        if not (state.is_resumed or nimg):
            output.write_reals()
        stop_reason = loop.run_ticks(
            config,
            step,
            tick,
            training.batches(stage),
            output,
            state.checkpoint,
            stop_request,
            on_images,
        )
    return tick, stop_reason
