"""Which errors a user can bring about, and which are faults of the program."""

import dis
import sys
from pathlib import Path

# What to say of a fault, before its traceback.
REPORT = "This is a fault of the program. Please report it with the following text:"

_PARENT = Path(__file__).resolve().parents[1]
_PACKAGES = ("msg_stylegan", "metrics", "experiments")
# What a `raise` of ours may say to a user.
_KINDS = (ValueError, OSError, ImportError, MemoryError, FloatingPointError)
# What may happen to any file; the others come from graphs, which we build.
_TENSORFLOW_ERRORS = (
    "NotFoundError",
    "AlreadyExistsError",
    "PermissionDeniedError",
    "UnauthenticatedError",
    "UnavailableError",
    "DeadlineExceededError",
    "DataLossError",
    "ResourceExhaustedError",
)


def user_message(error):
    """The text for a user who brought an error about, or None for a fault of the program.

    A `ValueError` of a library is a fault: what a user can do wrong is told by a `raise` of ours,
    with the name of the file or option.

    Args:
        error: An exception that was caught.
    """
    known = getattr(error, "user_message", None)
    if known is not None:
        return known
    if isinstance(error, _KINDS) and _is_raised_by_us(error):
        return str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        return str(error)
    if isinstance(error, MemoryError):
        return f"out of memory. {error}".rstrip()
    tf = sys.modules.get("tensorflow")
    if tf and isinstance(error, tuple(getattr(tf.errors, name) for name in _TENSORFLOW_ERRORS)):
        return error.message
    return None


def keep_user_message(error):
    """Makes `user_message` the same in another process, where the traceback is lost."""
    error.user_message = user_message(error)


def _is_raised_by_us(error):
    """Whether a `raise` statement of ours made an error, rather than something called by us."""
    place = error.__traceback__
    if place is None:
        return False
    while place.tb_next:
        place = place.tb_next
    code = place.tb_frame.f_code
    raised = code.co_code[place.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return raised and _is_our_file(code.co_filename)


def _is_our_file(path):
    # Names such as "<frozen importlib._bootstrap>" are not paths.
    path = Path("/" if path.startswith("<") else path).resolve()
    if not path.is_relative_to(_PARENT):
        return False
    return path.relative_to(_PARENT).parts[0] in _PACKAGES
