"""Numbers on disk: statistics of the reals, kept between evaluations, and rows that soon vanish.

An entry of the cache is found by what decides its values and by nothing else: content of the data
set (not its path), its preparation, the metric's parameters, and the version of this file's format.
"""

import hashlib
import json
import shutil
import sys
import tempfile
import weakref
from pathlib import Path

import numpy as np

from msg_stylegan.files import atomic_path, writing

# Raise it when the meaning of stored numbers changes for all metrics.
SCHEMA = 1


class StatisticsCache:
    """Statistics of one set of real images."""

    def __init__(self, directory, source):
        """Opens the cache.

        Args:
            directory: Folder of the cache files; made when the first file is written.
            source: Dict that decides the real images: fingerprint of the content, resolution,
                channels, mirroring. Values that JSON can hold.
        """
        self._directory = Path(directory)
        self._source = source

    def fetch(self, statistic, parameters, compute):
        """Returns stored arrays, or computes and stores them.

        A damaged file is reported and replaced. A folder that cannot be written to is reported
        only, because the result is worth more than the cache.

        Args:
            statistic: Short name of what is stored, "swd-floor"; part of the file name.
            parameters: Dict of everything else that decides the values: number of images, seed,
                settings, version of the code. Values that JSON can hold.
            compute: Called without arguments; returns a dict of arrays or numbers.

        Returns:
            Dict of numpy arrays.
        """
        key, path = self._key_and_path(statistic, parameters, "npz")
        if path.exists():
            try:
                # Opened here, because `np.load` leaves a file open that it cannot read.
                with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                    values = {name: arrays[name] for name in arrays.files}
                if str(values.pop("key")) != key:
                    raise ValueError("it belongs to other images or settings")
                return values
            except Exception as error:
                # A damaged archive can fail in many ways; which one does not matter.
                _notice(f"{path} is damaged and will be computed again ({error})")
        values = {name: np.asarray(value) for name, value in compute().items()}
        try:
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.savez(file, key=np.array(key), **values)
        except OSError as error:
            _notice(f"cannot keep statistics of the real images ({error})")
        return values

    def fetch_rows(self, statistic, parameters, shape, write):
        """Returns a stored matrix that is too large for the memory, or makes and stores it.

        Args:
            statistic: Short name of what is stored; part of the file name.
            parameters: Dict of everything else that decides the values, as for `fetch`.
            shape: `(N, d)`.
            write: Called with a function that takes float32 rows `[n, d]`, N in all.

        Returns:
            float32 `[N, d]`, backed by the file.

        Raises:
            OSError: The file cannot be written.
        """
        _, path = self._key_and_path(statistic, parameters, "npy")
        if path.exists():
            try:
                return _map_rows(path, shape)
            except (ValueError, OSError, EOFError) as error:
                _notice(f"{path} is damaged and will be computed again ({error})")
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": tuple(shape)}
            np.lib.format.write_array_header_1_0(file, header)
            # Written as a stream: a full disk is an error here, and a crash in a mapped file.
            write(lambda rows: file.write(np.ascontiguousarray(rows, "<f4").data))
        return _map_rows(path, shape)

    def _key_and_path(self, statistic, parameters, suffix):
        facts = {
            "schema": SCHEMA,
            "statistic": statistic,
            "source": self._source,
            "parameters": parameters,
        }
        key = json.dumps(facts, sort_keys=True)
        # The name of the data set is left out: the same images under another name are a hit.
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        return key, self._directory / f"{statistic}-{digest}.{suffix}"


def _map_rows(path, shape):
    rows = np.load(path, mmap_mode="r", allow_pickle=False)
    if rows.shape != tuple(shape) or rows.dtype != np.float32:
        raise ValueError(f"expected float32 {list(shape)}, found {rows.dtype} {list(rows.shape)}")
    return rows


def _notice(text):
    print(f"notice: {text}", file=sys.stderr)


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
