"""Paths of folders that TensorFlow takes literally."""

import contextlib
import os
import re
import tempfile
from pathlib import Path

_TEMPORARY_FOLDERS = ("/tmp", "/var/tmp")


@contextlib.contextmanager
def plain_path(folder):
    r"""Yields a path of a folder, as text, that has no special characters.

    TensorFlow takes the path of a checkpoint, also of that inside a SavedModel, for a pattern with
    `[ ] * ? \`, and cannot express names that are not UTF-8. A folder of such a path is reached by
    a link in a temporary folder, so that files that are written stay on their file system.

    Args:
        folder: Existing folder.
    """
    path = str(Path(folder).absolute())
    if _is_plain(path):
        yield path
        return
    base = next(filter(_is_usable, (tempfile.gettempdir(), *_TEMPORARY_FOLDERS)), None)
    with tempfile.TemporaryDirectory(dir=base) as temporary:
        link = Path(temporary, "folder")
        link.symlink_to(path, target_is_directory=True)
        yield str(link)


def _is_usable(folder):
    return _is_plain(folder) and os.access(folder, os.W_OK)


def _is_plain(path):
    # On Windows a backslash separates folders.
    special = r"[\[\]*?]" if os.name == "nt" else r"[\[\]*?\\]"
    return not re.search(special, path) and path.isprintable()
