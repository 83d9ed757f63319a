"""Python programs in new processes."""

import signal


def listen_to_ctrl_c():
    """For a new process: programs that a shell starts in the background ignore it otherwise."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
