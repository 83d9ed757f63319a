"""Numbered run directories: `<result_dir>/00001-digits-1gpu`."""

import contextlib
import re
from pathlib import Path

from msg_stylegan import files

OPTIONS_FILE = "training_options.json"
_RUN_NAME = re.compile(r"([0-9]{5,})-.+")
_RESERVATION = re.compile(r"\.([0-9]{5,})\.reserved")


def next_run_directory(result_dir, description, num_replicas, reserve=True):
    """Path of the next run directory. It is not created, but nobody else gets its number.

    Args:
        result_dir: Folder of all runs.
        description: Middle part of the name.
        num_replicas: Devices that train.
        reserve: Whether to reserve the number until `create_run_directory`; else nothing is
            written.
    """
    result_dir = Path(result_dir)
    taken = [*_numbered(result_dir, _RUN_NAME), *_numbered(result_dir, _RESERVATION)]
    number = max((number for number, _ in taken), default=0) + 1
    if reserve:
        result_dir.mkdir(parents=True, exist_ok=True)
        while not _reserve(result_dir, number):
            number += 1
    return result_dir / f"{number:05d}-{description}-{num_replicas}gpu"


def create_run_directory(run_dir, options):
    """Creates the folder of a new run, with its options in it.

    Args:
        run_dir: From `next_run_directory`, whose reservation ends.
        options: Nested dictionary of all options of the run.

    Raises:
        FileExistsError: There is such a folder.
    """
    run_dir = Path(run_dir)
    try:
        with files.atomic_directory(run_dir) as temporary:
            files.write_json(temporary / OPTIONS_FILE, options)
    finally:
        if match := _RUN_NAME.fullmatch(run_dir.name):
            with contextlib.suppress(FileNotFoundError):
                _reservation(run_dir.parent, int(match[1])).rmdir()


def find_run(result_dir, which):
    """Finds an existing run.

    Args:
        result_dir: Folder of all runs.
        which: `latest`, the number of a run, its name, or the path of its folder.

    Raises:
        FileNotFoundError: There is no such run.
        ValueError: There are several of that number.
    """
    result_dir = Path(result_dir)
    runs = _numbered(result_dir, _RUN_NAME)
    is_number = which == "latest" or which.isdecimal()
    if is_number:
        candidates = [
            path
            for number, path in runs
            if number == (runs[-1][0] if which == "latest" else int(which))
        ]
    else:
        candidates = [Path(which), result_dir / which]
    found = [path for path in candidates if (path / OPTIONS_FILE).is_file()]
    if is_number and len(found) > 1:
        raise ValueError(
            f"There are {len(found)} runs with that number in {result_dir}: "
            f"{', '.join(path.name for path in found)}. Choose one by its name."
        )
    if found:
        return found[0]
    known = ", ".join(path.name for _, path in runs[-5:]) or "none"
    raise FileNotFoundError(
        f"There is no run {which!r} with a {OPTIONS_FILE} in {result_dir}. Newest runs: {known}."
    )


def newest_run(result_dir, description):
    """Path of the newest run with a description (see `next_run_directory`), or None.

    Runs without a checkpoint do not count: there is nothing to continue, and what kept them from
    their first one, such as a wrong option, would keep them again.
    """
    # With TensorFlow, which takes seconds: other functions here do without it.
    from msg_stylegan.training.checkpoint import has_checkpoint

    runs = [
        path
        for _, path in _numbered(Path(result_dir), _RUN_NAME)
        if re.fullmatch(rf"\d+-{re.escape(description)}-\d+gpu", path.name)
        and (path / OPTIONS_FILE).is_file()
        and has_checkpoint(path)
    ]
    return runs[-1] if runs else None


def _reserve(result_dir, number):
    """Whether this call, and no other process, has reserved a number."""
    try:
        _reservation(result_dir, number).mkdir()
    except FileExistsError:
        return False
    # Whoever had reserved it before may have made its folder by now.
    if any(number == other for other, _ in _numbered(result_dir, _RUN_NAME)):
        _reservation(result_dir, number).rmdir()
        return False
    return True


def _reservation(result_dir, number):
    return result_dir / f".{number:05d}.reserved"


def _numbered(result_dir, pattern):
    """Sorted list of `(number, path)` of the folders whose names match."""
    paths = result_dir.iterdir() if result_dir.is_dir() else []
    matches = ((pattern.fullmatch(path.name), path) for path in paths)
    return sorted((int(match[1]), path) for match, path in matches if match and path.is_dir())
