"""Files with the weights of pretrained networks, told apart by their content, not by their names.

Every reader gives the arrays under the names of the file. None of them runs anything in it.
"""

import hashlib
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np

from metrics.feature_networks.graph_def import read_graph_def, read_graph_def_archive
from msg_stylegan.foreign_files.inert_pickle import parse_pickle, read_pickle
from msg_stylegan.foreign_files.numpy_pickle import NUMPY_TABLE
from msg_stylegan.foreign_files.tflib_pickle import read_tflib_file
from msg_stylegan.foreign_files.torch_file import LEGACY_MAGIC, read_torch_file
from msg_stylegan.mistaken_file import what_it_is

# Kind of file -> what messages call it, in order of preference.
KINDS = {
    "torch": "a state dict of PyTorch (.pth)",
    "graph_def": "a frozen TensorFlow graph (.pb, or a .tgz that holds it)",
    "tflib": "a network pickle of NVIDIA's tflib (.pkl)",
    "keras": "weights of Keras (.h5)",
    "arrays": "a pickled dictionary of NumPy arrays (.ckpt)",
}

_HEAD = 64
_GZIP = b"\x1f\x8b"
# Protocol, in newer ones the length of what follows, and then the instruction for a dictionary.
_PICKLED_DICT = re.compile(rb"\x80[\x02\x03]\}|\x80[\x04\x05](\x95.{8})?\}", re.DOTALL)
_GRAPH_DEF_HEAD = re.compile(rb"\x0a[\x00-\xff]{1,5}?\x0a[\x01-\x7f][A-Za-z0-9_./>-]+", re.DOTALL)


def detect_kind(path):
    """Returns the kind of a file, a key of `KINDS`; reads only its first bytes.

    Args:
        path: Path of the file.

    Raises:
        ValueError: An unknown kind; the message lists those that are known.
        OSError: The file cannot be read.
    """
    path = Path(path)
    kind = None
    if not path.is_dir():
        with path.open("rb") as file:
            kind = _kind_of(path, file.read(_HEAD))
    if kind is None:
        reason = what_it_is(path) or "Its content is unknown."
        if zipfile.is_zipfile(path):
            reason = "Its content is unknown, a zip archive. If it holds the file, unpack it."
        *first, last = KINDS.values()
        raise ValueError(
            f"{path} does not hold the weights of a network. {reason} Expected {', '.join(first)} "
            f"or {last}."
        )
    return kind


def read_weights(path):
    """Reads all arrays of a file.

    Args:
        path: Path of the file.

    Returns:
        Dict of the names in the file -> numpy arrays.

    Raises:
        ValueError: An unknown kind, or a damaged file.
        OSError: The file cannot be read.
    """
    path = Path(path)
    kind = detect_kind(path)
    if kind == "torch":
        state = read_torch_file(path)
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        if not arrays:
            raise ValueError(f"{path} holds no arrays at its top level. Expected a state dict.")
        return arrays
    if kind == "tflib":
        networks = read_tflib_file(path)
        if len(networks) != 1:
            names = ", ".join(network.name for network in networks)
            raise ValueError(f"{path} holds the networks {names}. Expected a single one.")
        return networks[0].all_variables()
    try:
        if kind == "keras":
            return _read_keras(path)
        if kind == "arrays":
            arrays = dict(_flat(read_pickle(path.read_bytes(), NUMPY_TABLE)))
            if not arrays:
                raise ValueError("It holds no arrays.")
            return arrays
        with path.open("rb") as file:
            is_archive = file.read(2) == _GZIP
        return read_graph_def_archive(path) if is_archive else read_graph_def(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as {KINDS[kind]}. {error}") from error


def checked_array(arrays, name, shape, title):
    """One array of a file.

    Args:
        arrays: Dict of `read_weights`.
        name: Its name in the file.
        shape: The shape that it must have.
        title: What messages call the file's content, "the weights of ...".

    Returns:
        float32 of this shape.

    Raises:
        ValueError: It is missing, of another shape, or holds no sensible numbers.
    """
    array = arrays.get(name)
    if array is None or array.shape != tuple(shape):
        found = "nothing" if array is None else list(array.shape)
        raise ValueError(f"These are not {title}. Expected {name} {list(shape)}. Received {found}.")
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"{name} of {title} has no sensible numbers: the file is damaged.")
    # A copy, so that nothing holds on to the whole file, half a gigabyte.
    return np.array(array, np.float32) if array.ndim == 1 else np.asarray(array, np.float32)


def digest_arrays(arrays):
    """Hex digest of named arrays: equal for equal weights, whatever file they came from."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _kind_of(path, head):
    if head.startswith(b"PK\x03\x04"):
        return "torch" if _has_data_pickle(path) else None
    if head.startswith(_GZIP) or _GRAPH_DEF_HEAD.match(head):
        return "graph_def"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "keras"
    if _PICKLED_DICT.match(head):
        return "arrays"
    if head.startswith(b"\x80"):
        return "torch" if _starts_with_magic(head) else "tflib"
    return None


def _has_data_pickle(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError):
        # Cut off; the reader will say so.
        return True


def _starts_with_magic(head):
    try:
        return parse_pickle(head, {})[0] == LEGACY_MAGIC
    except ValueError:
        return False


def _flat(value, name=""):
    """Yields the arrays in dictionaries of dictionaries, with names such as "a/b"."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}/{key}" if name else str(key))
    elif isinstance(value, np.ndarray):
        yield name, value


def _read_keras(path):
    arrays = {}
    bytes_left = 4 * path.stat().st_size

    def visit(name, item):
        nonlocal bytes_left
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "fiu":
            return
        # Contents elsewhere could be any file of this computer.
        if item.external or item.is_virtual:
            raise ValueError(f"Its array {name!r} lies in another file.")
        bytes_left -= item.nbytes
        if bytes_left < 0:
            raise ValueError("It would become much larger in memory than the file is.")
        arrays[name] = item[()]

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, RuntimeError, LookupError) as error:
        raise ValueError(f"It is damaged ({error}). Download it again.") from error
    return arrays
