"""Standard output and error that outlast their readers: nothing ends because nobody listens."""

import contextlib
import errno
import os
import sys
from pathlib import Path


@contextlib.contextmanager
def lasting_output():
    """Makes `sys.stdout` and `sys.stderr` take everything while the block runs.

    Letters that the terminal cannot show are escaped. What cannot be written, because the reader
    went away, the disk is full or the stream was closed from the start, is dropped.

    Yields:
        Function without arguments that writes out what is held back, and returns the `OSError`
        by which standard output lost something, or None. A reader that went away does not count,
        since it wants nothing more.
    """
    _fill_closed_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_LastingStream, before, (1, 2))
    try:
        yield sys.stdout.loss
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


class _LastingStream:
    """A text stream whose `write` and `flush` always succeed.

    Attributes:
        error: The first `OSError` of the stream below, or None.
    """

    def __init__(self, stream, descriptor):
        # A descriptor that was closed leaves Python without a stream.
        self._stream = stream or os.fdopen(descriptor, "w", encoding="utf-8", closefd=False)
        self.error = None
        # Streams of notebooks have no encoding to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def write(self, text):
        self._try(self._stream.write, text)
        return len(text)

    def writelines(self, lines):
        self.write("".join(lines))

    def flush(self):
        self._try(self._stream.flush)

    def loss(self):
        self.flush()
        went_away = self.error is not None and self.error.errno == errno.EPIPE
        return None if went_away else self.error

    def _try(self, function, *arguments):
        try:
            function(*arguments)
        except OSError as error:
            self.error = self.error or error
            # What waits in the buffer would fail again, at the latest when Python ends.
            with contextlib.suppress(OSError), Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())

    def __getattr__(self, name):
        return getattr(self._stream, name)


def _fill_closed_descriptors():
    """Opens the standard descriptors that are closed, or a data file would get their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
