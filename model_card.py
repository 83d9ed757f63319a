"""Makes a folder for a model hub: `python model_card.py --help`."""

import sys

from msg_stylegan.commands.entrance import run_script

if __name__ == "__main__":
    sys.exit(run_script("card"))
