"""Makes a folder for a model hub."""

import argparse
import shlex
from pathlib import Path

from msg_stylegan.command_line import UsageError, run_command
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import add_result_dir
from msg_stylegan.model_card.hub import push_folder
from msg_stylegan.model_card.space import SPACES, SpaceOptions
from msg_stylegan.training.run_directory import find_run


def build_parser():
    parser = argparse.ArgumentParser(
        prog=called("card"),
        description="Writes a folder with the best snapshot of a run (the newest one, if none was "
        "scored), a picture of samples, and a model card made from what the run recorded. The "
        "folder can be a Space, too, which shows the network.",
    )
    parser.add_argument(
        "--run",
        metavar="RUN",
        help='run: its folder, its number or "latest"; without it, --space is added to the model '
        "card that FOLDER holds",
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FOLDER", help="folder to make"
    )
    parser.add_argument(
        "--space",
        choices=list(SPACES),
        help="also make the folder a Space: gradio for the explorer, which draws on the server; "
        "static for the page of `export --format web`, which draws in the browser",
    )
    parser.add_argument(
        "--onnxruntime_web",
        metavar="FOLDER",
        help="with --space static: unpacked npm package onnxruntime-web (default: where npm "
        "installs it, node_modules/onnxruntime-web)",
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
        help="also send the folder to this repository of the Hugging Face hub, a Space with "
        "--space",
    )
    parser.add_argument(
        "--private", action="store_true", help="with --push_to_hub: make it a private repository"
    )
    add_result_dir(parser)
    return parser


def make_card(args):
    """Writes the folder and, if wanted, sends it."""
    if args.run is None and args.space is None:
        raise UsageError("--run is missing: the run whose snapshot is published")
    if args.private and not args.push_to_hub:
        raise UsageError("--private goes with --push_to_hub")
    if args.onnxruntime_web and args.space != "static":
        raise UsageError("--onnxruntime_web goes with --space static")
    # It starts TensorFlow, for which help and mistakes need not wait.
    from msg_stylegan.model_card.folder import add_space_to_card, write_model_folder

    space = args.space and SpaceOptions(args.space, args.title, args.license, args.onnxruntime_web)
    if args.run is None:
        add_space_to_card(args.output, space)
    else:
        run_dir = find_run(args.result_dir, args.run)
        snapshot = write_model_folder(
            run_dir,
            args.output,
            name=args.title or run_dir.name,
            license_name=args.license,
            space=space,
        )
        print(f"{args.output}: model card of {snapshot}")
    if args.space:
        usage = SPACES[args.space].usage.format(folder=shlex.quote(str(args.output)))
        print(f"{args.output}: {args.space} Space; try it by: {usage}")
    if args.push_to_hub:
        sent = push_folder(
            args.output, args.push_to_hub, private=args.private, space_sdk=args.space
        )
        print(sent)


def main(argv):
    """Makes one folder; returns the exit status, see `run_command`."""
    return run_command(
        build_parser, make_card, argv, interrupted="Interrupted. No incomplete folder is left."
    )
