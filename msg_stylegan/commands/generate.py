"""Draws pictures with a trained generator."""

import argparse
import importlib

from msg_stylegan.command_line import run_command
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import user_config

_NAMES = (
    *(
        "images",
        "multiscale",
        "pairs",
        "interpolation",
        "noise",
        "mixing",
        "truncation",
        "uncurated",
    ),
    *("classes", "timelapse", "project", "translate", "directions", "score"),
)
# The first line of each module is the help of its command, the rest its description.
COMMANDS = {name: importlib.import_module(f"msg_stylegan.generation.{name}") for name in _NAMES}


def build_parser():
    user = user_config()
    parser = argparse.ArgumentParser(
        prog=called("generate"), description="Draws pictures with a trained generator."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        summary, _, description = module.__doc__.partition("\n")
        command = commands.add_parser(
            name,
            help=summary,
            description=description.strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(
            run=module.run,
            result_dir=user.result_dir,
            cache_dir=user.cache_dir,
            open_lpips=open_lpips,
        )
    return parser


def open_lpips(args):
    """The perceptual distance for `project`; None if its weights are neither there nor asked for.

    Args:
        args: Parsed options `lpips`, `cache_dir`, `vgg16_weights` and `lpips_weights`.

    Raises:
        ValueError: They are missing though `--lpips on` or one of the files is given, or a file is
            there that does not fit.
    """
    from metrics.feature_networks.library import FeatureNetworks, MissingWeightsError

    paths = {"vgg16": args.vgg16_weights, "lpips": args.lpips_weights}
    try:
        return FeatureNetworks(args.cache_dir, paths=paths).get("lpips").distance
    except MissingWeightsError as error:
        if args.lpips == "on" or any(paths.values()) or error.unfit:
            raise ValueError(f"{error} `--lpips off` goes without.") from error
        return None


def main(argv):
    """Runs one command; returns its exit status, see `run_command`."""
    return run_command(
        build_parser,
        lambda args: args.run(args),
        argv,
        interrupted="Interrupted. Pictures up to now are kept.",
    )
