"""What a program says and returns to its caller when a job ends, fails or is interrupted."""

import sys


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
    except Exception as error:
        # What a user can bring about. Anything else is a mistake of ours and keeps its traceback.
        if not isinstance(error, (ValueError, OSError, *_tensorflow_errors())):
            raise
        failures = [getattr(error, "message", error)]
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return 130
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _tensorflow_errors():
    """Errors of TensorFlow, which not every program starts."""
    tf = sys.modules.get("tensorflow")
    return () if tf is None else (tf.errors.OpError,)
