"""Makes a folder for a model hub."""

import argparse
from pathlib import Path

from msg_stylegan.command_line import UsageError, run_command
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import add_result_dir
from msg_stylegan.model_card.hub import push_folder
from msg_stylegan.training.run_directory import find_run


def build_parser():
    parser = argparse.ArgumentParser(
        prog=called("card"),
        description="Writes a folder with the best snapshot of a run (the newest one, if none was "
        "scored), a picture of samples, and a model card made from what the run recorded.",
    )
    parser.add_argument(
        "--run", required=True, help='run: its folder, its number or "latest"', metavar="RUN"
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FOLDER", help="folder to make"
    )
    parser.add_argument(
        "--title", metavar="TEXT", help="title of the card (default: the name of the run)"
    )
    parser.add_argument(
        "--license",
        metavar="NAME",
        help="licence of the weights as model hubs write it, such as cc-by-nc-4.0",
    )
    parser.add_argument(
        "--push_to_hub",
        metavar="OWNER/NAME",
        help="also send the folder to this repository of the Hugging Face hub",
    )
    parser.add_argument(
        "--private", action="store_true", help="with --push_to_hub: make it a private repository"
    )
    add_result_dir(parser)
    return parser


def make_card(args):
    """Writes the folder and, if wanted, sends it."""
    if args.private and not args.push_to_hub:
        raise UsageError("--private goes with --push_to_hub")
    # It starts TensorFlow, for which help and mistakes need not wait.
    from msg_stylegan.model_card.folder import write_model_folder

    run_dir = find_run(args.result_dir, args.run)
    name = args.title or run_dir.name
    snapshot = write_model_folder(run_dir, args.output, name=name, license_name=args.license)
    print(f"{args.output}: model card of {snapshot}")
    if args.push_to_hub:
        print(push_folder(args.output, args.push_to_hub, private=args.private))


def main(argv):
    """Makes one folder; returns the exit status, see `run_command`."""
    return run_command(
        build_parser, make_card, argv, interrupted="Interrupted. No incomplete folder is left."
    )
