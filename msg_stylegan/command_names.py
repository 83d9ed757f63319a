"""What the commands are called: `msg-stylegan NAME`, or the name of a script in the checkout."""

import shlex
import sys
from pathlib import Path

PROGRAM = "msg-stylegan"
# Name of a command -> its script, which is also its module in `msg_stylegan.commands`.
SCRIPTS = {
    "train": "train",
    "dataset": "dataset_tool",
    "metrics": "run_metrics",
    "generate": "generate",
    "convert": "convert",
    "export": "export",
    "card": "model_card",
    "classifier": "train_classifier",
    "explore": "explore",
}
_CHECKOUT = Path(__file__).resolve().parents[1]


def called(name):
    """A command as the user calls it, such as `python train.py` or `msg-stylegan train`.

    Args:
        name: A key of `SCRIPTS`.
    """
    folder = script_folder()
    if folder is None:
        return f"{PROGRAM} {name}"
    return f"python {shlex.quote(str(folder / SCRIPTS[name]))}.py"


def script_folder():
    """Folder of the script that the user called, as it was called; None if it was not a script."""
    called = Path(sys.argv[0])
    is_script = called.resolve().parent == _CHECKOUT and called.stem in SCRIPTS.values()
    return called.parent if is_script else None
