"""Command line arguments that several commands share, and their types."""

import argparse
import math
import re

MAX_SEED = 2**32 - 1
MAX_NUM_SEEDS = 1_000_000


def argument(parse):
    """Makes argparse show the message of the ValueError of a parser.

    Args:
        parse: Function from the text of an argument to its value.

    Returns:
        What `add_argument(type=...)` takes.
    """

    def parse_or_explain(text):
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_or_explain


def parse_seeds(text):
    """Parses seeds such as `0-31,77`.

    Args:
        text: Numbers and ranges (both ends included) separated by commas, without spaces.

    Returns:
        List of different whole numbers from 0 to 2**32 - 1, in the order of the text.

    Raises:
        ValueError: Anything else.
    """
    seeds = {}
    for item in text.split(","):
        match = re.fullmatch("([0-9]+)(?:-([0-9]+))?", item)
        if not match:
            raise ValueError(f"expected seeds such as 0-31,77, received {item!r} in {text!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise ValueError(f"the range {item} runs backwards, write {last}-{first}")
        if last > MAX_SEED:
            raise ValueError(f"seeds go up to {MAX_SEED}, received {item}")
        if len(seeds) + last - first >= MAX_NUM_SEEDS:
            raise ValueError(f"{text} are more than {MAX_NUM_SEEDS} seeds")
        for seed in range(first, last + 1):
            if seed in seeds:
                raise ValueError(f"seed {seed} occurs twice in {text}")
            seeds[seed] = None
    return list(seeds)


def parse_layers(text):
    """Parses layers such as `0-3,7`.

    Returns:
        Sorted list of different whole numbers.
    """
    layers = set()
    for item in text.split(","):
        match = re.fullmatch("([0-9]{1,3})(?:-([0-9]{1,3}))?", item)
        if not match or int(match[1]) > int(match[2] or match[1]):
            raise ValueError(f"expected layers such as 0-3 or 4,6-7, received {text!r}")
        layers |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    return sorted(layers)


def parse_numbers(text):
    """Parses numbers such as `1,0.7,-0.5`.

    Returns:
        List of finite floats, in the order of the text.
    """
    try:
        return [finite(item) for item in text.split(",")]
    except ValueError:
        raise ValueError(f"expected numbers such as 1,0.7,-0.5, received {text!r}") from None


def finite(text):
    """A number that is neither infinite nor NaN."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, received {text!r}")
    return number


def positive_number(text):
    """A finite number above 0."""
    number = finite(text)
    if number <= 0:
        raise ValueError(f"expected a number above 0, received {text!r}")
    return number


def positive(text):
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"expected a whole number of at least 1, received {text!r}")
    return int(text)


def not_negative(text):
    """A whole number of at least 0."""
    if not text.isdecimal():
        raise ValueError(f"expected a whole number of at least 0, received {text!r}")
    return int(text)


def add_columns_argument(parser):
    parser.add_argument(
        "--columns",
        type=argument(positive),
        default=1,
        metavar="N",
        help="seeds side by side (default: %(default)s)",
    )


def add_zoom_argument(parser):
    parser.add_argument(
        "--zoom",
        type=argument(positive),
        default=1,
        metavar="N",
        help="enlarge everything, for networks of small images (default: %(default)s)",
    )
