"""Trains networks, or tells what would be trained."""

import contextlib
import re
import shlex
import shutil
import textwrap
from pathlib import Path

from msg_stylegan import options
from msg_stylegan.command_line import exit_status
from msg_stylegan.command_names import called
from msg_stylegan.commands.train_arguments import parse_command_line
from msg_stylegan.commands.train_report import option_notes, plan, summary
from msg_stylegan.commands.user_config import user_config
from msg_stylegan.domains import SUFFIXES
from msg_stylegan.files import WriteError
from msg_stylegan.options import Config
from msg_stylegan.options.flags import help_text as option_help
from msg_stylegan.presets import PRESETS, with_places

USAGE = """\
usage: {train} [--config=PRESET] [--config.OPTION=VALUE ...] [--dry_run]
       {train} --init_from=FILE [--config=PRESET] [--config.OPTION=VALUE ...] [--dry_run]
       {train} --resume=RUN [--config.OPTION=VALUE ...] [--new_data] [--dry_run]
       {train} --config.hardware.workers=HOST:PORT,HOST:PORT,... --worker=N ...

Trains MSG-StyleGAN. Every run gets a numbered folder in result_dir.

  --config=PRESET   Settings to start from, one of
                    {presets}.
                    bmsg:DEPTH,LATENT_SIZE is bmsg at another size, such as bmsg:7,256.
                    Without it: {preset}, or the settings of the run that --resume names.
  --config.OPTION=VALUE
                    Overrides one option; comes after --config=PRESET. Lists are written with
                    commas, --config.generator.blur_filter=1,2,1; an empty list is "none".
  --init_from=FILE  Starts from trained networks: a snapshot, a run (as for --resume), or a
                    published file of the family. Options of the networks are those of the file,
                    except those that are given as --config.OPTION=VALUE. What fits is taken over.
  --resume=RUN      Continues a run: "latest", its number, or its folder. The run keeps its options,
                    except those that are given as --config.OPTION=VALUE. "auto" continues the
                    newest run of the same description, or begins one if there is none.
  --new_data        Lets --resume continue with another data set. If the old one has only moved,
                    set data_dir instead.
  --worker=N        Which of the addresses in hardware.workers this process has, from 0 on.
  --dry_run         Prints the settings and what they lead to; writes nothing.

Examples:
  {train} --config=ffhq1024 --config.loss.r1_gamma=5 --config.schedule.batch_size=32
  {train} --init_from=celebahq.pkl --config.dataset.path=mine
  {train} --resume=latest --config.schedule.total_kimg=30000

Options with their defaults and types:
"""


# Options that may differ between workers.
_OWN_PLACES = ("data_dir", "result_dir", "cache_dir")


def help_text():
    """Returns what `--help` prints."""
    user = user_config()
    presets = textwrap.wrap(", ".join([*PRESETS, *user.presets]), 76)
    usage = USAGE.format(
        train=called("train"), preset=user.preset, presets=("\n" + 20 * " ").join(presets)
    )
    return usage + option_help(with_places(user, Config()))


def train(arguments, site):
    """Trains, or tells what would be trained.

    Args:
        arguments: `Arguments`. With `dry_run`, nothing is written.
        site: `Site`.
    """
    # TensorFlow takes seconds to load; help and mistakes need not wait for it.
    import tensorflow as tf

    import msg_stylegan
    from metrics.domains import evaluator_of_training
    from metrics.evaluation import prepare_metrics
    from metrics.report import SnapshotScorer
    from msg_stylegan.commands.judges import open_judges
    from msg_stylegan.commands.origins import open_origin
    from msg_stylegan.training import devices, loop, run_history
    from msg_stylegan.training.optimizers import find_optimizer
    from msg_stylegan.training.run_log import logging_to, say

    config, run_dir = arguments.config, arguments.run_dir
    site.open(config.hardware, arguments.worker, arguments.dry_run)
    workers, strategy = site.workers, site.strategy
    devices.prepare_graph_optimizer()
    if config.hardware.deterministic:
        tf.config.experimental.enable_op_determinism()
    datasets, facts = _open_datasets(arguments)
    options.validate(config, site.num_replicas, *datasets)
    find_optimizer(config.optimizer.name)
    workers.check_same(_facts_of_worker(arguments, facts))
    with strategy.scope():
        judges = open_judges(config, datasets)
    # The chief alone computes metrics, so that nothing may wait for the devices of others.
    own_strategy = devices.strategy_of_process(strategy)
    prepared = prepare_metrics(config.metrics, config.cache_dir, strategy=own_strategy)
    evaluator = evaluator_of_training(prepared, datasets, config.dataset.mirror)
    scorer = SnapshotScorer(evaluator, say=say)
    values = options.to_dict(config)
    info = {"options": values, "version": msg_stylegan.__version__}
    is_new = run_dir is None
    if is_new:
        name = workers.on_chief(_new_run, arguments, values, site.num_replicas)
        run_dir = Path(config.result_dir) / workers.from_chief(name)

    writes = workers.is_chief and not arguments.dry_run
    # A run that cannot be continued is left as it is: its log, too, begins only then.
    with (
        contextlib.ExitStack() as unless_begun,
        logging_to(
            run_dir if writes else None, held=not is_new, silent=not workers.is_chief
        ) as begin_log,
    ):
        if is_new and writes:
            # Nobody wants the folder of a run that cannot begin, least of all as the latest one.
            unless_begun.callback(shutil.rmtree, run_dir, ignore_errors=True)

        def begin(nimg):
            unless_begun.pop_all()
            changes = [] if is_new else options.differences(arguments.stored, config)
            run_history.begin_session(
                run_dir,
                nimg=nimg,
                options=values,
                changes=changes,
                datasets=facts,
                version=info["version"],
            )
            begin_log()

        say(summary(config, run_dir, datasets, site.num_replicas))
        for line in option_notes(arguments):
            say(line)
        workers.on_chief(scorer.say_what_is_missing)
        if arguments.dry_run:
            say(plan(config, datasets, site.num_replicas, judges, arguments.origin))
            return
        with _advice(config, run_dir):
            stop_reason = loop.train(
                config,
                run_dir,
                datasets,
                strategy,
                info=info,
                judges=judges,
                open_origin=lambda: (
                    arguments.origin or open_origin(config.transfer.init_from, config.result_dir)
                ),
                evaluate=_evaluation(scorer, own_strategy, strategy),
                begin=begin,
                workers=workers,
            )
        if stop_reason:
            say(f"Continue by {_resume(run_dir)}.")


def _evaluation(scorer, own_strategy, strategy):
    """The scorer, made to open the snapshot for devices that cannot run the networks in training.

    Those are the devices of a process whose networks are tied to other processes, too. One device
    alone can run them.
    """
    from msg_stylegan.networks import load_snapshot

    if own_strategy is strategy or own_strategy.num_replicas_in_sync == 1:
        return scorer

    def evaluate(nets, snapshot, *more):
        with own_strategy.scope():
            nets = load_snapshot(snapshot)
        return scorer(nets, snapshot, *more)

    return evaluate


@contextlib.contextmanager
def _advice(config, run_dir):
    """Adds to errors from outside what to do: a full disk, too little memory."""
    import tensorflow as tf

    try:
        yield
    except WriteError as error:
        raise WriteError(f"{error} Then continue by {_resume(run_dir)}.") from error
    except tf.errors.ResourceExhaustedError as error:
        # Open files and the like can be exhausted, too.
        if not re.search(r"\boom\b|memory|allocat", error.message, re.IGNORECASE):
            raise OSError(error.message) from error
        raise MemoryError(
            f"out of memory with schedule.batch_size={config.schedule.batch_size}. Choose "
            "fewer images at a time (schedule.batch_per_device, with the same result), a "
            "smaller batch, or smaller networks (channel_base, channel_max)."
        ) from error


def _resume(run_dir):
    return f"--resume={shlex.quote(str(run_dir))}"


def _facts_of_worker(arguments, facts):
    """What must be the same for all workers. Where data sets and runs are may differ."""
    import msg_stylegan

    values = options.option_values(arguments.config)
    kept = {name: value for name, value in values.items() if name not in _OWN_PLACES}
    return {
        **kept,
        "run": arguments.run_dir and arguments.run_dir.name,
        "version": msg_stylegan.__version__,
        **{f"{name} (content)": fact["fingerprint"] for name, fact in facts.items()},
    }


def _new_run(arguments, values, num_replicas):
    """Makes the directory of a new run, or none in a dry run; returns its name."""
    from msg_stylegan.training import run_directory

    config = arguments.config
    run_dir = run_directory.next_run_directory(
        config.result_dir,
        config.description or config.preset,
        num_replicas,
        reserve=not arguments.dry_run,
    )
    if not arguments.dry_run:
        run_directory.create_run_directory(run_dir, values)
    return run_dir.name


def _open_datasets(arguments):
    """Opens the data set of each domain, which must be that of the run.

    Returns:
        Tuple of the list of them and a dictionary of their `dataset_facts`: "dataset", and
        "dataset_b" for a pair.
    """
    from msg_stylegan.data.dataset import TFRecordDataset
    from msg_stylegan.training import run_history

    config, run_dir, stored = arguments.config, arguments.run_dir, arguments.stored
    datasets, facts = [], {}
    for suffix in SUFFIXES if config.dataset.path_b else SUFFIXES[:1]:
        option = f"path{suffix}"
        try:
            dataset = TFRecordDataset(
                Path(config.data_dir) / getattr(config.dataset, option),
                resolution=config.dataset.resolution,
                max_label_size=config.dataset.max_label_size,
            )
        except ValueError as error:
            moved = f"\n  If the data set of {run_dir} has moved, add --config.data_dir=FOLDER."
            raise ValueError(f"dataset.{option}: {error}{moved if run_dir else ''}") from error
        datasets.append(dataset)
        facts[f"dataset{suffix}"] = run_history.dataset_facts(dataset)
        if run_dir is not None and not arguments.new_data:
            stored_path = Path(stored.data_dir, getattr(stored.dataset, option))
            run_history.check_same_dataset(run_dir, facts, f"dataset{suffix}", stored_path)
    return datasets, facts


def main(arguments):
    """Runs the command; returns its exit status, see `exit_status`."""

    def job():
        if {"-h", "-help", "--help"} & set(arguments):
            print(help_text())
            return
        from msg_stylegan.training.site import Site

        with Site() as site:
            train(parse_command_line(arguments, site), site)

    # What training says is in its log, too.
    return exit_status(job, interrupted="Interrupted.", output_is_result=False)
