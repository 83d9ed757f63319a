"""The training loop: what happens when, from the first image to the last."""

import contextlib
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from msg_stylegan.files import write_json
from msg_stylegan.training.architecture import describe_networks
from msg_stylegan.training.interruption import StopRequest
from msg_stylegan.training.run_lock import run_lock
from msg_stylegan.training.run_log import say
from msg_stylegan.training.run_output import NoOutput, RunOutput
from msg_stylegan.training.tick import Tick
from msg_stylegan.training.training_state import TrainingState
from msg_stylegan.transfer.origin import ORIGIN_FILE, read_origin
from msg_stylegan.workers.group import ALONE


def train(
    config,
    run_dir,
    datasets,
    strategy,
    *,
    info,
    judges=None,
    open_origin=None,
    evaluate=None,
    begin=None,
    workers=ALONE,
):
    """Trains until `config.schedule.total_kimg`, from the newest checkpoint of the run if any.

    Args:
        config: `Config` with all options.
        run_dir: Existing run directory.
        datasets: `TFRecordDataset` of each domain, one or two, of the full resolution.
        strategy: The `tf.distribute.Strategy` to train with.
        info: Dictionary that snapshots carry.
        judges: Fixed networks that couple two domains, see `Coupling`.
        open_origin: Function that returns the `Origin` of `config.transfer.init_from`, if there is
            one. It is called at the start of a new run.
        evaluate: None, or a function of `(nets, snapshot path, kimg, TensorBoard writer, on_best)`
            that scores a snapshot, and calls `on_best(metric, value)` once it is the best one so
            far. A run that grows is scored after its last fade: scores of other resolutions could
            not be compared.
        begin: None, or a function of the number of images shown so far. It is called before
            anything is written, once nothing more can prevent the training.
        workers: `Workers`, all of which call this with the same arguments. `evaluate` and `begin`
            are called on the chief, which alone writes.

    Returns:
        Why training stopped early, or None if it is finished.

    Raises:
        BlockingIOError: Another process trains the run.
        FloatingPointError: Gradients stay non-finite.
        ValueError: The newest checkpoint does not fit the options.
        WorkerLostError: Another worker has ended.
    """
    total_kimg = config.schedule.total_kimg
    if num_images := config.dataset.num_images:
        datasets = [dataset.subset(num_images, config.seed) for dataset in datasets]
    with contextlib.ExitStack() as stack:
        workers.on_chief(lambda: stack.enter_context(run_lock(run_dir)))
        stop_request = stack.enter_context(StopRequest(run_dir, workers).listening())
        say("Making the networks ...")
        state = TrainingState(config, run_dir, datasets, strategy, judges, open_origin, workers)
        say(describe_networks(state.nets))
        nimg = state.progress.nimg
        if state.is_finished:
            say(f"Nothing to do: {nimg / 1000:g} of {total_kimg:g} kimg are trained.")
            return None
        output = NoOutput()
        if workers.is_chief:
            if begin:
                begin(nimg)
            output = _begin_output(config, run_dir, datasets, state, info, evaluate)
        if not state.is_resumed:
            output.write_reals()

        say(
            f"Training from {nimg / 1000:g} to {total_kimg:g} kimg on "
            f"{strategy.num_replicas_in_sync} device(s). The first step is compiled, which takes "
            "from half a minute at low to several minutes at high resolutions."
        )
        stop_reason = None
        with progress_bar(nimg, round(total_kimg * 1000), workers.is_chief) as bar:
            while not (stop_reason or state.is_finished):
                stop_reason = run_stage(config, state, output, stop_request, bar.update)
        output.close()
        kimg = state.progress.nimg / 1000
        if stop_reason:
            say(f"Stopped by {stop_reason} at {kimg:g} kimg. Everything is saved.")
        else:
            say(f"Finished at {kimg:g} kimg.")
        return stop_reason


def _begin_output(config, run_dir, datasets, state, info, evaluate):
    """Notes where the weights came from; returns the `RunOutput`."""
    if state.origin:
        say("\n".join([f"Weights of {state.origin.path}:", *state.origin.lines(state.taken)]))
        write_json(Path(run_dir) / ORIGIN_FILE, state.origin.facts(state.taken))
    if facts := read_origin(run_dir):
        info = {**info, "init_from": facts}
    return RunOutput(config, run_dir, datasets, state.nets, state.progress, info, evaluate)


def run_stage(config, state, output, stop_request, on_images):
    """Trains to the end of a stage or of the training, or until asked to stop.

    Args:
        config: All options.
        state: `TrainingState`.
        output: `RunOutput`.
        stop_request: `StopRequest` that is listening.
        on_images: Called with the number of images of every call of the step.

    Returns:
        Why training stopped early, or None if the stage came to its end.
    """
    schedule, stage = config.schedule, state.stage
    end_kimg = min(stage.end / 1000, schedule.total_kimg)
    if config.growing.start_resolution:
        say(f"{stage.name}, to {end_kimg:g} kimg in batches of {stage.batch_size}. Compiling ...")
    step = state.enter(stage)
    output.enter(stage)
    batches = state.batches(stage)
    tick = Tick(state.progress.nimg, schedule.tick_kimg, end_kimg, step.images_per_iteration)
    while True:
        stop_reason = stop_request.agreed_reason()
        is_done = tick.is_training_done
        is_due = tick.is_over or is_done or stop_reason

        # Maintenance comes first: pictures and a snapshot exist before the first step.
        if is_due:
            output.write_stats(tick)
            if tick.is_due(schedule.image_snapshot_ticks):
                output.write_images(tick)
            snapshot = None
            if tick.is_due(schedule.network_snapshot_ticks) or stop_reason:
                snapshot = output.write_networks(tick)
            if tick.is_due(schedule.checkpoint_ticks) or stop_reason:
                state.checkpoint.save(tick.nimg)
            # Last, because metrics take longest. An interruption does not wait for them.
            if snapshot:
                output.score_networks(snapshot, tick, stop_request)
            tick.start()
        if is_done:
            return None
        if stop_reason:
            return stop_reason
        if is_due and stop_request.agreed_reason():
            # It came while something was written; not everything may have been.
            continue

        # Several iterations of: D update with the weight average, then G update.
        count = min(config.hardware.steps_per_call, tick.iterations_left())
        tick.add(step.run(batches, tf.constant(count)), count)
        on_images(count * step.images_per_iteration)


def progress_bar(nimg, total, is_shown=True):
    """Progress bar of the whole training, from image `nimg` on; silent when not on a terminal."""
    return tqdm(
        total=total,
        initial=nimg,
        unit="img",
        unit_scale=True,
        disable=None if is_shown else True,
        dynamic_ncols=True,
    )
