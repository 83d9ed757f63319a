"""The entrances: `msg-stylegan COMMAND` of an installed package, and the scripts of a checkout."""

import importlib
import os
import sys

from msg_stylegan.command_line import UsageError, exit_status, own_arguments
from msg_stylegan.command_names import PROGRAM, SCRIPTS
from msg_stylegan.commands.user_config import import_extensions
from msg_stylegan.wording import did_you_mean

USAGE = f"""\
usage: {PROGRAM} COMMAND ...
       {PROGRAM} --help | --version

MSG-StyleGAN for TensorFlow 2: images at every scale from one generator.

commands:
  dataset     makes, checks and shows data sets
  train       trains networks
  metrics     scores snapshots, or images in files
  generate    draws pictures with a trained generator
  explore     shows a trained network in the browser
  convert     rewrites trained networks as a snapshot or as arrays
  export      writes a trained generator for other programs
  card        makes a folder for a model hub
  classifier  trains a classifier that couples or judges generators

{PROGRAM} COMMAND --help says what a command can do. Folders such as datasets/ and results/ are
those in the current folder, unless a file config.py there names others.
"""


def main():
    """Runs `msg-stylegan`; returns its exit status."""
    arguments = own_arguments()
    if arguments and arguments[0] in SCRIPTS:
        return _run(arguments[0], arguments[1:])
    return exit_status(lambda: _tell(arguments), interrupted="Interrupted.")


def run_script(name):
    """Runs the script of a command, a key of `SCRIPTS`; returns its exit status."""
    return _run(name, own_arguments())


def _run(name, arguments):
    if name == "dataset":
        # Nothing there is for a GPU, whose memory a training run may need whole.
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    if status := exit_status(import_extensions, interrupted="Interrupted."):
        return status
    # Only now, because the command imports the options, to which extensions add.
    module = importlib.import_module(f"msg_stylegan.commands.{SCRIPTS[name]}")
    return module.main(arguments)


def _tell(arguments):
    """Answers a command line without a command."""
    if not arguments:
        print(USAGE, file=sys.stderr, end="")
        raise SystemExit(2)
    if arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
    elif arguments[0] == "--version":
        from msg_stylegan import __version__

        print(f"{PROGRAM} {__version__}")
    else:
        raise UsageError(
            f"unknown command {arguments[0]!r}.{did_you_mean(arguments[0], SCRIPTS)} The commands "
            f"are: {', '.join(SCRIPTS)}."
        )
