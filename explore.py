"""Shows a trained network in the browser: `python explore.py --help`."""

import sys

from msg_stylegan.commands.entrance import run_script

if __name__ == "__main__":
    sys.exit(run_script("explore"))
