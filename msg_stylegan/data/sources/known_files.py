"""The files of known data sets: often some folders deeper than expected, and some are pickles."""

import os
from pathlib import Path

import numpy as np

from msg_stylegan.data.sources.selection import printable
from msg_stylegan.foreign_files.inert_pickle import read_pickle
from msg_stylegan.foreign_files.numpy_pickle import NUMPY_TABLE
from msg_stylegan.mistaken_file import what_it_is

_MAX_DEPTH = 3
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z")


def find_file(folder, *names):
    """A file in a folder, or otherwise the only one below it.

    Args:
        folder: Path of the folder.
        *names: Names of the file, the best one first.

    Returns:
        `pathlib.Path`.

    Raises:
        ValueError: There is no such file, or several folders below have one.
    """
    folder = Path(folder)
    if folder.is_file():
        raise ValueError(
            f"{folder} is a file. Unpack it if it is an archive, and give the folder of "
            f"{' or '.join(names)}."
        )
    archives = []
    for places in _levels(folder):
        found = [place for place in places if any((place / name).is_file() for name in names)]
        if len(found) > 1:
            shown = ", ".join(printable(str(place)) for place in found)
            raise ValueError(f"Several folders have {' or '.join(names)}. Give one: {shown}")
        if found:
            return next(found[0] / name for name in names if (found[0] / name).is_file())
        archives += [path for place in places for path in _files(place, _ARCHIVES)]
    hint = f" If it is in {printable(str(archives[0]))}, unpack that." if archives else ""
    raise ValueError(f"There is no file {' or '.join(names)} in {folder} or below it.{hint}")


def _levels(folder):
    """Yields lists of folders: the one itself, those in it, those in these."""
    places = [folder]
    for _ in range(_MAX_DEPTH):
        yield places
        places = [path for place in places for path in _folders(place)]


def _folders(place):
    return sorted(Path(entry.path) for entry in _entries(place) if entry.is_dir())


def _files(place, endings):
    return sorted(Path(e.path) for e in _entries(place) if e.name.lower().endswith(endings))


def _entries(place):
    if not place.is_dir():
        return []
    with os.scandir(place) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


def read_pickled_file(path):
    """Reads a file of plain data: containers, text, numbers and arrays.

    Raises:
        ValueError: There is no such file, or it is not a pickle or contains more than data.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    try:
        return read_pickle(path.read_bytes(), NUMPY_TABLE)
    except ValueError as error:
        # Old pickles are text.
        reason = what_it_is(path, expected="text") or error
        raise ValueError(f"{path} cannot be read: {reason}") from error


def check_images(images, path):
    """Returns images of a pickle as uint8 `[N, 3, 32, 32]`; they may be rows of 3072 bytes.

    Raises:
        ValueError: They are not that.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise ValueError(f"{path} holds no images as bytes.")
    if images.shape[1:] not in ((3072,), (3, 32, 32)):
        raise ValueError(f"{path}: expected RGB images of 32x32. Received: {list(images.shape)}")
    return images.reshape(-1, 3, 32, 32)
