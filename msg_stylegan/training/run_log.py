"""What a run says: on the terminal and, in the same words, in its log.txt."""

import contextlib
import logging
import logging.handlers
import sys
from pathlib import Path

from tqdm import tqdm

LOG_FILE = "log.txt"

_LOGGER = logging.getLogger("msg_stylegan")


class _Lasting:
    """A handler whose failures end no training. The first one is told to the other handlers."""

    what = ""
    _has_failed = False

    def handleError(self, record):
        if not self._has_failed:
            self._has_failed = True
            say(f"{self.what} cannot be written any more: {sys.exc_info()[1]}. Training goes on.")


class _AboveProgressBar(_Lasting, logging.Handler):
    """Prints to the terminal without tearing a progress bar."""

    what = "The output"

    def emit(self, record):
        try:
            tqdm.write(self.format(record), file=sys.stdout)
            sys.stdout.flush()
            # Commands write to a stream that never fails, but knows what it lost.
            if error := getattr(sys.stdout, "error", None):
                raise error
        except Exception:
            self.handleError(record)


class _LogFile(_Lasting, logging.FileHandler):
    what = LOG_FILE

    def close(self):
        # That a full disk does not take the rest was reported already.
        with contextlib.suppress(OSError):
            super().close()


def say(message):
    """Prints a message and, during a run, adds it to the run's log."""
    _LOGGER.info(message)


@contextlib.contextmanager
def logging_to(run_dir, held=False, silent=False):
    """While the block runs, `say` also writes to `<run_dir>/log.txt`, and an error is noted there.

    Args:
        run_dir: Run directory, or None for the terminal alone.
        held: Whether the log begins when the function that is yielded is called. Nothing is
            written if an error comes before that.
        silent: Whether nothing is printed on the terminal, where another worker speaks.

    Yields:
        Function without arguments that lets the log begin.
    """
    terminal = logging.NullHandler() if silent else _AboveProgressBar()
    waiting = logging.handlers.MemoryHandler(sys.maxsize, sys.maxsize, flushOnClose=False)
    handlers = [terminal, waiting]

    def begin():
        if run_dir is None or waiting not in handlers:
            return
        # Names of files need not be UTF-8.
        log = _LogFile(Path(run_dir) / LOG_FILE, encoding="utf-8", errors="backslashreplace")
        waiting.setTarget(log)
        waiting.flush()
        _LOGGER.removeHandler(waiting)
        _LOGGER.addHandler(log)
        handlers[:] = [terminal, log]

    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    for handler in handlers:
        _LOGGER.addHandler(handler)
    if not held:
        begin()
    try:
        yield begin
    except BaseException as error:
        # The caller reports it on the terminal.
        _LOGGER.removeHandler(terminal)
        if isinstance(error, Exception):
            say(f"Stopped by an error: {str(error) or type(error).__name__}")
        else:
            begin()
            say(f"Stopped by {type(error).__name__}.")
        raise
    finally:
        for handler in handlers:
            _LOGGER.removeHandler(handler)
            handler.close()
