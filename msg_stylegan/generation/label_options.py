"""The options --class and --label of commands that use a network with labels."""

import re
import sys

from msg_stylegan.generation.arguments import argument, parse_numbers
from msg_stylegan.sampling.label_table import label_table


def add_label_arguments(parser, what, default):
    """Adds `--class` and `--label`, whose values are `label_class` and `label`, None by default.

    Args:
        parser: Parser of the command.
        what: What has the class or the label, for the help.
        default: What happens without both.
    """
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--class",
        dest="label_class",
        type=argument(parse_class),
        metavar="NAME|K",
        help=f"class of {what}, its name or number, of a network with classes (default: {default})",
    )
    group.add_argument(
        "--label",
        type=argument(parse_numbers),
        metavar="X,X,...",
        help=f"label of {what} by hand, one number for each component; --label=-1,2 if the first "
        "is negative",
    )


def parse_class(text):
    """Parses the name or the number of a class."""
    if not text.strip() or re.fullmatch(r"-[0-9]+", text):
        raise ValueError(f"expected the name of a class or its number, received {text!r}")
    return text


def chosen_labels(args, network, info):
    """The labels that the options choose for a network.

    Args:
        args: Parsed options `label_class` and `label`.
        network: Generator or discriminator.
        info: `Networks.info` of its file.

    Returns:
        `LabelTable`. What is not known about the labels was told to the user.

    Raises:
        ValueError: The network has no such labels.
    """
    table = label_table(network, info).chosen(args.label_class, args.label)
    if table.notice:
        print(f"notice: {table.notice} --label gives another label.", file=sys.stderr)
    return table
