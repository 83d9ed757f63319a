"""Numbered run directories: `<result_dir>/00001-digits-1gpu`."""

import re
from pathlib import Path

from msg_stylegan import files

OPTIONS_FILE = "training_options.json"
_RUN_NAME = re.compile(r"(\d{5,})-.+")


def next_run_directory(result_dir, description, num_replicas):
    """Path of the next run directory; nothing is created.

    Args:
        result_dir: Folder of all runs.
        description: Middle part of the name.
        num_replicas: Devices that train.
    """
    numbers = [number for number, _ in _numbered_runs(result_dir)]
    run_id = max(numbers, default=0) + 1
    return Path(result_dir) / f"{run_id:05d}-{description}-{num_replicas}gpu"


def create_run_directory(run_dir, options):
    """Creates the folder of a new run, with its options in it.

    Args:
        run_dir: From `next_run_directory`.
        options: Nested dictionary of all options of the run.

    Raises:
        FileExistsError: Another run took the number in between.
    """
    with files.atomic_directory(run_dir) as temporary:
        files.write_json(temporary / OPTIONS_FILE, options)


def replace_options(run_dir, options):
    """Notes the options with which a run is continued."""
    files.write_json(Path(run_dir) / OPTIONS_FILE, options)


def find_run(result_dir, which):
    """Finds an existing run.

    Args:
        result_dir: Folder of all runs.
        which: `latest`, the number of a run, its name, or the path of its folder.

    Raises:
        FileNotFoundError: There is no such run.
    """
    runs = _numbered_runs(result_dir)
    if which == "latest":
        candidates = [path for _, path in runs[-1:]]
    elif which.isdecimal():
        candidates = [path for number, path in runs if number == int(which)]
    else:
        candidates = [path for path in (Path(which), Path(result_dir) / which) if path.is_dir()]
    for path in candidates:
        if (path / OPTIONS_FILE).is_file():
            return path
    known = ", ".join(path.name for _, path in runs[-5:]) or "none"
    raise FileNotFoundError(
        f"There is no run {which!r} with a {OPTIONS_FILE} in {result_dir}. Newest runs: {known}."
    )


def _numbered_runs(result_dir):
    """Sorted list of `(number, path)`."""
    result_dir = Path(result_dir)
    if not result_dir.is_dir():
        return []
    matches = ((_RUN_NAME.fullmatch(path.name), path) for path in result_dir.iterdir())
    return sorted((int(match[1]), path) for match, path in matches if match and path.is_dir())
