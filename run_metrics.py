"""Scores snapshots or files: `python run_metrics.py --help`."""

import sys

from msg_stylegan.commands.run_metrics import main

if __name__ == "__main__":
    sys.exit(main())
