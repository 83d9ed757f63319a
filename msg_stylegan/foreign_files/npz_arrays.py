"""Arrays of numbers in `.npz` files, read without trusting what the file claims about them."""

import io
import zipfile
import zlib

import numpy as np

from msg_stylegan.foreign_files.numpy_pickle import native_array

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# Weights hardly compress, so a file does not hold many times its size.
_MAX_GROWTH = 20
_SPARE_BYTES = 2**24


def read_npz(path):
    """Returns a dictionary of the arrays of a file: numbers, True and False, or text.

    Raises:
        ValueError: The file is damaged, or holds something else.
        OSError: The file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size > _MAX_GROWTH * path.stat().st_size + _SPARE_BYTES:
                raise ValueError("It would become much larger in memory than the file is.")
            return {_name(member): _read_array(archive.read(member)) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"Its zip archive is damaged ({error}). Download it again.") from error


def _name(member):
    if not member.filename.endswith(".npy"):
        raise ValueError(f"It holds {member.filename[:100]!r}, which is not an array.")
    return member.filename.removesuffix(".npy")


def _read_array(data):
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"It holds an array of version {version}. Expected 1.0 or 2.0.")
    shape, fortran, dtype = _HEADERS[version](stream)
    if dtype.kind not in "biufU" or not dtype.itemsize:
        raise ValueError(f"It holds an array of type {dtype}. Expected plain numbers.")
    return native_array(data[stream.tell() :], dtype, shape, fortran=fortran)
