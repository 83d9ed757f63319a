"""Arrays in files of PyTorch, read without PyTorch and without running anything in them.

Both forms of `torch.save` are known: the zip archive of today (`*/data.pkl` beside `*/data/0`, ...)
and the older stream of pickles followed by raw storages. State dicts are read; pickled modules and
TorchScript archives hold code and are refused.
"""

import dataclasses
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from msg_stylegan.foreign_files.inert_pickle import parse_pickle, resolve
from msg_stylegan.foreign_files.numpy_pickle import NUMPY_TABLE, count_elements
from msg_stylegan.foreign_files.pickle_machine import Deferred, RefusedGlobalError, global_name

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001

# Storage class of PyTorch -> NumPy's code. bfloat16 is the upper half of a float32.
_STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "bf16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}
_ITEM_SIZES = {"bf16": 2} | {code: int(code[1:]) for code in _STORAGES.values() if code != "bf16"}

# Tensors may share storages, but a file of weights does not mention the same bytes many times over.
_MAX_SHARING = 8


def read_torch_file(path):
    """Reads a file written by `torch.save`.

    Args:
        path: Path of the file.

    Returns:
        The saved dictionary, nested as in the file. Tensors are read-only numpy arrays; bfloat16
        becomes float32. Other values are text, numbers, True, False, None, lists and tuples.

    Raises:
        ValueError: Not a file of PyTorch, a damaged one, or one that holds more than a dictionary
            of arrays.
        OSError: The file cannot be read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            is_zip = file.read(4) == b"PK\x03\x04"
        value = _read_zip(path) if is_zip else _read_legacy(path.read_bytes())
    except RefusedGlobalError as error:
        raise ValueError(
            f"{path} holds an object of {error.name!r}. Expected a dictionary of arrays. Reading a "
            "whole module would run code; save `module.state_dict()` instead of the module."
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{path} cannot be read as a file of PyTorch. {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds a {type(value).__name__}. Expected a dictionary of arrays.")
    return value


@dataclasses.dataclass(frozen=True)
class _Storage:
    """A row of numbers that tensors look at."""

    key: str
    # NumPy's code or "bf16".
    code: str
    # Number of elements in the file.
    count: int
    # Part that is meant: elements [start, stop).
    start: int
    stop: int


class _Tensor(Deferred):
    __slots__ = ("offset", "reader", "shape", "storage", "strides")

    def __init__(self, reader, storage, offset, shape, strides):
        self.reader = reader
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.strides = strides

    def resolve(self, resolve):
        return self.reader.tensor(self)


class _StorageReader:
    """Makes tensors out of storages that `load(key)` brings as bytes."""

    def __init__(self, file_size, little_endian, load):
        self._order = "<" if little_endian else ">"
        self._load = load
        self._arrays = {}
        self._bytes_left = _MAX_SHARING * file_size
        # key -> _Storage, in the order of their first mention.
        self.storages = {}

    def table(self):
        """Table of globals for `read_pickle`."""

        def rebuild(storage, offset, size, stride, *more):
            # More: requires_grad, hooks, metadata.
            return _Tensor(self, storage, offset, size, stride)

        return {
            **NUMPY_TABLE,
            **{f"torch.{name}": None for name in _STORAGES},
            "torch.Size": _size,
            "torch._utils._rebuild_tensor": rebuild,
            "torch._utils._rebuild_tensor_v2": rebuild,
            "torch._utils._rebuild_parameter": lambda data, requires_grad, hooks: data,
        }

    def persistent_load(self, reference):
        """Returns the `_Storage` of ("storage", class, key, device, count[, part])."""
        kind, storage_class, key, _, count, *more = reference
        if kind != "storage":
            raise ValueError(f"It refers to a {kind!r}. Expected arrays only.")
        name = global_name(storage_class).removeprefix("torch.")
        if name not in _STORAGES:
            raise ValueError(f"It has a tensor in {name}, which is not a known type of numbers.")
        if not isinstance(key, str) or type(count) is not int or count < 0:
            raise ValueError("It is damaged: a storage without a name or size.")
        start, stop = 0, count
        if more and more[0] is not None:
            _, start, length = more[0]
            stop = start + length
        storage = _Storage(key, _STORAGES[name], count, start, stop)
        first = self.storages.setdefault(key, storage)
        if (first.code, first.count) != (storage.code, storage.count):
            raise ValueError(f"It has two descriptions of storage {key!r}.")
        if not 0 <= start <= stop <= count:
            raise ValueError(f"It has a part outside of storage {key!r}.")
        return storage

    def tensor(self, tensor):
        storage, shape, strides = tensor.storage, tensor.shape, tensor.strides
        if not isinstance(storage, _Storage):
            raise ValueError("It has a tensor without a storage.")
        elements = count_elements(shape)
        count_elements(strides)
        if len(strides) != len(shape) or type(tensor.offset) is not int or tensor.offset < 0:
            raise ValueError("It has a tensor without proper strides.")
        last = tensor.offset
        if elements:
            last += sum((n - 1) * step for n, step in zip(shape, strides, strict=True)) + 1
        if last > storage.stop - storage.start or elements > storage.count:
            raise ValueError(f"It has a tensor {list(shape)} outside of storage {storage.key!r}.")
        self._bytes_left -= elements * _ITEM_SIZES[storage.code]
        if self._bytes_left < 0:
            raise ValueError("It would become much larger in memory than the file is.")
        array = self._array(storage)[storage.start + tensor.offset :]
        strides = tuple(step * array.itemsize for step in strides)
        return np.lib.stride_tricks.as_strided(array, shape, strides, writeable=False)

    def _array(self, storage):
        if storage.key not in self._arrays:
            raw = self._load(storage)
            expected = storage.count * _ITEM_SIZES[storage.code]
            if len(raw) != expected:
                raise ValueError(
                    f"Storage {storage.key!r} has {len(raw)} bytes. Expected {expected}."
                )
            self._arrays[storage.key] = _numbers(raw, storage.code, self._order)
        return self._arrays[storage.key]


def _numbers(raw, code, order):
    """1-D array in the byte order of this machine."""
    if code == "bf16":
        upper = np.frombuffer(raw, f"{order}u2")
        return (upper.astype(np.uint32) << 16).view(np.float32)
    if code == "b1":
        return np.frombuffer(raw, np.uint8) != 0
    dtype = np.dtype(f"{order}{code}")
    return np.frombuffer(raw, dtype).astype(dtype.newbyteorder("="), copy=False)


def _read_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_archive(archive, path.stat().st_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        raise ValueError(f"Its zip archive is damaged ({error}). Download it again.") from error


def _read_archive(archive, file_size):
    members = {member.filename: member for member in archive.infolist()}
    roots = [name.removesuffix("data.pkl") for name in members if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise ValueError("It is a zip archive, but not of PyTorch: no single data.pkl is in it.")
    root = roots[0]
    if any(name.startswith((f"{root}code/", f"{root}constants.pkl")) for name in members):
        raise ValueError("It is a TorchScript archive, which holds code. Expected a state dict.")
    bytes_left = file_size

    def read(name):
        nonlocal bytes_left
        member = members.get(root + name)
        if member is None:
            raise ValueError(f"{name} is missing in it.")
        # PyTorch does not compress. Each piece is read once, so that overlapping ones do not help.
        bytes_left -= member.file_size
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 or bytes_left < 0:
            raise ValueError(f"{name} in it is compressed, encrypted or larger than the file.")
        return archive.read(member)

    byte_order = read("byteorder") if f"{root}byteorder" in members else b"little"
    if byte_order not in (b"little", b"big"):
        raise ValueError(f"It has the byte order {byte_order[:20]!r}.")
    data = read("data.pkl")
    reader = _StorageReader(
        file_size, byte_order == b"little", lambda storage: read(f"data/{storage.key}")
    )
    value, _ = parse_pickle(data, reader.table(), persistent_load=reader.persistent_load)
    return resolve(value)


def _read_legacy(data):
    magic, position = parse_pickle(data, {})
    if magic != LEGACY_MAGIC:
        raise ValueError("It does not start like one.")
    protocol, position = parse_pickle(data, {}, start=position)
    if protocol != _LEGACY_PROTOCOL:
        raise ValueError(f"It has version {protocol!r}. Expected {_LEGACY_PROTOCOL}.")
    system, position = parse_pickle(data, {}, start=position)
    little_endian = bool(system["little_endian"])

    pieces = {}
    reader = _StorageReader(len(data), little_endian, lambda storage: pieces[storage.key])
    value, position = parse_pickle(
        data, reader.table(), persistent_load=reader.persistent_load, start=position
    )
    keys, position = parse_pickle(data, {}, start=position)
    for key in keys:
        storage = reader.storages[key]
        header = data[position : position + 8]
        count = int.from_bytes(header, "little" if little_endian else "big")
        position += 8
        size = storage.count * _ITEM_SIZES[storage.code]
        if len(header) < 8 or count != storage.count or position + size > len(data):
            raise ValueError(
                f"It ends too early, or storage {key!r} has another size. Download it again."
            )
        pieces[key] = memoryview(data)[position : position + size]
        position += size
    if position != len(data):
        raise ValueError(f"It goes on for {len(data) - position} bytes after its end.")
    return resolve(value)


def _size(sides):
    if not isinstance(sides, tuple):
        raise ValueError("It has a shape that is not a tuple.")
    return sides
