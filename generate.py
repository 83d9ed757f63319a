"""Draws pictures with a trained generator: `python generate.py COMMAND --help`."""

import sys

from msg_stylegan.commands.entrance import run_script

if __name__ == "__main__":
    sys.exit(run_script("generate"))
