"""NumPy arrays in pickles, as Python 2 and 3 and all versions of NumPy write them.

`NUMPY_TABLE` is the part of a table for `inert_pickle.read_pickle` that stands for NumPy's names.
Arrays and numbers only: no text, no structures, no objects.
"""

import math
import re

import numpy as np

from msg_stylegan.foreign_files.pickle_machine import (
    Deferred,
    checked_pairs,
    construct,
    global_name,
)

_MAX_DIMENSIONS = 32
_MAX_SIDE = 2**40
_DTYPES = re.compile(r"b1|[iu][1248]|f[248]")


def read_dtype(code, *, order):
    """Returns a `numpy.dtype` of plain numbers.

    Args:
        code: Kind and number of bytes: "f4", "i8", "b1".
        order: Byte order as NumPy writes it: "<", ">", "=", "|".

    Raises:
        ValueError: Another type.
    """
    if not isinstance(code, str) or not _DTYPES.fullmatch(code) or order not in tuple("<>=|"):
        raise ValueError(f"It has an array of type {code!r}. Expected plain numbers.")
    return np.dtype(code).newbyteorder(order)


def count_elements(shape):
    """Number of elements of an array, after checking that `shape` is one."""
    if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS:
        raise ValueError("It has an array without a proper shape.")
    for side in shape:
        if type(side) is not int or not 0 <= side < _MAX_SIDE:
            raise ValueError(f"It has an array with a side of {side!r}.")
    return math.prod(shape)


def to_bytes(raw):
    """Bytes out of a pickle, which are text if Python 2 wrote them."""
    if isinstance(raw, str):
        return raw.encode("latin-1")
    if not isinstance(raw, bytes):
        raise ValueError("It has an array without contents.")
    return raw


def native_array(raw, dtype, shape, *, fortran=False):
    """Array over `raw`, in the byte order of this machine.

    Raises:
        ValueError: `raw` does not have exactly the size of the array.
    """
    expected = count_elements(shape) * dtype.itemsize
    if len(raw) != expected:
        raise ValueError(
            f"It has an array {list(shape)} of {len(raw)} bytes. Expected {expected} bytes."
        )
    array = np.ndarray(shape, dtype, raw, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


class _Dtype(Deferred):
    """`numpy.dtype(code, align, copy)`; its state brings the byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code, align=False, copy=False):
        self.code = code
        self.order = "="

    def set_state(self, state):
        # (version, order, subtype, names, fields, size, alignment, flags, ...)
        if state[2:5] != (None, None, None):
            raise ValueError("It has an array of structures. Expected plain numbers.")
        self.order = state[1]

    def numpy(self):
        return read_dtype(self.code, order=self.order)

    def resolve(self, resolve):
        return self.numpy()


class _Array(Deferred):
    """`numpy.ndarray`, which gets everything from its state."""

    __slots__ = ("fortran", "nbytes", "raw", "shape", "type")

    def __init__(self):
        self.nbytes = 0
        self.raw = None

    def set_state(self, state):
        # Old versions of NumPy wrote no version number in front.
        self.shape, self.type, self.fortran, self.raw = state[-4:]
        self.nbytes = len(self.raw)

    def resolve(self, resolve):
        if not isinstance(self.raw, (bytes, str)) or not isinstance(self.type, _Dtype):
            raise ValueError("It has an array without contents or type.")
        return native_array(
            to_bytes(self.raw), self.type.numpy(), self.shape, fortran=bool(self.fortran)
        )


def _reconstruct(cls, shape, typecode):
    if global_name(cls) != "numpy.ndarray":
        raise ValueError(f"It has an array of class {global_name(cls)}. Expected numpy.ndarray.")
    return _Array()


def _from_buffer(buffer, dtype, shape, order):
    array = _Array()
    array.set_state((shape, dtype, order == "F", buffer))
    return array


def _scalar(dtype, raw):
    return native_array(to_bytes(raw), dtype.numpy(), ())[()]


def _encode(text, encoding="latin1"):
    # How Python 3 writes bytes for Python 2.
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"It has bytes written as {encoding!r}. Expected latin1.")
    return text.encode("latin-1")


def _make_bytes(text=b"", encoding="latin1"):
    return _encode(text, encoding) if isinstance(text, str) else to_bytes(text)


def _reconstruct_object(cls, parent, state):
    # How protocols 0 and 1 write an object.
    if state is not None:
        raise ValueError("It has an object with a built-in parent.")
    return construct(cls)


def make_dict(pairs=()):
    """Dictionary out of a list of pairs, for `collections.OrderedDict` and the like."""
    return dict(checked_pairs((key, value) for key, value in pairs))


NUMPY_TABLE = {
    "_codecs.encode": _encode,
    "builtins.bytearray": _make_bytes,
    "__builtin__.bytearray": _make_bytes,
    "builtins.bytes": _make_bytes,
    "__builtin__.bytes": _make_bytes,
    "builtins.object": None,
    "__builtin__.object": None,
    "copyreg._reconstructor": _reconstruct_object,
    "copy_reg._reconstructor": _reconstruct_object,
    "collections.OrderedDict": make_dict,
    "numpy.dtype": _Dtype,
    "numpy.ndarray": None,
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy._core.numeric._frombuffer": _from_buffer,
}
