"""Trains networks, or tells what would be trained."""

import dataclasses
import functools
import json
import re
import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path

from absl import flags

from msg_stylegan import options
from msg_stylegan.command_line import UsageError, exit_status, expand_home
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import user_config
from msg_stylegan.domains import SUFFIXES
from msg_stylegan.files import WriteError, read_json
from msg_stylegan.options import Config
from msg_stylegan.options.flags import command_line_form, parse_flags
from msg_stylegan.options.flags import help_text as option_help
from msg_stylegan.presets import PRESETS, preset_of, with_places
from msg_stylegan.wording import count_of

# As the run to resume: the newest one of its kind, if there is any.
AUTO = "auto"

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


@dataclass
class Arguments:
    """What the command line asks for."""

    config: Config
    dry_run: bool
    # Directory of the run to continue, or None for a new run. The rest describes a continuation.
    run_dir: Path | None = None
    # Options of the run so far.
    stored: Config | None = None
    # The preset that the command line names for comparison, or None.
    named: Config | None = None
    # Whether the data set may be another one.
    new_data: bool = False
    # `Origin` of the weights of a new run, or None for random ones.
    origin: object = None
    # The preset of a new run with an origin, which decides less than it seems.
    preset: Config | None = None
    # Which of `hardware.workers` this process is, or None.
    worker: int | None = None


def parse_command_line(arguments, site=None):
    """Turns a command line into a checked configuration.

    A run that is resumed keeps its options, except those that the command line gives one by one.

    Args:
        arguments: Arguments of the command.
        site: `Site` to open before TensorFlow is used, which reading networks does; None for none.

    Returns:
        `Arguments`. `config` has passed `options.validate` as far as that is possible without
        knowing the devices and the data set.

    Raises:
        UsageError: Unknown flags, presets or options, and values of a wrong type.
        ValueError: Options out of range, or networks that differ from those of the run to resume.
        FileNotFoundError: No such run to resume.
    """
    user = user_config()
    find_preset = functools.partial(preset_of, user)
    preset = find_preset(user.preset)
    config, parsed = _parse_flags(arguments, preset, find_preset)
    run_dir = _run_to_continue(config, parsed)
    if run_dir is not None:
        result = _continuation(arguments, run_dir, parsed, find_preset)
    elif config.transfer.init_from:
        if site:
            site.open(config.hardware, parsed.worker, parsed.dry_run)
        result = _start_from_networks(arguments, config, preset, find_preset)
    else:
        result = Arguments(config=config, dry_run=parsed.dry_run)
    result.worker = parsed.worker
    options.validate(result.config)
    return result


def _run_to_continue(config, parsed):
    """Directory of the run to continue, or None for a new run."""
    if parsed.resume is None:
        if parsed.new_data:
            raise UsageError("--new_data is for --resume: a new run may have any data set.")
        return None
    is_automatic = parsed.resume == AUTO
    if parsed.init_from is not None and not is_automatic:
        raise UsageError("--init_from is for a new run: --resume continues from its own state.")
    # TensorFlow, which this imports, takes seconds; other command lines need not wait for it.
    from msg_stylegan.training.run_directory import find_run, newest_run

    if is_automatic:
        return newest_run(config.result_dir, config.description or config.preset)
    return find_run(config.result_dir, expand_home(parsed.resume))


def _continuation(arguments, run_dir, parsed, find_preset):
    stored = stored_config(run_dir)
    named = None

    def keep_stored(name):
        nonlocal named
        named = find_preset(name)
        return stored

    config, _ = _parse_flags(arguments, stored, keep_stored)
    if parsed.init_from is not None:
        # It was for the beginning.
        config = dataclasses.replace(config, transfer=stored.transfer)
    _check_same_networks(stored, config, run_dir)
    return Arguments(config, parsed.dry_run, run_dir, stored, named, parsed.new_data)


def _start_from_networks(arguments, config, preset, find_preset):
    from msg_stylegan.commands.origins import open_origin

    origin = open_origin(config.transfer.init_from, config.result_dir)

    def with_networks(name):
        nonlocal preset
        preset = find_preset(name)
        return origin.applied_to(preset)

    config, parsed = _parse_flags(arguments, origin.applied_to(preset), with_networks)
    # "latest" will soon be another one.
    config = options.changed(config, {"transfer.init_from": str(origin.path)})
    return Arguments(config, parsed.dry_run, origin=origin, preset=preset)


def _parse_flags(arguments, base, find_preset):
    """Parses with `base` as the configuration when no preset is named."""

    def define_others(parsed):
        flags.DEFINE_string("init_from", None, "Networks to start from.", flag_values=parsed)
        flags.DEFINE_string("resume", None, "Run to continue.", flag_values=parsed)
        flags.DEFINE_integer("worker", None, "Number of this worker.", flag_values=parsed)
        flags.DEFINE_boolean("new_data", False, "Resume on another data set.", flag_values=parsed)
        flags.DEFINE_boolean("dry_run", False, "Print and write nothing.", flag_values=parsed)

    config, parsed = parse_flags([called("train"), *arguments], base, find_preset, define_others)
    if parsed.init_from is not None:
        config = options.changed(config, {"transfer.init_from": expand_home(parsed.init_from)})
    return config, parsed


def stored_config(run_dir):
    """Reads the options of a run from its directory.

    Raises:
        ValueError: The file does not hold options as this version knows them.
    """
    from msg_stylegan.training.run_directory import OPTIONS_FILE

    path = Path(run_dir) / OPTIONS_FILE
    values = read_json(path)
    try:
        return options.from_dict(values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _check_same_networks(stored, config, run_dir):
    differences = options.network_differences(stored, config)
    if differences:
        lines = [f"{name}: {old!r} in the run, {new!r} now" for name, old, new in differences]
        raise ValueError(
            "\n  ".join([f"{run_dir} was trained with other networks, cannot resume it:", *lines])
        )


def help_text():
    """Returns what `--help` prints."""
    user = user_config()
    presets = textwrap.wrap(", ".join([*PRESETS, *user.presets]), 76)
    usage = USAGE.format(
        train=called("train"), preset=user.preset, presets=("\n" + 20 * " ").join(presets)
    )
    return usage + option_help(with_places(user, Config()))


def option_notes(arguments):
    """Lines about options that are not those of the preset, of the run or of the networks."""
    stored, config, named = arguments.stored, arguments.config, arguments.named
    if arguments.origin:
        return _notes_of_origin(arguments)
    if stored is None:
        return []
    lines = [
        f"{name}: {_shown(old)} → {_shown(new)}"
        for name, old, new in options.differences(stored, config)
    ]
    if lines:
        lines.insert(0, "Options that change:")
    if named is None:
        return lines
    kept = [
        f"{name}: {_shown(own)} (in the preset: {_shown(other)})"
        for name, own, other in options.differences(config, named)
        if own == options.option_values(stored)[name] and name not in _PLACES
    ]
    if kept:
        lines += [f"Options of the run that are kept, unlike those of {named.preset}:", *kept]
    return lines


def _notes_of_origin(arguments):
    config, preset, origin = arguments.config, arguments.preset, arguments.origin
    other = [
        f"{name}: {_shown(old)} → {_shown(new)}" for name, old, new in origin.differences(config)
    ]
    if other:
        other.insert(0, f"Networks unlike those of {origin.path.name}:")
    taken = [
        f"{name}: {_shown(own)} (in the preset: {_shown(of_preset)})"
        for name, of_preset, own in options.network_differences(preset, origin.applied_to(preset))
        if own == options.option_values(config)[name]
    ]
    if taken:
        taken.insert(0, f"Options of {origin.path.name}, unlike those of {preset.preset}:")
    notes = [*taken, *other]
    if config.schedule.ema_rampup:
        notes.append(
            f"notice: with schedule.ema_rampup={config.schedule.ema_rampup} the first update "
            "replaces the average of the file by the weights that are trained"
        )
    return notes


# Options that a preset is not meant to decide.
_PLACES = ("data_dir", "result_dir", "cache_dir", "description")
# Options that may differ between workers.
_OWN_PLACES = ("data_dir", "result_dir", "cache_dir")


def _shown(value):
    return command_line_form(value) or "''"


def train(arguments, site):
    """Trains, or tells what would be trained.

    Args:
        arguments: `Arguments`. With `dry_run`, nothing is written.
        site: `Site`.
    """
    # TensorFlow takes seconds to load; help and mistakes need not wait for it.
    import tensorflow as tf

    import msg_stylegan
    from metrics.domains import evaluator_of_domains
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
    prepared = prepare_metrics(
        config.metrics, config.cache_dir, strategy=None if workers.count > 1 else strategy
    )
    evaluator = evaluator_of_domains(
        [
            prepared(dataset, labels_dataset=dataset, mirror=config.dataset.mirror, domain=domain)
            for dataset, domain in zip(datasets, "ab", strict=False)
        ]
    )
    scorer = SnapshotScorer(evaluator, say=say)
    values = options.to_dict(config)
    names = {f"dataset{suffix}": d.name for d, suffix in zip(datasets, SUFFIXES, strict=False)}
    info = {"options": values, **names, "version": msg_stylegan.__version__}
    is_new = run_dir is None
    if is_new:
        name = workers.on_chief(_new_run, arguments, values, site.num_replicas)
        run_dir = Path(config.result_dir) / workers.from_chief(name)

    # A run that cannot be continued is left as it is: its log, too, begins only then.
    writes = workers.is_chief and not arguments.dry_run
    with logging_to(
        run_dir if writes else None, held=not is_new, silent=not workers.is_chief
    ) as begin_log:

        def begin(nimg):
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
            say(_plan(config, datasets, site.num_replicas, judges, arguments.origin))
            return
        try:
            loop.train(
                config,
                run_dir,
                datasets,
                strategy,
                info=info,
                judges=judges,
                open_origin=lambda: (
                    arguments.origin or open_origin(config.transfer.init_from, config.result_dir)
                ),
                evaluate=scorer,
                begin=begin,
                workers=workers,
            )
        except WriteError as error:
            place = shlex.quote(str(run_dir))
            raise WriteError(f"{error} Then continue by --resume={place}.") from error
        except tf.errors.ResourceExhaustedError as error:
            # Open files and the like can be exhausted, too.
            if not re.search(r"\boom\b|memory|allocat", error.message, re.IGNORECASE):
                raise OSError(error.message) from error
            raise MemoryError(
                f"out of memory with schedule.batch_size={config.schedule.batch_size}. Choose "
                "fewer images at a time (schedule.batch_per_device, with the same result), a "
                "smaller batch, or smaller networks (channel_base, channel_max)."
            ) from error


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


def _plan(config, datasets, num_replicas, judges, origin):
    """The networks that would be trained, what they would start from, and memory."""
    from msg_stylegan.training.architecture import describe_networks
    from msg_stylegan.training.step_memory import estimate_memory
    from msg_stylegan.transfer.origin import lines_of

    memory, state = estimate_memory(config, datasets, num_replicas, judges, origin)
    lines = lines_of(state.taken) if state.taken else []
    return "\n".join([describe_networks(state.nets), *lines, str(memory)])


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


def summary(config, run_dir, datasets, num_replicas):
    """What is about to be trained: options, data sets, devices and run directory."""
    titles = ("Data set:", "Data set B:")
    chosen = f"{config.dataset.num_images} of " if config.dataset.num_images else ""
    return "\n".join(
        [
            json.dumps(options.to_dict(config), indent=2),
            *(
                f"{title:<15}{dataset.path}: {chosen}{count_of(dataset.num_images, 'image')}, "
                f"{dataset.resolution}x{dataset.resolution}x{dataset.num_channels}, "
                f"{_labels_in_words(config, dataset)}"
                for title, dataset in zip(titles, datasets, strict=False)
            ),
            f"Devices:       {num_replicas}, batch of "
            f"{count_of(config.schedule.batch_size // num_replicas, 'image')} on each",
            f"Run directory: {run_dir}",
        ]
    )


def _labels_in_words(config, dataset):
    used, stored = dataset.label_size, dataset.stored_label_size
    words = f"{used} label components" if used else "no labels"
    if used == stored:
        return words
    return (
        f"{words}: {'all' if not used else 'the others'} of the {stored} that exist are ignored, "
        f"because of dataset.max_label_size={config.dataset.max_label_size}. A new run uses them "
        "with --config.dataset.max_label_size=-1"
    )


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
