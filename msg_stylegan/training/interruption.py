"""Stopping a run from outside: Ctrl-C, SIGTERM, or a file named abort.txt in its directory."""

import contextlib
import signal
from pathlib import Path

ABORT_FILE = "abort.txt"


class StopRequest:
    """Remembers why training should stop after the current call.

    Args:
        run_dir: Run directory that is watched for `abort.txt`.
    """

    def __init__(self, run_dir):
        self._abort_file = Path(run_dir) / ABORT_FILE
        self._signal_name = None

    def reason(self):
        """Why to stop, as text, or None."""
        if self._signal_name:
            return self._signal_name
        if self._abort_file.exists():
            return ABORT_FILE
        return None

    @contextlib.contextmanager
    def listening(self):
        """Turns SIGINT and SIGTERM into requests while the block runs; a second one kills."""

        def on_signal(number, _frame):
            self._signal_name = signal.Signals(number).name
            signal.signal(number, previous[number])

        numbers = (signal.SIGINT, signal.SIGTERM)
        previous = {number: signal.signal(number, on_signal) for number in numbers}
        try:
            yield self
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            # The next session of the run must not stop at once.
            self._abort_file.unlink(missing_ok=True)
