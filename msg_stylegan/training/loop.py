"""The training loop: what happens when, from the first image to the last."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tqdm import tqdm

from msg_stylegan.augmentation import AdaptiveProbability, Augmentation
from msg_stylegan.data.batches import training_batches
from msg_stylegan.networks import build_networks
from msg_stylegan.training.architecture import describe_networks, network_options
from msg_stylegan.training.checkpoint import TrainingCheckpoint
from msg_stylegan.training.interruption import StopRequest
from msg_stylegan.training.optimizers import make_optimizer
from msg_stylegan.training.progress import Progress
from msg_stylegan.training.run_log import say
from msg_stylegan.training.run_output import RunOutput
from msg_stylegan.training.step import TrainStep
from msg_stylegan.training.tick import Tick


def train(config, run_dir, dataset, strategy, *, info, evaluate=None):
    """Trains until `config.schedule.total_kimg`, from the newest checkpoint of the run if any.

    Args:
        config: All options, see `config.py`.
        run_dir: Existing run directory.
        dataset: `TFRecordDataset` to train on.
        strategy: The `tf.distribute.Strategy` to train with.
        info: Dictionary that snapshots carry.
        evaluate: None, or a function of `(nets, snapshot path, kimg, TensorBoard writer)` that
            scores a snapshot; returns `(metric, value)` if it is the best one so far, else None.

    Returns:
        Why training stopped early, or None if it is finished.

    Raises:
        FloatingPointError: Gradients stay non-finite.
        ValueError: The newest checkpoint does not fit the options.
    """
    schedule = config.schedule

    say("Making the networks ...")
    with strategy.scope():
        keras.utils.set_random_seed(config.seed)
        nets = build_networks(*network_options(config, dataset))
        G_opt, D_opt = make_optimizers(config, nets)
        progress = Progress()
        augmentation = make_augmentation(config.augment)
    say(describe_networks(nets))
    step = make_step(
        config,
        nets,
        G_opt,
        D_opt,
        progress,
        strategy,
        dataset,
        schedule.batch_size,
        augmentation=augmentation,
    )

    checkpoint = TrainingCheckpoint(
        run_dir,
        schedule.keep_checkpoints,
        nets=nets,
        G_opt=G_opt,
        D_opt=D_opt,
        progress=progress,
        **saved_with(augmentation),
    )
    is_resumed = checkpoint.restore_latest()
    tick = Tick(progress.nimg, schedule.tick_kimg, schedule.total_kimg, step.images_per_iteration)
    if is_resumed and tick.is_training_done:
        say(f"Nothing to do: {tick.kimg:g} of {schedule.total_kimg:g} kimg are trained.")
        return None
    output = RunOutput(config, run_dir, dataset, nets, progress, info, evaluate)
    if not is_resumed:
        output.write_reals()
    batches = distributed_batches(dataset, strategy, schedule.batch_size, config.seed, tick.nimg)

    say(
        f"Training from {tick.kimg:g} to {schedule.total_kimg:g} kimg on "
        f"{strategy.num_replicas_in_sync} device(s). The first step is compiled, which takes from "
        "half a minute at low to several minutes at high resolutions."
    )
    with StopRequest(run_dir).listening() as stop_request, progress_bar(tick, schedule) as bar:
        stop_reason = run_ticks(
            config, step, tick, batches, output, checkpoint, stop_request, bar.update
        )
    output.close()
    say_how_it_ended(stop_reason, tick)
    return stop_reason


def run_ticks(config, step, tick, batches, output, checkpoint, stop_request, on_images):
    """Trains until the end of `tick`'s training, or until asked to stop.

    Args:
        config: All options.
        step: `TrainStep`.
        tick: `Tick`, which knows where training starts and ends.
        batches: Iterator over distributed batches.
        output: `RunOutput`.
        checkpoint: `TrainingCheckpoint`.
        stop_request: `StopRequest` that is listening.
        on_images: Called with the number of images of every call of `step`.

    Returns:
        Why training stopped early, or None if it came to its end.
    """
    schedule = config.schedule
    while True:
        stop_reason = stop_request.reason()
        is_done = tick.is_training_done

        # Maintenance comes first: pictures and a snapshot exist before the first step.
        if tick.is_over or is_done or stop_reason:
            output.write_stats(tick)
            if tick.is_due(schedule.image_snapshot_ticks):
                output.write_images(tick)
            # An interruption saves everything, but does not wait for the metrics.
            if tick.is_due(schedule.network_snapshot_ticks) or stop_reason:
                output.write_networks(tick, evaluate=not stop_reason)
            if tick.is_due(schedule.checkpoint_ticks) or stop_reason:
                checkpoint.save(tick.nimg)
            tick.start()
        if is_done:
            return None
        if stop_reason:
            return stop_reason

        # Several iterations of: D update with the weight average, then G update.
        count = min(config.hardware.steps_per_call, tick.iterations_left())
        tick.add(step.run(batches, tf.constant(count)), count)
        on_images(count * step.images_per_iteration)


def say_how_it_ended(stop_reason, tick):
    """Tells whether training is finished or was stopped, and where."""
    if stop_reason:
        say(f"Stopped by {stop_reason} at {tick.kimg:g} kimg. Everything is saved; use --resume.")
    else:
        say(f"Finished at {tick.kimg:g} kimg.")


def make_step(
    config,
    nets,
    G_opt,
    D_opt,
    progress,
    strategy,
    dataset,
    batch_size,
    *,
    augmentation=None,
    make=TrainStep,
):
    """Returns `make`, a `TrainStep` or one like it, with the options of a run.

    Args:
        config: All options.
        nets: `Networks`.
        G_opt: Optimizer of G.
        D_opt: Optimizer of D.
        progress: `Progress` of the run.
        strategy: The `tf.distribute.Strategy`.
        dataset: Where the labels are drawn from.
        batch_size: Images per update, over all replicas.
        augmentation: See `make_augmentation`.
        make: What to call.
    """
    return make(
        nets,
        G_opt,
        D_opt,
        progress.cur_nimg,
        strategy=strategy,
        batch_size=batch_size,
        loss=config.loss.name,
        r1_gamma=config.loss.r1_gamma,
        r2_gamma=config.loss.r2_gamma,
        gp_lambda=config.loss.gp_lambda,
        gp_target=config.loss.gp_target,
        drift_epsilon=config.loss.drift_epsilon,
        interval=config.loss.interval,
        label_noise=config.loss.label_noise,
        same_z=config.schedule.same_z,
        ema_kimg=config.schedule.ema_kimg,
        ema_decay=config.schedule.ema_decay,
        D_steps_per_G_step=config.schedule.D_steps_per_G_step,
        mirror=config.dataset.mirror,
        seed=config.seed,
        label_rows=all_labels(dataset),
        augmentation=augmentation,
    )


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


def saved_with(augmentation):
    """What a checkpoint holds of augmentation: nothing without it, as before there was any."""
    return {} if augmentation is None else {"augmentation": augmentation}


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


def all_labels(dataset):
    """Labels of the whole data set, `[num_images, label_size]`; None when there are none."""
    if not dataset.label_size:
        return None
    return dataset.read_labels(np.arange(dataset.num_images))


def distributed_batches(dataset, strategy, batch_size, seed, start):
    """Iterator over the training batches from image `start` on, shared out to the replicas."""

    def make_dataset(input_context):
        return training_batches(
            dataset, batch_size=batch_size, seed=seed, start=start, input_context=input_context
        )

    return iter(strategy.distribute_datasets_from_function(make_dataset))


def progress_bar(tick, schedule):
    """Progress bar of the whole training; silent when the output is not a terminal."""
    return tqdm(
        total=round(schedule.total_kimg * 1000),
        initial=tick.nimg,
        unit="img",
        unit_scale=True,
        disable=None,
        dynamic_ncols=True,
    )
