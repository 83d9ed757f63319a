"""Trains a classifier of images: `python train_classifier.py --help`."""

import sys

from msg_stylegan.commands.entrance import run_script

if __name__ == "__main__":
    sys.exit(run_script("classifier"))
