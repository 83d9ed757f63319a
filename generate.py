"""Draws pictures with a trained generator: `python generate.py COMMAND --help`."""

import sys

from msg_stylegan.commands.generate import main

if __name__ == "__main__":
    sys.exit(main())
