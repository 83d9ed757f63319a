"""Python programs in new processes."""

import signal
import subprocess
import sys

import numpy as np

from support.checkout import ROOT


def listen_to_ctrl_c():
    """For a new process: programs that a shell starts in the background ignore it otherwise."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run_python(*arguments, cwd=ROOT / "tests"):
    """Runs Python on the code of this checkout and its tests; returns what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def arrays_of_python(path, *arguments):
    """Runs Python, which writes arrays to the path, its last argument; returns them by name."""
    run_python(*arguments, path)
    with np.load(path) as arrays:
        return dict(arrays)
