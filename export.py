"""Writes a trained generator for other programs: `python export.py --help`."""

import sys

from msg_stylegan.commands.export import main

if __name__ == "__main__":
    sys.exit(main())
