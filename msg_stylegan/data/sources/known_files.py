"""Finds the files of known data sets, which often lie some folders deeper than expected."""

import os
from pathlib import Path

from msg_stylegan.data.sources.image_names import printable

_MAX_DEPTH = 3
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z")


def find_file(folder, *names):
    """A file in a folder, or else the only one below it.

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
