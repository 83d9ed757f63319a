"""Shows a trained network in the browser."""

import argparse
import os
from pathlib import Path

from msg_stylegan.command_line import run_command
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import user_config
from msg_stylegan.explorer.serving import serve
from msg_stylegan.generation.arguments import add_network_arguments, positive


def build_parser():
    parser = argparse.ArgumentParser(
        prog=called("explore"),
        description="Shows a trained network in the browser: all scales of its samples, and what "
        "can be done to them. Needs the extra `explore`.",
    )
    add_network_arguments(parser, (None,))
    # All domains are opened, and visitors choose the labels.
    parser.set_defaults(result_dir=user_config().result_dir, label_class=None, label=None)
    parser.add_argument(
        "--directions",
        type=Path,
        metavar="FILE",
        help="directions.json of `generate directions` (default: found from the weights)",
    )
    parser.add_argument(
        "--title", metavar="TEXT", help="head of the page (default: the name of the run or file)"
    )
    parser.add_argument(
        "--host",
        # Servers of apps of Gradio set it.
        default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        metavar="ADDRESS",
        help="address to listen at; 0.0.0.0 lets other computers in (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        metavar="N",
        help="port to listen at (default: the first free one from 7860)",
    )
    parser.add_argument(
        "--share",
        type=_yes_or_no,
        default=False,
        metavar="yes|no",
        help="whether Gradio makes a public address, which leads through its servers (default: no)",
    )
    return parser


def explore(args):
    """Opens the networks and shows them until Ctrl-C."""
    serve(args, lambda: open_exhibit(args))


def open_exhibit(args):
    """The `Exhibit`, and the list of the `RunView` of each of its views; empty without a run."""
    # They start TensorFlow, for which help and mistakes need not wait.
    from msg_stylegan.explorer.exhibit import Exhibit
    from msg_stylegan.explorer.run_view import RunView

    exhibit = Exhibit(args)
    views = [] if exhibit.run_dir is None else exhibit.views
    return exhibit, [RunView(exhibit.run_dir, view) for view in views]


def _port(text):
    number = positive(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, received {text!r}")
    return number


def _yes_or_no(text):
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"expected yes or no, received {text!r}")
    return text == "yes"


def main(argv):
    """Serves; returns the exit status, see `run_command`."""
    return run_command(build_parser, explore, argv, interrupted="Interrupted.")
