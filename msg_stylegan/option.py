"""One option: its default, the sentence that explains it, and the rule for its values.

Everything else follows from this line: the flag of the command line, `--help`, the check and its
message, the stored form and whether a change makes other networks.
"""

import dataclasses
import math
import re
import typing
from collections.abc import Callable
from typing import Any

from msg_stylegan.kimg_schedule import KimgSchedule, ScheduledFloat, looks_scheduled

# Why a value that looks like a schedule is refused.
NO_SCHEDULE = "must be one value for the whole training, not a schedule"


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a value must be, as messages say it, and the test for it."""

    text: str
    test: Callable[[Any], Any]


def option(default, description, rule=None, *, decides_networks=None, formerly=()):
    """A field of a group of options.

    Args:
        default: Its default.
        description: What it means, in sentences: values, units, and what 0 or nothing stands for.
        rule: `Rule` for the values, or None where the type says everything.
        decides_networks: Whether another value makes other networks, so that a run cannot be
            continued with it; None = as the group says by its attribute of this name.
        formerly: Dotted names of the option in older versions, as in `loss.interval`.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "description": description,
            "rule": rule,
            "decides_networks": decides_networks,
            "formerly": formerly,
        },
    )


def problems_of(group, prefix=""):
    """What is wrong with the values of a group of options, each by itself.

    Args:
        group: Dataclass of options, and of groups of them.
        prefix: What stands before the names of its options, as in `loss.`.

    Returns:
        Dict of the dotted name of an option to a line: name, value and rule.
    """
    problems = {}
    for field in dataclasses.fields(group):
        name, value = f"{prefix}{field.name}", getattr(group, field.name)
        if dataclasses.is_dataclass(value):
            problems |= problems_of(value, f"{name}.")
        elif problem := type_problem(field.type, value) or _problem(value, field.metadata["rule"]):
            problems[name] = f"{name}={value!r}: {problem}"
    return problems


def type_problem(expected, value):
    """Returns what is wrong with the type of an option's value, or None."""
    if looks_scheduled(value) and expected in (bool, int, float):
        return NO_SCHEDULE
    if typing.get_origin(expected) is tuple:
        element = typing.get_args(expected)[0]
        if isinstance(value, (list, tuple)) and not any(type_problem(element, v) for v in value):
            return None
        return f"must be a list of {element.__name__}"
    if expected == ScheduledFloat:
        expected = KimgSchedule if isinstance(value, KimgSchedule) else float
    accepted = (int, float) if expected is float else expected
    if isinstance(value, accepted) and isinstance(value, bool) == (expected is bool):
        return None
    return f"must be {expected.__name__}, not {type(value).__name__}"


def _problem(value, rule):
    if isinstance(value, KimgSchedule):
        return next(filter(None, (_problem(number, rule) for number in value.values)), None)
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        return "must be finite"
    return rule.text if rule is not None and not rule.test(value) else None


def at_least(low):
    return Rule(f"must be at least {low}", lambda value: value >= low)


def greater_than(low):
    return Rule(f"must be greater than {low}", lambda value: value > low)


def between(low, high):
    return Rule(f"must be from {low} to {high}", lambda value: low <= value <= high)


def at_least_and_below(low, high):
    return Rule(f"must be at least {low} and below {high}", lambda value: low <= value < high)


def one_of(*names):
    *first, last = names
    text = f"{', '.join(first)} or {last}" if len(names) < 4 else f"one of {', '.join(names)}"
    return Rule(f"must be {text}", lambda value: value in names)


def list_of(*names):
    return Rule(f"must be a list of {', '.join(names)}", set(names).issuperset)


def power_of_two_or_zero(low, high):
    return Rule(
        f"must be 0 or a power of two from {low} to {high}",
        lambda value: value == 0 or (low <= value <= high and value & (value - 1) == 0),
    )


def matching(pattern, text):
    """Rule for texts, or lists of texts, that match a regular expression as a whole."""
    match = re.compile(pattern, re.ASCII).fullmatch
    return Rule(
        f"must {text}",
        lambda value: all(map(match, value)) if isinstance(value, tuple) else match(value),
    )


NOT_EMPTY = Rule("must not be empty", bool)
# For a time in kimg.
ONE_IMAGE_OR_MORE = Rule("must be at least 0.001, one image", lambda value: value >= 0.001)
