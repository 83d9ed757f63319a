"""Pickles with arrays, as data sets of old are shipped, read without running what is in them."""

from pathlib import Path

import numpy as np

from msg_stylegan.foreign_files.inert_pickle import read_pickle
from msg_stylegan.foreign_files.numpy_pickle import NUMPY_TABLE
from msg_stylegan.mistaken_file import what_it_is


def read_pickled_file(path):
    """Reads a file of plain data: containers, text, numbers and arrays.

    Raises:
        ValueError: There is no such file, or it is no pickle or holds more than data.
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
