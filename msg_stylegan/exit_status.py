"""What a program says and returns to its caller when a job ends, fails or is interrupted."""

import sys

import tensorflow as tf

# What a user can bring about. Anything else is a mistake of ours and keeps its traceback.
_USER_ERRORS = (ValueError, OSError, tf.errors.OpError)


def exit_status(job, interrupted):
    """Runs a job; errors of the user become one line each.

    Args:
        job: Function without arguments. It returns the messages of parts that failed, or None.
        interrupted: What to say after Ctrl-C.

    Returns:
        Exit status: 0, 1 after an error, 130 after Ctrl-C.
    """
    try:
        failures = job() or []
    except _USER_ERRORS as error:
        failures = [error.message if isinstance(error, tf.errors.OpError) else error]
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return 130
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0
