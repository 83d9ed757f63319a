"""Command line arguments that several commands share, and their types."""

import argparse
import math
import re
from pathlib import Path

from msg_stylegan.pictures.sheets import LAYOUTS
from msg_stylegan.pictures.video import CODECS, FORMATS
from msg_stylegan.sampling.sampler import NOISE_MODES

MAX_SEED = 2**32 - 1
MAX_NUM_SEEDS = 1_000_000
DOMAINS = ("a", "b")
BOTH = "both"
_SCALES = ("all", "alternate", "top")


class BadArgumentError(argparse.ArgumentTypeError, ValueError):
    """A text that is not such a value. argparse shows the message."""


def parse_range(text):
    """First and last number of a range such as `4-32`, or twice a number; None for other texts."""
    match = re.fullmatch("([0-9]+)(?:-([0-9]+))?", text)
    return match and (int(match[1]), int(match[2] or match[1]))


def parse_seeds(text):
    """Parses seeds such as `0-31,77`.

    Args:
        text: Numbers and ranges (both ends included) separated by commas, without spaces.

    Returns:
        List of different whole numbers from 0 to 2**32 - 1, in the order of the text.

    Raises:
        BadArgumentError: Anything else.
    """
    seeds = {}
    for item in text.split(","):
        ends = parse_range(item)
        if not ends:
            raise BadArgumentError(f"expected seeds such as 0-31,77, received {item!r} in {text!r}")
        first, last = ends
        if first > last:
            raise BadArgumentError(f"the range {item} runs backwards, write {last}-{first}")
        if last > MAX_SEED:
            raise BadArgumentError(f"seeds go up to {MAX_SEED}, received {item}")
        if len(seeds) + last - first >= MAX_NUM_SEEDS:
            raise BadArgumentError(f"{text} are more than {MAX_NUM_SEEDS} seeds")
        for seed in range(first, last + 1):
            if seed in seeds:
                raise BadArgumentError(f"seed {seed} occurs twice in {text}")
            seeds[seed] = None
    return list(seeds)


def parse_layers(text):
    """Parses layers such as `0-3,7`; returns a sorted list of different whole numbers."""
    layers = set()
    for item in text.split(","):
        first, last = parse_range(item) or (1, 0)
        if not first <= last < 1000:
            raise BadArgumentError(f"expected layers such as 0-3 or 4,6-7, received {text!r}")
        layers |= set(range(first, last + 1))
    return sorted(layers)


def parse_scales(text):
    """Parses `all`, `alternate`, `top` or sizes such as `4,16,64`, for `choose_scales`."""
    if text in _SCALES:
        return text
    try:
        return sorted({positive(size) for size in text.split(",")})
    except ValueError:
        raise BadArgumentError(
            f"expected {', '.join(_SCALES)} or sizes such as 4,16,64, received {text!r}"
        ) from None


def parse_class(text):
    """Parses the name or the number of a class."""
    if not text.strip() or re.fullmatch(r"-[0-9]+", text):
        raise BadArgumentError(f"expected the name of a class or its number, received {text!r}")
    return text


def parse_numbers(text):
    """Parses numbers such as `1,0.7,-0.5`; returns a list of finite floats in this order."""
    try:
        return [finite(item) for item in text.split(",")]
    except ValueError:
        raise BadArgumentError(f"expected numbers such as 1,0.7,-0.5, received {text!r}") from None


def finite(text):
    """A number that is neither infinite nor NaN."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadArgumentError(f"expected a finite number, received {text!r}")
    return number


def positive_number(text):
    """A finite number above 0."""
    number = finite(text)
    if number <= 0:
        raise BadArgumentError(f"expected a number above 0, received {text!r}")
    return number


def positive(text):
    """A whole number of at least 1."""
    return _whole(text, 1)


def not_negative(text):
    """A whole number of at least 0."""
    return _whole(text, 0)


def _whole(text, least):
    if not text.isdecimal() or int(text) < least:
        raise BadArgumentError(f"expected a whole number of at least {least}, received {text!r}")
    return int(text)


def add_network_arguments(parser, domains=DOMAINS):
    """Options of every command that opens a network. The entrance sets `result_dir`.

    Args:
        parser: Parser of the command.
        domains: Values of `--domain`, of which the first one is the default. There is no such
            option if it is the only one.
    """
    parser.add_argument(
        "--network",
        required=True,
        metavar="FILE|RUN",
        help='file of networks, or run (its newest snapshot): its folder, its number or "latest"',
    )
    add_result_dir_argument(parser)
    if len(domains) == 1:
        parser.set_defaults(domain=domains[0])
        return
    both = ", or both, whose images have the same latents, noise and labels"
    what = f"domain of a pair of networks{both * (BOTH in domains)} (default: {domains[0]})"
    add_domain_argument(parser, domains[0], what, domains)


def add_domain_argument(parser, default, what, choices=DOMAINS):
    """Option that chooses the networks of one domain of a pair; `what` is its help."""
    parser.add_argument("--domain", choices=choices, default=default, help=what)


def add_result_dir_argument(parser):
    """Option of every command that finds a run by its number. The entrance sets its default."""
    parser.add_argument(
        "--result_dir", metavar="DIR", help="folder of the runs (default: %(default)s)"
    )


def add_outdir_argument(parser):
    """Option of every command that writes pictures."""
    parser.add_argument(
        "--outdir", required=True, type=Path, metavar="DIR", help="folder for the pictures"
    )


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
        type=parse_class,
        metavar="NAME|K",
        help=f"class of {what}, its name or number, of a network with classes (default: {default})",
    )
    group.add_argument(
        "--label",
        type=parse_numbers,
        metavar="X,X,...",
        help=f"label of {what} by hand, one number for each component; --label=-1,2 if the first "
        "is negative",
    )


def add_seed_arguments(
    parser,
    *,
    seeds="one image for each",
    cutoff=8,
    noise_mode="const",
    required=True,
    one_label=True,
    domains=DOMAINS,
):
    """Options of every command that draws the images of seeds: `SeedImages` reads them.

    Args:
        parser: Parser of the command.
        seeds: What the command does with the seeds.
        cutoff: Default of `--truncation_cutoff`; None for all layers.
        noise_mode: Default of `--noise_mode`.
        required: Whether the seeds must be given.
        one_label: Whether the command has the options `--class` and `--label`.
        domains: See `add_network_arguments`.
    """
    add_network_arguments(parser, domains)
    parser.add_argument(
        "--seeds", required=required, type=parse_seeds, help=f"{seeds}, such as 0-31,77"
    )
    if one_label:
        add_label_arguments(parser, "all images", "drawn by the seed")
    else:
        parser.set_defaults(label_class=None, label=None)
    parser.add_argument(
        "--truncation_psi",
        type=finite,
        metavar="PSI",
        help="less than 1 trades variety for quality (default: 0.7; 1 for a network without a "
        "mapping network)",
    )
    parser.add_argument(
        "--truncation_cutoff",
        type=not_negative,
        metavar="LAYERS",
        help="number of layers that are truncated, from the lowest resolution "
        f"(default: {'all' if cutoff is None else cutoff})",
    )
    parser.set_defaults(default_cutoff=cutoff)
    parser.add_argument(
        "--noise_mode",
        choices=NOISE_MODES,
        default=noise_mode,
        help="noise inputs: the stored ones, drawn by the seed, or none (default: %(default)s)",
    )
    parser.add_argument(
        "--noise_seed",
        type=not_negative,
        metavar="N",
        help="with random noise: the seed of the noise of all images (default: that of the image)",
    )
    add_outdir_argument(parser)


def add_w_argument(parser, what, nargs=None):
    """Option of commands that draw stored w instead of the images of seeds, for `check_seeds_or_w`.

    Args:
        parser: Parser of the command.
        what: What the files hold, for the help.
        nargs: "+" for several files.
    """
    what = f"instead of --seeds: {what}"
    parser.add_argument("--w", type=Path, nargs=nargs, metavar="FILE", help=what)


def check_seeds_or_w(args):
    """Refuses both `--seeds` and `--w`, neither of them, and what does not go with `--w`."""
    if (args.seeds is None) == (args.w is None):
        raise ValueError("Give either --seeds or --w.")
    if args.w is not None and (args.label_class or args.label):
        raise ValueError("--class and --label go with --seeds: a w has its label in it already.")
    if args.w is not None and (args.truncation_psi, args.truncation_cutoff) != (None, None):
        raise ValueError(
            "--truncation_psi and --truncation_cutoff go with --seeds: a w is drawn as it is."
        )
    if args.w is not None and args.domain == BOTH:
        raise ValueError("--w belongs to one domain: --domain a or --domain b.")


def add_scale_argument(parser):
    """Option of commands that draw one scale."""
    parser.add_argument(
        "--scale",
        type=positive,
        metavar="PIXELS",
        help="size of the images, one of the scales of the network (default: the largest)",
    )


def add_scales_argument(parser, default):
    """Option of commands that show scales together."""
    parser.add_argument(
        "--scales",
        type=parse_scales,
        default=default,
        metavar="SCALES",
        help="scales to show: all, alternate (every second one, counted from the top), top, or "
        "sizes such as 4,16,64 (default: %(default)s)",
    )


def add_layout_arguments(parser, what):
    """Options of commands that lay the scales of many seeds out: `--layout`, `--columns`, `--zoom`.

    Args:
        parser: Parser of the command.
        what: What has an order, for the help.
    """
    add_choice_argument(parser, "--layout", LAYOUTS, "strip", f"order of {what}")
    add_count_argument(parser, "--columns", 1, "seeds side by side")
    add_zoom_argument(parser)


def layout_of(args):
    """Keyword arguments of `scale_sheet` from the options of `add_layout_arguments`."""
    return {"layout": args.layout, "columns": args.columns, "zoom": args.zoom}


def add_sheet_arguments(parser):
    """Options of commands that show one scale of several images: `--scale` and `--zoom`."""
    add_scale_argument(parser)
    add_zoom_argument(parser)


def add_zoom_argument(parser):
    add_count_argument(parser, "--zoom", 1, "enlarge everything, for networks of small images")


def add_choice_argument(parser, name, choices, default, what):
    """Option with one of some words; `what` is its help."""
    what = f"{what} (default: %(default)s)"
    parser.add_argument(name, choices=choices, default=default, help=what)


def add_count_argument(parser, name, default, what, metavar="N"):
    """Option with a whole number of at least 1; `what` is its help."""
    what = f"{what} (default: %(default)s)"
    parser.add_argument(name, type=positive, default=default, metavar=metavar, help=what)


def add_video_arguments(parser, fps):
    """Options of commands that make a video.

    Args:
        parser: Parser of the command.
        fps: Default speed.
    """
    add_choice_argument(
        parser, "--format", FORMATS, "mp4", "frames: a folder of numbered PNG files"
    )
    parser.add_argument(
        "--fps",
        type=positive_number,
        default=fps,
        metavar="N",
        help="frames per second (default: %(default)s)",
    )
    add_choice_argument(parser, "--codec", tuple(CODECS), "h264", "how an MP4 is encoded")
