"""Writes a trained generator for other programs: `python export.py --help`."""

import sys

from msg_stylegan.commands.entrance import run_script

if __name__ == "__main__":
    sys.exit(run_script("export"))
