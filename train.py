"""Trains MSG-StyleGAN: `python train.py --help`."""

import sys

from msg_stylegan.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
