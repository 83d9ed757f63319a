"""What the command line of a training asks for: options, and where it begins."""

import functools
from dataclasses import dataclass
from pathlib import Path

from absl import flags

from msg_stylegan import options
from msg_stylegan.command_line import UsageError, expand_home
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import user_config
from msg_stylegan.files import read_json
from msg_stylegan.options import Config
from msg_stylegan.options.flags import parse_flags
from msg_stylegan.presets import preset_of

# As the run to resume: the newest one of its kind, if there is any.
AUTO = "auto"


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
    if parsed.resume == AUTO:
        # It was for the beginning, and may name the same networks in another way.
        origin = stored.transfer.init_from
        config = options.changed(config, {"transfer.init_from": origin})
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
    origin.check(config)
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
