"""What a run says: on the terminal and, in the same words, in its log.txt."""

import contextlib
import logging
import sys
from pathlib import Path

from tqdm import tqdm

_LOGGER = logging.getLogger("msg_stylegan")


class _AboveProgressBar(logging.Handler):
    """Prints to the terminal without tearing a progress bar."""

    def emit(self, record):
        tqdm.write(self.format(record), file=sys.stdout)
        sys.stdout.flush()


def say(message):
    """Prints a message and, during a run, adds it to the run's log."""
    _LOGGER.info(message)


@contextlib.contextmanager
def logging_to(run_dir):
    """While the block runs, `say` also writes to `<run_dir>/log.txt`; so does an uncaught error."""
    handlers = [_AboveProgressBar()]
    if run_dir is not None:
        handlers.append(logging.FileHandler(Path(run_dir) / "log.txt", encoding="utf-8"))
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    for handler in handlers:
        _LOGGER.addHandler(handler)
    try:
        yield
    except Exception as error:
        _LOGGER.info(f"Stopped by an error: {error}")
        raise
    finally:
        for handler in handlers:
            _LOGGER.removeHandler(handler)
            handler.close()
