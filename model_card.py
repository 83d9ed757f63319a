"""Makes a folder for a model hub: `python model_card.py --help`."""

import sys

from msg_stylegan.commands.model_card import main

if __name__ == "__main__":
    sys.exit(main())
