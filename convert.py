"""Rewrites trained networks as a snapshot or as arrays: `python convert.py SRC DST`."""

import sys

from msg_stylegan.commands.entrance import run_script

if __name__ == "__main__":
    sys.exit(run_script("convert"))
