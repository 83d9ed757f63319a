"""Options as flags of a command line, `--config.loss.r1_gamma=5`, by absl and ml_collections."""

import dataclasses
import functools
import re
import textwrap

from absl import flags
from ml_collections import config_flags

from msg_stylegan.command_line import UsageError
from msg_stylegan.kimg_schedule import KimgSchedule, ScheduledFloat, looks_scheduled
from msg_stylegan.option import NO_SCHEDULE
from msg_stylegan.options.tree import (
    expand_home,
    former_names,
    from_dict,
    option_fields,
    option_values,
    to_dict,
)
from msg_stylegan.wording import did_you_mean


def parse_flags(argv, base, find_preset, define_others):
    """Parses a command line of options.

    Args:
        argv: Program name and arguments, like `sys.argv`.
        base: `Config` to start from when no preset is named.
        find_preset: Function of the name of a preset that returns its `Config`.
        define_others: Function of `absl.flags.FlagValues` that defines the flags besides `config`.

    Returns:
        Tuple of the `Config` and the `FlagValues`.

    Raises:
        UsageError: Unknown flags, presets or options, and values of a wrong type.
    """
    _check_option_names(argv)
    # A set of flags of its own, because the global one holds dozens that mean nothing here.
    parsed = flags.FlagValues()
    define_others(parsed)
    try:
        config_flags.DEFINE_config_dataclass(
            "config",
            _mutable(base),
            "Preset, and options of it.",
            flag_values=parsed,
            sys_argv=argv,
            parse_fn=lambda name: _mutable(find_preset(name)),
        )
        rest = parsed(argv)[1:]
    except flags.Error as error:
        raise UsageError(_readable(str(error))) from None
    if rest:
        raise UsageError(f"unexpected argument {rest[0]!r}. Options look like --name=value.")
    config = expand_home(from_dict(to_dict(parsed.config)), option_values(base))
    return config, parsed


def help_text(config):
    """Returns a line and an explanation for every option, with the values of a `Config`."""
    values = option_values(config)
    lines = []
    for name, field in option_fields().items():
        if name != "preset":
            form = command_line_form(values[name])
            lines.append(f"  --config.{name}={form}  ({_type_name(field.type)})")
            lines += textwrap.wrap(
                field.metadata["description"],
                width=100,
                initial_indent=6 * " ",
                subsequent_indent=6 * " ",
            )
    return "\n".join(lines)


def command_line_form(value):
    """Text of a value as the command line takes it."""
    if isinstance(value, tuple):
        return ",".join(map(command_line_form, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


@functools.cache
def _mutable_class(group):
    """A class like a group of options that the parser of flags can change."""
    fields = []
    for field in dataclasses.fields(group):
        if dataclasses.is_dataclass(field.type):
            inner = _mutable_class(field.type)
            fields.append((field.name, inner, dataclasses.field(default_factory=inner)))
        else:
            # The parser of flags knows no unions.
            kind = KimgSchedule if field.type == ScheduledFloat else field.type
            fields.append((field.name, kind, dataclasses.field(default=field.default)))
    return dataclasses.make_dataclass(group.__name__, fields)


def _mutable(config):
    values = vars(config).items()
    return _mutable_class(type(config))(
        **{k: _mutable(v) if dataclasses.is_dataclass(v) else v for k, v in values}
    )


def _check_option_names(argv):
    names = [name for name in option_fields() if name != "preset"]
    for argument in argv[1:]:
        match = re.match(r"--?(?:no)?config\.([^=]*)", argument)
        if match and match[1] == "preset":
            raise UsageError("--config.preset is not an option. Choose one by --config=PRESET.")
        if match and match[1] not in names:
            now = former_names().get(match[1])
            hint = f" It is called {now} now." if now else did_you_mean(match[1], names)
            raise UsageError(
                f"unknown option --config.{match[1]}.{hint} `{argv[0]} --help` lists all."
            )


def _readable(message):
    """Says what was expected instead of a value that could not be parsed."""
    match = re.match(r"flag (--config\.([\w.]+)=.*?): (.*)", message, re.DOTALL)
    if not match:
        return message.removeprefix("flag ")
    expected = option_fields()[match[2]].type
    if looks_scheduled(match[1]) and expected in (bool, int, float, ScheduledFloat):
        return f"{match[1]}: {match[3] if expected == ScheduledFloat else NO_SCHEDULE}."
    return f"{match[1]}: expected {_type_name(expected)}."


class _ListParser(flags.ArgumentParser):
    """Parses `1,2,1` and `swd16k`; nothing or `none` is the empty list."""

    def __init__(self, element_type):
        self.element_type = element_type

    def parse(self, argument):
        if isinstance(argument, tuple):
            return argument
        text = argument.strip()
        # Also accepts the Python form, "(1, 2, 1)".
        if text[:1] + text[-1:] in ("()", "[]"):
            text = text[1:-1]
        items = [item.strip(" '\"") for item in text.split(",")]
        if items == ["none"]:
            return ()
        return tuple(self.element_type(item) for item in items if item)

    def flag_type(self):
        return f"list of {self.element_type.__name__}"


class _ScheduleParser(flags.FloatParser):
    """Parses a number, or a schedule."""

    def parse(self, argument):
        return KimgSchedule(argument) if looks_scheduled(argument) else super().parse(argument)


config_flags.register_flag_parser_for_type(KimgSchedule, _ScheduleParser())
config_flags.register_flag_parser_for_type(tuple[float, ...], _ListParser(float))
config_flags.register_flag_parser_for_type(tuple[str, ...], _ListParser(str))


def _type_name(expected):
    return {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        ScheduledFloat: "a number, or a schedule such as 10@0,1@200",
        str: "a text",
        tuple[float, ...]: "numbers separated by commas",
        tuple[str, ...]: "names separated by commas",
    }[expected]
