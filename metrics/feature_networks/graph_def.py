"""Constants of a frozen TensorFlow graph, such as `classify_image_graph_def.pb` of December 2015.

The graph itself is never run.
"""

import gzip
import itertools
import math
import tarfile
import zlib

import numpy as np
import tensorflow as tf

# A constant of one repeated value takes a few bytes in the file, whatever its size.
_MAX_REPEATED = 2**16
# Bytes and files that an archive may unpack to. The published one has 97 million bytes, 4 files.
_MAX_SIZE = 2**29
_MAX_MEMBERS = 100
_CHUNK = 2**20


def read_graph_def(data):
    """Returns the constants of a serialised `GraphDef`.

    Args:
        data: bytes of the file.

    Returns:
        Dict of node name -> numpy array, without constants that are not numbers.

    Raises:
        ValueError: Not such a graph, or a damaged one.
    """
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(data)
    # An error of protobuf, which only TensorFlow knows.
    except Exception as error:
        raise ValueError("It is not a TensorFlow graph, or a damaged one.") from error
    constants = (node for node in graph.node if node.op == "Const")
    tensors = {node.name: node.attr["value"].tensor for node in constants}
    return {name: _to_array(name, tensor) for name, tensor in tensors.items() if _is_number(tensor)}


def read_graph_def_archive(path):
    """Returns the constants of the first `.pb` file in a `.tgz`, which is not unpacked on disk.

    Args:
        path: Path of a tar archive compressed by gzip.

    Returns:
        As for `read_graph_def`.

    Raises:
        ValueError: Not such an archive, a damaged one, or one without a graph.
        OSError: The file cannot be read.
    """
    graph = None
    try:
        with gzip.open(path) as file:
            unpacked = _Bounded(file)
            with tarfile.open(fileobj=unpacked, mode="r|") as archive:
                for member in itertools.islice(archive, _MAX_MEMBERS):
                    if member.isfile() and member.name.endswith(".pb"):
                        graph = archive.extractfile(member).read()
                        break
            # The checksum is at the end.
            while unpacked.read(_CHUNK):
                pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"It is a damaged archive ({error}).") from error
    if graph is None:
        raise ValueError("It is an archive without a .pb file.")
    return read_graph_def(graph)


class _Bounded:
    """A file that ends with an error when it turns out too long."""

    def __init__(self, file):
        self._file = file
        self._bytes_left = _MAX_SIZE

    def read(self, size):
        data = self._file.read(size)
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise ValueError(f"It unpacks to more than {_MAX_SIZE} bytes.")
        return data


def _is_number(tensor):
    try:
        return np.issubdtype(tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype, np.number)
    except TypeError:
        return False


def _to_array(name, tensor):
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    size = math.prod(shape) * tf.dtypes.as_dtype(tensor.dtype).size
    if min(shape, default=0) < 0 or size > max(tensor.ByteSize(), _MAX_REPEATED):
        raise ValueError(f"Its constant {name!r} claims the shape {shape} without having it.")
    return tf.make_ndarray(tensor)
