"""All options of a `Config` by their dotted names, as in `loss.r1_gamma`, and their stored form."""

import copy
import dataclasses
import functools
import os
import typing

from msg_stylegan.kimg_schedule import KimgSchedule, ScheduledFloat, looks_scheduled
from msg_stylegan.option import type_problem
from msg_stylegan.options.groups import Config
from msg_stylegan.wording import did_you_mean


def option_fields(group=Config):
    """Returns a dict of the names of all options to their `dataclasses.Field`s."""
    fields = {}
    for field in dataclasses.fields(group):
        if dataclasses.is_dataclass(field.type):
            inner = option_fields(field.type)
            fields |= {f"{field.name}.{name}": f for name, f in inner.items()}
        else:
            fields[field.name] = field
    return fields


def option_values(config):
    """Returns a dict of the names of all options to their values."""
    return {name: _value(config, name) for name in option_fields()}


def former_names():
    """Returns a dict of the names that options had in older versions to their names today."""
    return {
        old: name for name, field in option_fields().items() for old in field.metadata["formerly"]
    }


def changed(config, changes):
    """Returns a `Config` with other values of some options.

    Args:
        config: A `Config`.
        changes: Dict of names of options to values. A whole number may stand for a number, a list
            for a tuple, and a text for a schedule.

    Raises:
        ValueError: Unknown options or values of a wrong type, all at once.
    """
    values = to_dict(config)
    problems = []
    for name, value in changes.items():
        name = former_names().get(name, name)
        if name not in option_fields():
            problems.append(f"{name}: unknown option.{did_you_mean(name, option_fields())}")
            continue
        *groups, key = name.split(".")
        _group(values, groups)[key] = value
    raise_all(problems)
    return from_dict(values)


def differences(a, b):
    """List of `(name, value in a, value in b)` of the options that differ."""
    values_a, values_b = option_values(a), option_values(b)
    return [
        (name, values_a[name], values_b[name])
        for name in values_a
        if values_a[name] != values_b[name]
    ]


def network_differences(a, b):
    """The `differences` that make other networks, for instance of a stored run.

    Whether two data sets agree in channels and labels is for the caller to compare.
    """
    return [entry for entry in differences(a, b) if _decides_networks(entry[0])]


def _decides_networks(name):
    decides = option_fields()[name].metadata["decides_networks"]
    group = _value(Config(), name.rpartition(".")[0])
    return getattr(group, "decides_networks", False) if decides is None else decides


def _value(config, name):
    return functools.reduce(getattr, filter(None, name.split(".")), config)


def expand_home(config, known=None):
    """Returns the `Config` with the home folder for every leading `~`, which the shell may leave.

    Args:
        config: A `Config`.
        known: Dict of names of options to values that stay as they are, such as those of a run
            that is resumed; or None.
    """
    known = known or {}
    return changed(
        config,
        {
            name: os.path.expanduser(value)  # noqa: PTH111
            for name, value in option_values(config).items()
            # Only paths begin with it.
            if isinstance(value, str) and value.startswith("~") and value != known.get(name)
        },
    )


def to_dict(config):
    """Returns nested dicts, lists, numbers and strings that JSON can hold."""
    return dataclasses.asdict(
        config,
        dict_factory=lambda items: {
            name: list(value) if isinstance(value, tuple) else value for name, value in items
        },
    )


def from_dict(values):
    """The inverse of `to_dict`, for instance on the content of `training_options.json`.

    Args:
        values: Nested dicts, also of older versions: an option that is absent gets its default, and
            one that has another name today is found by its old one.

    Returns:
        A `Config`. It has the right types; the ranges are left to `check.validate`.

    Raises:
        ValueError: Unknown options (with near matches) or values of a wrong type, all at once.
    """
    problems = []
    config = _from_dict(Config, _upgraded(values), "", problems)
    raise_all(problems)
    return config


def raise_all(problems):
    """Raises a `ValueError` with a line for each problem, if there are any."""
    if problems:
        noun = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ValueError("\n  ".join([f"the configuration has {noun}:", *problems]))


def _upgraded(values):
    values = copy.deepcopy(values)
    for old, new in former_names().items():
        *old_groups, old_key = old.split(".")
        *new_groups, new_key = new.split(".")
        source, target = _group(values, old_groups), _group(values, new_groups)
        if isinstance(source, dict) and old_key in source and isinstance(target, dict):
            target.setdefault(new_key, source.pop(old_key))
    return values


def _group(values, path):
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _from_dict(group, values, prefix, problems):
    if not isinstance(values, dict):
        problems.append(f"{prefix.rstrip('.') or 'config'}={values!r}: must be a group of options")
        return group()
    fields = {field.name: field for field in dataclasses.fields(group)}
    arguments = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in fields:
            problems.append(f"{name}: unknown option.{did_you_mean(name, option_fields())}")
        elif dataclasses.is_dataclass(fields[key].type):
            arguments[key] = _from_dict(fields[key].type, value, f"{name}.", problems)
        else:
            try:
                arguments[key] = _convert(fields[key].type, value)
            except ValueError as error:
                problems.append(f"{name}={value!r}: {error}")
    return group(**arguments)


def _convert(expected, value):
    if expected == ScheduledFloat and looks_scheduled(value):
        return KimgSchedule(value)
    if problem := type_problem(expected, value):
        raise ValueError(problem)
    if typing.get_origin(expected) is tuple:
        return tuple(typing.get_args(expected)[0](v) for v in value)
    return float(value) if expected == ScheduledFloat else expected(value)
