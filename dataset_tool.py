"""Makes, checks and shows data sets: `python dataset_tool.py COMMAND --help`."""

import sys

from msg_stylegan.commands.entrance import run_script

if __name__ == "__main__":
    sys.exit(run_script("dataset"))
