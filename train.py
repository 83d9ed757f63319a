"""Trains MSG-StyleGAN: `python train.py --help`."""

import sys

from msg_stylegan.commands.entrance import run_script

if __name__ == "__main__":
    sys.exit(run_script("train"))
