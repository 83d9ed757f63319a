"""The folder beside a data set in the making, from which the same command can continue."""

import contextlib
import json
import os
import shutil
from pathlib import Path

from msg_stylegan.files import read_json, write_json


class WorkFolder:
    """`.<name>.partial` beside the target: a plan, finished parts and the data set so far.

    Args:
        target: Folder of the data set to make.

    Attributes:
        target: Absolute `pathlib.Path` of it.
        path: `pathlib.Path` of the work folder.
        parts: `pathlib.Path` of the folder of finished parts.
        data: `pathlib.Path` of the folder that becomes the data set.
    """

    def __init__(self, target):
        # `Path` drops a trailing slash, which gave nameless files in the original.
        self.target = Path(target).absolute()
        self.path = self.target.with_name(f".{self.target.name}.partial")
        self.parts = self.path / "parts"
        self.data = self.path / "data"
        self._plan = self.path / "plan.json"

    def target_is_taken(self):
        """Whether there is something at the target already."""
        if not self.target.exists():
            return False
        return not self.target.is_dir() or any(self.target.iterdir())

    @contextlib.contextmanager
    def entered(self):
        """Context: the folder exists and belongs to this process alone.

        At the end of the block the folder is removed, unless there are finished parts in it.

        Raises:
            OSError: Another process is at work in it.
        """
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(exist_ok=True)
        is_ours = False
        try:
            with _locked(self.path / "lock", self.path):
                is_ours = True
                if not self._plan.exists():
                    self._clear()
                self.parts.mkdir(exist_ok=True)
                # A kill leaves the files that were being written.
                for folder in (self.parts, self.data):
                    for path in folder.glob(".*"):
                        path.unlink(missing_ok=True)
                try:
                    yield
                finally:
                    if not any(self.parts.glob("*.json")):
                        self._clear()
        finally:
            # Only now: an open file cannot be removed on Windows.
            if is_ours and not self._plan.exists():
                shutil.rmtree(self.path, ignore_errors=True)

    def plan(self, identity):
        """Returns the plan that an earlier start has stored, or None.

        Args:
            identity: Dictionary, for JSON, of all that decides the result.

        Raises:
            ValueError: It was stored for something else.
        """
        if not self._plan.exists():
            return None
        stored = read_json(self._plan, ("identity", "plan"))
        differences = _differences(stored["identity"], json.loads(json.dumps(identity)))
        if differences:
            raise ValueError(
                f"{self.path} holds an unfinished data set of another command (another "
                f"{', '.join(differences)}). Repeat that command to finish it, or remove the "
                "folder."
            )
        return stored["plan"]

    def store_plan(self, identity, plan):
        """Stores a dictionary for later starts with the same identity."""
        write_json(self._plan, {"identity": identity, "plan": plan})

    def was_renamed(self):
        """Whether only cleaning up is left."""
        return self._plan.exists() and self.target_is_taken() and not self.data.exists()

    def become_target(self):
        """Gives the finished data set its name and removes all else."""
        if not self.was_renamed():
            if self.target.exists():
                self.target.rmdir()
            self.data.replace(self.target)
        self._clear()

    def _clear(self):
        """Removes all files; the plan last, so that no half of a work folder looks whole."""
        for folder in (self.parts, self.data):
            if folder.exists():
                shutil.rmtree(folder)
        self._plan.unlink(missing_ok=True)


def _differences(stored, now):
    """Names of the entries in which two dictionaries differ; those of entries that are some."""
    names = set()
    for name in {*stored, *now}:
        old, new = stored.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            names.update(_differences(old, new))
        elif old != new:
            names.add(name)
    return sorted(names)


@contextlib.contextmanager
def _locked(path, folder):
    """Holds a lock that the system releases however this process ends."""
    with path.open("a+b") as file:
        try:
            _lock(file)
        except OSError:
            raise OSError(
                f"Another process is at work in {folder}. Wait until it is done."
            ) from None
        yield


def _lock(file):
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
