"""Rows of numbers in temporary files: arrays that are too large for the memory."""

import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np

from msg_stylegan.write_errors import writing


class ScratchRows:
    """A growing float32 matrix in a temporary file, which vanishes with its last user.

    Args:
        folder: Folder of the file; made if needed.
        width: Numbers per row.
    """

    def __init__(self, folder, width):
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as this
        # Arrays that were made of the file stay valid.
        weakref.finalize(self, self._file.close)
        self._width = width

    def append(self, rows):
        """Adds float32 rows: any shape whose last axes hold `width` numbers."""
        with writing(f"A temporary file in {self._folder}"):
            self._file.write(np.ascontiguousarray(rows, np.float32).data)

    def array(self):
        """The rows so far: float32 `[N, width]`, backed by the file."""
        with writing(f"A temporary file in {self._folder}"):
            self._file.flush()
        return np.memmap(self._file, np.float32, mode="r").reshape(-1, self._width)


def check_room(folder, num_bytes, purpose):
    """Refuses work for which a disk is too small, before it begins.

    Raises:
        OSError: Fewer than `num_bytes` bytes are free.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise OSError(
            f"{purpose} needs {num_bytes / 2**30:.1f} GiB for temporary files in {folder}, where "
            f"{free / 2**30:.1f} GiB are free. Choose another cache folder or fewer images."
        )
