"""The training loop: what happens when, from the first image to the last."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tqdm import tqdm

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
    say(describe_networks(nets))
    step = TrainStep(
        nets,
        G_opt,
        D_opt,
        progress.cur_nimg,
        strategy=strategy,
        batch_size=schedule.batch_size,
        r1_gamma=config.loss.r1_gamma,
        ema_kimg=schedule.ema_kimg,
        D_steps_per_G_step=schedule.D_steps_per_G_step,
        mirror=config.dataset.mirror,
        seed=config.seed,
        label_rows=all_labels(dataset),
    )

    checkpoint = TrainingCheckpoint(
        run_dir, schedule.keep_checkpoints, nets=nets, G_opt=G_opt, D_opt=D_opt, progress=progress
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
            if is_done or stop_reason:
                break

            # Several iterations of: D update with the weight average, then G update.
            count = min(config.hardware.steps_per_call, tick.iterations_left())
            tick.add(step.run(batches, tf.constant(count)), count)
            bar.update(count * step.images_per_iteration)
    output.close()

    if is_done:
        say(f"Finished at {tick.kimg:g} kimg.")
        return None
    say(f"Stopped by {stop_reason} at {tick.kimg:g} kimg. Everything is saved; use --resume.")
    return stop_reason


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
        options, options.D_learning_rate, rampup_steps, nets.D.trainable_variables
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
