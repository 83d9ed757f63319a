"""Makes, checks and shows data sets: `python dataset_tool.py COMMAND --help`."""

import sys

from msg_stylegan.commands.dataset_tool import main

if __name__ == "__main__":
    sys.exit(main())
