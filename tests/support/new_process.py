"""Python programs in new processes."""

import os
import signal
import subprocess
import sys
import time

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


def start_program(folder, script, *arguments):
    """Starts a program of this checkout in a folder, as a user does."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / script), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=listen_to_ctrl_c,
    )


def run_program(folder, script, *arguments, status=0):
    """Runs a program to its end; returns what it printed: output and errors."""
    process = start_program(folder, script, *arguments)
    output, errors = process.communicate(timeout=600)
    assert process.returncode == status, errors[-3000:]
    return output, errors


def wait_for(process, condition, timeout=300):
    """Waits for a process to bring something about; returns what the condition gave."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return result


def arrays_of_python(path, *arguments):
    """Runs Python, which writes arrays to the path, its last argument; returns them by name."""
    run_python(*arguments, path)
    with np.load(path) as arrays:
        return dict(arrays)
