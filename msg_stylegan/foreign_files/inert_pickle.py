"""A reader of pickles that runs nothing a file contains.

Whatever a pickle names is looked up in our own table and refused if it is not there, see
`pickle_machine.py`. Values that need others first are made when everything has been read.
"""

import contextlib
import struct

from msg_stylegan.foreign_files.pickle_machine import Deferred, Global, Machine, RefusedGlobalError

_MAX_NESTING = 100


def read_pickle(data, table):
    """Reads a pickle of protocol 0 to 5, written by Python 2 or 3, that takes up all of `data`.

    Text of Python 2 becomes latin-1 strings.

    Args:
        data: bytes of the pickle.
        table: Mapping of "module.name" to the function that stands for that global, or None for a
            name that may be mentioned but not called. Names that it lacks are refused. The
            functions must be safe for any arguments.

    Returns:
        The value, made of dict, list, tuple, str, bytes, numbers, bool, None and what the functions
        of the table return, with every `Deferred` resolved.

    Raises:
        RefusedGlobalError: A name that is not in the table.
        ValueError: Not a pickle, a damaged one, or one that does more than hold data.
    """
    value, end = parse_pickle(data, table)
    if end != len(data):
        raise ValueError(f"It goes on for {len(data) - end} bytes after its end.")
    return resolve(value)


def parse_pickle(data, table, *, persistent_load=None, start=0):
    """Reads one of several pickles in a row, and leaves every `Deferred` in it.

    Args:
        data: bytes that hold the pickle.
        table: Mapping of "module.name" to the function that stands for that global, or None.
        persistent_load: Function for references to things outside the pickle; None refuses them.
        start: Index of the first byte.

    Returns:
        The value and the index after the pickle.
    """
    machine = Machine(data, start, table, persistent_load)
    with _damage_as_value_error():
        return machine.run(), machine.position


def resolve(value):
    """Returns a value of `parse_pickle` with every `Deferred` in it resolved."""
    with _damage_as_value_error():
        return _Resolver().resolve(value)


@contextlib.contextmanager
def _damage_as_value_error():
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, struct.error) as error:
        raise ValueError(f"It is damaged or not a pickle ({error}).") from error


class _Resolver:
    """Replaces every `Deferred` in nested containers, visiting shared ones once."""

    def __init__(self):
        # id -> (original, result); the original is kept so that its id stays taken.
        self._done = {}
        self._depth = 0

    def resolve(self, value):
        if isinstance(value, Global):
            raise RefusedGlobalError(value.name)
        if not isinstance(value, (Deferred, dict, list, tuple)):
            return value
        if id(value) in self._done:
            return self._done[id(value)][1]
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise ValueError(f"It is nested more than {_MAX_NESTING} times.")
        result = self._resolve_new(value)
        self._done[id(value)] = (value, result)
        self._depth -= 1
        return result

    def _resolve_new(self, value):
        if isinstance(value, Deferred):
            return value.resolve(self.resolve)
        if type(value) is tuple:
            return tuple(self.resolve(item) for item in value)
        # In place, so that a container that holds itself is still one.
        self._done[id(value)] = (value, value)
        for key, item in value.items() if type(value) is dict else enumerate(value):
            value[key] = self.resolve(item)
        return value
