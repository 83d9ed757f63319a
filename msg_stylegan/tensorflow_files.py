"""Files that TensorFlow reads and writes: paths that it takes literally, and clear errors."""

import contextlib
import os
import re
import tempfile
from pathlib import Path

from msg_stylegan.files import WriteError, writing

_TEMPORARY_FOLDERS = ("/tmp", "/var/tmp")


@contextlib.contextmanager
def plain_path(path):
    r"""Yields a path of a file or folder, as text, that has no special characters.

    TensorFlow takes the path of a checkpoint, also of that inside a SavedModel, for a pattern with
    `[ ] * ? \`, and cannot express names that are not UTF-8. A path of that kind is replaced by a
    link in a temporary folder, so that files that are written stay on their file system.

    Args:
        path: Existing file, whose ending the link has too, or folder.
    """
    path = Path(path).absolute()
    if _is_plain(str(path)):
        yield str(path)
        return
    base = next(filter(_is_usable, (tempfile.gettempdir(), *_TEMPORARY_FOLDERS)), None)
    with tempfile.TemporaryDirectory(dir=base) as temporary:
        link = Path(temporary, "link").with_suffix(path.suffix if _is_plain(path.suffix) else "")
        link.symlink_to(path, target_is_directory=path.is_dir())
        yield str(link)


@contextlib.contextmanager
def tensorflow_writing(target):
    """`writing` for a block in which TensorFlow only writes: all its errors concern the writing."""
    import tensorflow as tf

    try:
        with writing(target):
            yield
    except tf.errors.OpError as error:
        reason = error.message.partition("\n")[0]
        raise WriteError(f"{target} cannot be written: {reason}") from error


def _is_usable(folder):
    return _is_plain(folder) and os.access(folder, os.W_OK)


def _is_plain(path):
    # On Windows a backslash separates folders.
    special = r"[\[\]*?]" if os.name == "nt" else r"[\[\]*?\\]"
    return not re.search(special, path) and path.isprintable()
