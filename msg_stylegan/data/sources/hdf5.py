"""Images of an HDF5 file, as the tools of Progressive GANs made them."""

from pathlib import Path

import h5py
import numpy as np

from msg_stylegan.data.dataset_folder import open_labels
from msg_stylegan.data.sources.arrays import Source
from msg_stylegan.mistaken_file import what_it_is


class Hdf5Source(Source):
    """The largest resolution of an HDF5 file.

    Args:
        path: File with one or more data sets `data...`, each `[N, C, r, r]` with values 0 to 255.
            The one with the largest fourth dimension counts. `<path without ending>-labels.npy`
            may hold labels `[N, L]`.

    Raises:
        ValueError: There is no such file, or it holds no images.
    """

    def __init__(self, path):
        self._path = Path(path)
        if not self._path.is_file():
            raise ValueError(f"There is no file {path}.")
        self._file = None
        self._key = self._find_key()
        self.num_images = self._open().shape[0]
        self.labels = self._read_labels()
        self.description = {"kind": "hdf5", "path": str(path), "dataset": self._key}

    def name(self, index):
        return f"{self._path}, {self._key}[{index}]"

    def read(self, index):
        # Damage raises an OSError that stops everything: the rest of such a file is doubtful, too.
        image = self._open()[index].transpose(1, 2, 0)  # [HWC]
        if image.dtype != np.uint8:
            image = np.rint(image).clip(0, 255).astype(np.uint8)
        return np.ascontiguousarray(image)

    def __getstate__(self):
        # An open file cannot be sent to another process, which opens it again.
        return super().__getstate__() | {"_file": None}

    def _open(self):
        if self._file is None:
            try:
                self._file = h5py.File(self._path, "r")
            except OSError as error:
                what = None if h5py.is_hdf5(self._path) else what_it_is(self._path)
                raise ValueError(f"{self._path} is not an HDF5 file: {what or error}") from error
        return self._file[self._key] if self._key else self._file

    def _find_key(self):
        self._key = None
        found = {
            key: value.shape[3]
            for key, value in self._open().items()
            if key.startswith("data") and isinstance(value, h5py.Dataset) and value.ndim == 4
        }
        if not found:
            raise ValueError(
                f"{self._path} holds no data set `data...` [images, channels, height, width]."
            )
        return max(found, key=found.get)

    def _read_labels(self):
        path = self._path.with_name(f"{self._path.stem}-labels.npy")
        return open_labels(path, self.num_images).astype(np.float32) if path.is_file() else None
