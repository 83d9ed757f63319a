"""Stopping a run from outside: Ctrl-C, SIGTERM, a closed terminal, or a file named abort.txt."""

import _thread
import contextlib
import signal
from pathlib import Path

from msg_stylegan.workers.group import ALONE

ABORT_FILE = "abort.txt"

# Windows has no SIGHUP.
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class StopRequest:
    """Remembers why training should stop after the current call.

    Args:
        run_dir: Run directory that is watched for `abort.txt`.
        workers: `Workers`. Each of them may be asked to stop, and then all do.
    """

    def __init__(self, run_dir, workers=ALONE):
        self._abort_file = Path(run_dir) / ABORT_FILE
        self._workers = workers
        self._signal_name = None
        self._cuts_short = False
        self._is_relayed = False
        workers.on_stop(self._ask_for_another)

    def reason(self):
        """Why this worker should stop, as text, or None."""
        if self._signal_name:
            return self._signal_name
        if self._workers.is_chief and self._abort_file.exists():
            return ABORT_FILE
        return None

    def agreed_reason(self):
        """The same of all workers together, which must all ask."""
        return self._workers.first(self.reason())

    @contextlib.contextmanager
    def listening(self):
        """Turns signals into requests while the block runs.

        A second SIGINT or SIGTERM kills. SIGHUP stays ignored where it was, as `nohup` wants it.
        """

        def on_signal(number, _frame):
            name = signal.Signals(number).name
            is_relayed, self._is_relayed = self._is_relayed, False
            if not is_relayed:
                self._signal_name = self._signal_name or name
                self._workers.announce_stop(name)
            # The system and the shell both report a closed terminal: more of these mean nothing.
            if name != "SIGHUP" and not is_relayed:
                signal.signal(number, previous[number])
            if self._cuts_short:
                self._cuts_short = False
                raise _CutShortError

        previous = {}
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if number.name == "SIGHUP" and handler == signal.SIG_IGN:
                continue
            # None stands for a handler that is not Python's, and cannot be set again.
            previous[number] = signal.SIG_DFL if handler is None else handler
            signal.signal(number, on_signal)
        try:
            yield self
            # The next session of the run must not stop at once.
            self._workers.on_chief(self._forget_abort_file)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _forget_abort_file(self):
        self._abort_file.unlink(missing_ok=True)

    def _ask_for_another(self, reason):
        """Takes note of why another worker should stop; called in a thread of its own."""
        self._signal_name = self._signal_name or reason
        if self._cuts_short:
            # What cuts short is the handler, which only the main thread runs.
            self._is_relayed = True
            _thread.interrupt_main(signal.SIGTERM)

    def call_or_stop(self, function, *arguments):
        """Calls a function that a signal ends at once; it must not change what is trained.

        Returns:
            What the function returns, or None if it was cut short.
        """
        try:
            try:
                self._cuts_short = True
                return function(*arguments)
            finally:
                self._cuts_short = False
        except _CutShortError:
            return None


class _CutShortError(BaseException):
    """Like `KeyboardInterrupt`, nothing that handles errors may hold it up."""
