"""Names, types, rules and stored form of the options that `config.py` defines.

An option is named by its path, as in `loss.r1_gamma`. Standard library only.
"""

import dataclasses
import difflib
import functools
import math
import os
import re
import typing

from config import Config
from option_relations import relation_problems

# Values of `loss.name`.
LOSS_NAMES = (
    "logistic",
    "logistic_saturating",
    "standard",
    "hinge",
    "hinge_gp",
    "relativistic_hinge",
    "wgan",
    "wgan_gp",
    "lsgan",
    "lsgan_sigmoid",
    "lsgan_square_of_means",
    "lsgan_sigmoid_square_of_means",
)

# Values in `augment.groups`.
AUGMENT_GROUPS = (
    "all",
    "blit",
    "geom",
    "color",
    "flip",
    "rot90",
    "translate",
    "scale",
    "rotate",
    "aniso",
    "brightness",
    "contrast",
    "hue",
    "saturation",
    "cutout",
)


def option_types(group=Config):
    """Returns a dict of all option names, dotted as in `loss.r1_gamma`, to their types."""
    types = {}
    for f in dataclasses.fields(group):
        if dataclasses.is_dataclass(f.type):
            types |= {f"{f.name}.{name}": t for name, t in option_types(f.type).items()}
        else:
            types[f.name] = f.type
    return types


def option_values(config):
    """Returns a dict of all option names, dotted as in `loss.r1_gamma`, to their values."""
    values = {}
    for name in option_types():
        value = config
        for part in name.split("."):
            value = getattr(value, part)
        values[name] = value
    return values


def expand_home(config, known=None):
    """Replaces a `~` at the start of paths by the home folder, in place; the shell may leave it.

    Args:
        config: A `Config`.
        known: Dict of option names to values that stay as they are, such as those of a run that
            is resumed; or None.
    """
    for name, value in option_values(config).items():
        # No option but a path begins with it.
        if isinstance(value, str) and value.startswith("~") and value != (known or {}).get(name):
            *groups, key = name.split(".")
            group = functools.reduce(getattr, groups, config)
            setattr(group, key, os.path.expanduser(value))  # noqa: PTH111


def to_dict(config):
    """Returns nested dicts, lists, numbers and strings that JSON can hold."""
    values = dataclasses.asdict(config)
    for name, value in option_values(config).items():
        if isinstance(value, tuple):
            group, _, key = name.partition(".")
            values[group][key] = list(value)
    return values


def from_dict(values):
    """The inverse of `to_dict`, for instance on the content of `training_options.json`.

    Args:
        values: Nested dicts. An option that is absent, because an older version wrote them, gets
            its default.

    Returns:
        A `Config`. It has the right types; the ranges are left to `validate`.

    Raises:
        ValueError: Unknown options (with near matches) or values of a wrong type, all at once.
    """
    problems = []
    config = _from_dict(Config, values, "", problems)
    _raise_all(problems)
    return config


def _from_dict(group, values, prefix, problems):
    if not isinstance(values, dict):
        problems.append(f"{prefix.rstrip('.') or 'config'}={values!r}: must be a group of options")
        return group()
    fields = {f.name: f for f in dataclasses.fields(group)}
    arguments = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in fields:
            problems.append(f"{name}: unknown option.{did_you_mean(name, option_types())}")
        elif dataclasses.is_dataclass(fields[key].type):
            arguments[key] = _from_dict(fields[key].type, value, f"{name}.", problems)
        elif problem := _type_problem(fields[key].type, value):
            problems.append(f"{name}={value!r}: {problem}")
        else:
            arguments[key] = _convert(fields[key].type, value)
    return group(**arguments)


def _type_problem(expected, value):
    """Returns what is wrong with the type of an option's value, or None."""
    if typing.get_origin(expected) is tuple:
        element = typing.get_args(expected)[0]
        if isinstance(value, (list, tuple)) and not any(_type_problem(element, v) for v in value):
            return None
        return f"must be a list of {element.__name__}"
    accepted = (int, float) if expected is float else expected
    if isinstance(value, accepted) and isinstance(value, bool) == (expected is bool):
        return None
    return f"must be {expected.__name__}, not {type(value).__name__}"


def _convert(expected, value):
    if typing.get_origin(expected) is tuple:
        return tuple(typing.get_args(expected)[0](v) for v in value)
    return expected(value)


# Rule -> (test, options). Options with other rules follow in `validate`.
_RULES = {
    "must be at least 0": (
        lambda value: value >= 0,
        "loss.r1_gamma loss.r2_gamma loss.gp_lambda loss.drift_epsilon loss.label_noise "
        "optimizer.rampup_kimg schedule.ema_kimg schedule.image_snapshot_ticks "
        "schedule.network_snapshot_ticks schedule.checkpoint_ticks schedule.keep_snapshots "
        "metrics.num_images hardware.num_gpus hardware.logical_cpus generator.channel_decay "
        "discriminator.channel_decay generator.mapping_layers growing.fade_kimg",
    ),
    "must be at least 1": (
        lambda value: value >= 1,
        "generator.z_dim generator.w_dim generator.mapping_width loss.interval "
        "generator.channel_base generator.channel_max discriminator.channel_base "
        "discriminator.channel_max discriminator.mbstd_num_channels schedule.batch_size "
        "schedule.D_steps_per_G_step schedule.keep_checkpoints schedule.max_skipped_updates "
        "hardware.steps_per_call augment.interval",
    ),
    "must be greater than 0": (
        lambda value: value > 0,
        "generator.mapping_lr_multiplier optimizer.G_learning_rate optimizer.D_learning_rate "
        "optimizer.epsilon loss.gp_target augment.kimg growing.stabilize_kimg",
    ),
    "must be at least 0.001, one image": (
        lambda value: value >= 0.001,
        "schedule.total_kimg schedule.tick_kimg",
    ),
    "must be at least 0 and below 1": (
        lambda value: 0 <= value < 1,
        "generator.w_avg_beta optimizer.beta1 optimizer.beta2 schedule.ema_decay",
    ),
    "must be from 0 to 1": (lambda value: 0 <= value <= 1, "augment.probability"),
    "must be from -1 to 1": (lambda value: -1 <= value <= 1, "augment.target"),
    f"must be a list of {', '.join(AUGMENT_GROUPS)}": (
        set(AUGMENT_GROUPS).issuperset,
        "augment.groups",
    ),
    "must be 0 or a power of two from 4 to 1024": (
        lambda value: value in (0, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
        "growing.start_resolution",
    ),
    "must be a list of RESOLUTION:BATCH such as 4:16,64:8": (
        lambda value: all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", item) for item in value),
        "growing.batch_sizes",
    ),
    "must be from 0 to 2147483647": (lambda value: 0 <= value < 2**31, "seed"),
    "must be at least -1": (
        lambda value: value >= -1,
        "dataset.max_label_size discriminator.mbstd_group_size",
    ),
    "must be 0 or a power of two from 8 to 1024": (
        lambda value: value in (0, 8, 16, 32, 64, 128, 256, 512, 1024),
        "dataset.resolution",
    ),
    "must be lrelu or relu": (
        lambda value: value in ("lrelu", "relu"),
        "generator.mapping_nonlinearity generator.nonlinearity discriminator.nonlinearity",
    ),
    "must be normal or sphere": (
        lambda value: value in ("normal", "sphere"),
        "generator.z_space",
    ),
    "must be stylegan or progan": (
        lambda value: value in ("stylegan", "progan"),
        "generator.synthesis discriminator.body",
    ),
    "must be cat_lin, lin_cat or simple": (
        lambda value: value in ("cat_lin", "lin_cat", "simple"),
        "discriminator.combine",
    ),
    "must be all or last": (
        lambda value: value in ("all", "last"),
        "discriminator.mbstd_blocks",
    ),
    "must be all, coarse, middle, fine, none or powers of two from 4 to 1024 such as 4,32": (
        re.compile(
            r"all|coarse|middle|fine|none|((4|8|16|32|64|128|256|512|1024)(,(?!$)|$))+"
        ).fullmatch,
        "connect",
    ),
    f"must be one of {', '.join(LOSS_NAMES)}": (
        lambda value: value in LOSS_NAMES,
        "loss.name",
    ),
    "must be empty or an odd number of taps whose sum is not 0": (
        lambda taps: not taps or (len(taps) % 2 == 1 and sum(taps) != 0),
        "generator.blur_filter discriminator.blur_filter",
    ),
    "must be Adam, RMSprop or tfa.NAME": (
        lambda value: re.fullmatch(r"Adam|RMSprop|tfa\.[A-Za-z]\w*", value),
        "optimizer.name",
    ),
    "must be 1080p, 4k or columns and rows such as 16x8, each from 1 to 99": (
        lambda value: re.fullmatch(r"1080p|4k|[1-9]\d?x[1-9]\d?", value),
        "schedule.image_grid",
    ),
    "must contain only letters, digits and . _ -": (
        lambda value: re.fullmatch(r"[\w.-]*", value, re.ASCII),
        "description",
    ),
    "must not be empty": (bool, "dataset.path data_dir result_dir cache_dir"),
}


def validate(config, num_replicas=None, resolution=None):
    """Checks every option; reports all problems at once.

    Args:
        config: A `Config`.
        num_replicas: Number of devices that share a batch, or None if not known yet.
        resolution: Effective resolution of the data set, or None if not known yet. Without it
            `dataset.resolution` stands in, if that is given.

    Raises:
        ValueError: One line per problem: the option's name, its value and the rule.
    """
    values = option_values(config)
    problems = []
    for name, expected in option_types().items():
        if problem := _type_problem(expected, values[name]) or _finite_problem(values[name]):
            problems.append(f"{name}={values[name]!r}: {problem}")
    wrong = {problem.partition("=")[0] for problem in problems}
    for rule, (test, names) in _RULES.items():
        failed = [name for name in names.split() if name not in wrong and not test(values[name])]
        problems += [f"{name}={values[name]!r}: {rule}" for name in failed]
        wrong.update(failed)
    problems += relation_problems(config, wrong, num_replicas, resolution)
    _raise_all(problems)


def _finite_problem(value):
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(n, float) and not math.isfinite(n) for n in numbers):
        return "must be finite"
    return None


def _raise_all(problems):
    if problems:
        noun = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ValueError("\n  ".join([f"the configuration has {noun}:", *problems]))


def differences(a, b):
    """List of `(name, value in a, value in b)` of the options that differ."""
    values_a, values_b = option_values(a), option_values(b)
    return [
        (name, values_a[name], values_b[name])
        for name in values_a
        if values_a[name] != values_b[name]
    ]


def architecture_differences(a, b):
    """Compares what decides the networks, for instance of a stored run and of its continuation.

    Whether two data sets agree in channels and labels is for the caller to compare.

    Returns:
        A list of `(name, value in a, value in b)` of the options that differ.
    """
    return [
        (name, old, new)
        for name, old, new in differences(a, b)
        if name.startswith(("generator.", "discriminator."))
        or name
        in (
            "connect",
            "dataset.resolution",
            "dataset.max_label_size",
            "growing.start_resolution",
        )
        # The decay of w_avg acts on training only and may change on the way.
        if name != "generator.w_avg_beta"
    ]


def did_you_mean(name, candidates):
    """Returns ` Did you mean ...?` with up to three candidates similar to `name`, or nothing.

    Dotted names are also compared by their last part, so that `r1_gamma` finds `loss.r1_gamma`.
    """

    def similarity(candidate):
        pairs = ((name, candidate), (name.rpartition(".")[2], candidate.rpartition(".")[2]))
        return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

    near = sorted((c for c in candidates if similarity(c) >= 0.6), key=similarity, reverse=True)
    return f" Did you mean {' or '.join(near[:3])}?" if near else ""
