"""The command of an experiment that trains nothing, and looks at a snapshot."""

import argparse
from pathlib import Path

from msg_stylegan import load_networks
from msg_stylegan.command_line import own_arguments, run_command
from msg_stylegan.commands.user_config import add_result_dir
from msg_stylegan.generation.arguments import DOMAINS, add_domain_argument, not_negative
from msg_stylegan.generation.seed_images import generator_of
from msg_stylegan.pretrained import find_network_file


def snapshot_parser(name, description, *, decided_by_seed):
    """A parser with the arguments that all of them have.

    Args:
        name: Module in this package.
        description: What `--help` says first.
        decided_by_seed: What the seed decides, in words.

    Returns:
        `argparse.ArgumentParser` of run, domain, seed, data and result_dir.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m experiments.{name}", description=f"{description} Runs from the checkout."
    )
    parser.add_argument(
        "--run",
        default="latest",
        metavar="FILE|RUN",
        help='snapshot, or run (its newest one): its folder, its number or "latest" (default)',
    )
    add_domain_argument(parser, DOMAINS[0], "domain of a pair of networks (default: %(default)s)")
    parser.add_argument(
        "--seed",
        type=not_negative,
        default=0,
        help=f"decides {decided_by_seed} (default: %(default)s)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="real images (default: those of the training)"
    )
    add_result_dir(parser)
    return parser


def open_snapshot(args):
    """Finds and opens what `snapshot_parser` asks for.

    Returns:
        Tuple of its path, its facts (`Networks.info`) and its generator.

    Raises:
        ValueError: It has no generator, or not this domain.
        FileNotFoundError: There is no such file or run.
    """
    path = find_network_file(args.run, args.result_dir)
    nets = load_networks(path, args.domain)
    return path, nets.info, generator_of(nets, path)


def main(build_parser, run, argv):
    """Runs the command; returns its exit status, see `run_command`."""
    return run_command(
        build_parser,
        run,
        own_arguments() if argv is None else argv,
        interrupted="Interrupted. Nothing is recorded.",
        needs_arguments=False,
    )
