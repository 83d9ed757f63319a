"""One training at a time: a lock on a run, which the system releases when its process ends."""

import contextlib
import os
import socket
from pathlib import Path

from msg_stylegan.training.interruption import ABORT_FILE
from msg_stylegan.training.run_log import say

try:
    import fcntl
except ImportError:
    # Windows has no such locks: there nothing keeps two processes apart.
    fcntl = None

LOCK_FILE = "in_use.txt"


@contextlib.contextmanager
def run_lock(run_dir):
    """Keeps a run for this process while the block runs.

    The file with the lock names process and computer. One that a killed process has left is no
    obstacle.

    Args:
        run_dir: Existing run directory.

    Raises:
        BlockingIOError: Another process trains the run.
    """
    if fcntl is None:
        yield
        return
    path = Path(run_dir) / LOCK_FILE
    descriptor = _open_locked(path)
    try:
        os.truncate(descriptor, 0)
        # Only for the message: a full disk is reported by what needs more.
        with contextlib.suppress(OSError):
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        # One that stays, where nothing can be written any more, is no obstacle; and an error here
        # would hide the one that ended the training.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _open_locked(path):
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            holder = os.read(descriptor, 1000).decode(errors="replace") or "another process"
            os.close(descriptor)
            raise BlockingIOError(
                f"{path.parent} is being trained by {holder}. Wait until that has ended, or stop "
                f"it, for instance by a file {ABORT_FILE} in that folder."
            ) from None
        except OSError as error:
            say(
                f"{path} cannot be locked ({error.strerror}). Make sure that no other process "
                "trains this run."
            )
            return descriptor
        # Whoever had it before may have removed the file since; then the lock is worth nothing.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)
