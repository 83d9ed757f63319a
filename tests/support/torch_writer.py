"""Writes files as `torch.save` does, without PyTorch: the zip form and the older stream.

The pickles are put together byte by byte, so that tests can also write what PyTorch never would.
"""

import pickle
import struct
import zipfile

import numpy as np

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

_STORAGES = {
    "f8": "DoubleStorage",
    "f4": "FloatStorage",
    "f2": "HalfStorage",
    "i8": "LongStorage",
    "u1": "ByteStorage",
    "b1": "BoolStorage",
    "bf16": "BFloat16Storage",
}


class Storage:
    """Raw numbers; `code` is NumPy's, or "bf16" for raw 16-bit halves."""

    def __init__(self, key, array, code=None):
        self.key = key
        self.array = np.ascontiguousarray(array)
        self.code = code or self.array.dtype.str[1:]
        # What the pickle claims, normally the truth.
        self.count = self.array.size

    def raw(self, order="<"):
        return self.array.astype(self.array.dtype.newbyteorder(order)).tobytes()


class Tensor:
    """A view of a storage, in elements."""

    def __init__(self, storage, offset, shape, strides):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides


def whole(key, array):
    """The tensor of an array with a storage of its own."""
    array = np.asarray(array)
    strides = [step // array.itemsize for step in np.empty(array.shape, array.dtype).strides]
    return Tensor(Storage(key, array), 0, array.shape, tuple(strides))


def tensors(arrays):
    """Tensors of a dict of arrays, each with a storage of its own."""
    return {name: whole(str(i), array) for i, (name, array) in enumerate(arrays.items())}


def write_zip(path, state, *, order="<", root="archive", members=None, **options):
    """Writes the form of today.

    Args:
        path: Path of the file.
        state: Nested dict, list and plain values with `Tensor` leaves.
        order: Byte order of the storages.
        root: Folder in the archive.
        members: Dict of more members, or None to leave one out.
        options: For `zipfile.ZipFile`.
    """
    writer = _Pickle(legacy=False)
    contents = {"data.pkl": writer.dump(state), "byteorder": b"little" if order == "<" else b"big"}
    contents |= {f"data/{key}": storage.raw(order) for key, storage in writer.storages.items()}
    contents |= {"version": b"3\n"} | (members or {})
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in contents.items():
            if content is not None:
                archive.writestr(f"{root}/{name}", content)


def write_legacy(path, state, *, order="<"):
    """Writes the older form; arguments as for `write_zip`."""
    writer = _Pickle(legacy=True)
    body = writer.dump(state)
    system = {"protocol_version": 1001, "little_endian": order == "<", "type_sizes": {"int": 4}}
    pieces = [pickle.dumps(value, 2) for value in (LEGACY_MAGIC, 1001, system)]
    pieces += [body, pickle.dumps(list(writer.storages), 2)]
    for storage in writer.storages.values():
        pieces += [struct.pack(f"{order}q", storage.count), storage.raw(order)]
    path.write_bytes(b"".join(pieces))


def save_state(path, arrays, *, prefix="", legacy=False):
    """Writes a state dict; returns its path.

    Args:
        path: Path of the file.
        arrays: Dict of arrays.
        prefix: In front of all their names.
        legacy: Whether to write the older form.
    """
    state = tensors({prefix + name: array for name, array in arrays.items()})
    (write_legacy if legacy else write_zip)(path, state)
    return path


class _Pickle:
    """Protocol 2, with dicts as `collections.OrderedDict` as PyTorch's state dicts are."""

    def __init__(self, legacy):
        self.legacy = legacy
        self.storages = {}

    def dump(self, value):
        return b"\x80\x02" + self._value(value) + b"."

    def _value(self, value):
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, dict):
            pairs = b"".join(self._value(k) + self._value(v) for k, v in value.items())
            # The attributes at the end are PyTorch's `_metadata`.
            metadata = b"}" + self._value("_metadata") + b"}sb"
            return b"ccollections\nOrderedDict\n)R(" + pairs + b"u" + metadata
        if isinstance(value, list):
            return b"](" + b"".join(map(self._value, value)) + b"e"
        if isinstance(value, tuple):
            return b"(" + b"".join(map(self._value, value)) + b"t"
        # Without the header and the end of a pickle of its own.
        return pickle.dumps(value, 2)[2:-1].replace(b"q\x00", b"")

    def _tensor(self, tensor):
        storage = tensor.storage
        self.storages[storage.key] = storage
        part = b"N" if self.legacy else b""
        reference = (
            b"("
            + self._value("storage")
            + f"ctorch\n{_STORAGES[storage.code]}\n".encode()
            + self._value(storage.key)
            + self._value("cuda:0")
            + self._value(storage.count)
            + part
            + b"tQ"
        )
        geometry = b"".join(map(self._value, (tensor.offset, tensor.shape, tensor.strides)))
        hooks = b"\x89ccollections\nOrderedDict\n)R"
        return b"ctorch._utils\n_rebuild_tensor_v2\n(" + reference + geometry + hooks + b"tR"
