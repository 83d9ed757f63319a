"""Rewrites trained networks as a snapshot or as arrays: `python convert.py SRC DST`."""

import sys

from msg_stylegan.commands.convert import main

if __name__ == "__main__":
    sys.exit(main())
