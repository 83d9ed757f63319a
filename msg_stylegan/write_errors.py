"""Errors of writing, such as a full disk, as one line that says which file, why, and what to do."""

import contextlib
import errno
import os

_REASONS = {
    errno.ENOSPC: "the disk that holds it is full. Free some room there",
    errno.EDQUOT: "the quota of the disk that holds it is used up. Free some room there",
    errno.EFBIG: "it is larger than files may be here. Raise the limit (ulimit -f)",
    errno.EIO: "a disk reports an input/output error. Check the disks",
}


class WriteError(OSError):
    """A file cannot be written; the message is a whole sentence for the user."""


@contextlib.contextmanager
def writing(target):
    """Turns errors of the block that mean a full or failing disk into a `WriteError`.

    Libraries raise errors of their own for them: TensorFlow calls a full disk exhausted resources,
    as it does a full memory, and many leave out the name of the file.

    Args:
        target: Path of what the block writes, for the message.

    Raises:
        WriteError: The disk is full, fails, or allows no such file. Other errors pass.
    """
    try:
        yield
    except WriteError:
        raise
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise WriteError(f"{target} cannot be written: {reason}.") from error


@contextlib.contextmanager
def tensorflow_writing(target):
    """`writing` for a block in which TensorFlow only writes, so that all its errors are meant."""
    import tensorflow as tf

    try:
        with writing(target):
            yield
    except tf.errors.OpError as error:
        reason = error.message.partition("\n")[0]
        raise WriteError(f"{target} cannot be written: {reason}") from error


def _reason(error):
    """What an error says about the disk, or None."""
    while error is not None:
        for number, reason in _REASONS.items():
            if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
                return reason
        error = error.__cause__ or error.__context__
    return None
