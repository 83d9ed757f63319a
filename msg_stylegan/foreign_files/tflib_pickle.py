"""Network pickles of NVIDIA's tflib, the library of StyleGAN and the original MSG-StyleGAN.

Such a file holds one network or a tuple (G, D, Gs), and each network the Python source that builds
it. That source is never run: a network becomes a record of its settings and variables.
"""

import dataclasses
from pathlib import Path

import numpy as np

from msg_stylegan.foreign_files.inert_pickle import read_pickle
from msg_stylegan.foreign_files.numpy_pickle import NUMPY_TABLE, make_dict
from msg_stylegan.foreign_files.pickle_machine import Deferred

_VERSIONS = (2, 3)
# Far above what any file of networks has. A pickle can mention the same contents again and again,
# so these bound the work, not the memory.
_MAX_NETWORKS = 32
_MAX_SETTINGS = 200
_SIMPLE = (bool, int, float, str, type(None))


@dataclasses.dataclass(frozen=True)
class TflibNetwork:
    """What a pickled network consists of, without its code."""

    # "G", "D", "Gs", "G_synthesis", ...
    name: str
    # Version of the format: 2 or 3.
    version: int
    # Name of the function that built it: "G_style", ...
    build_func_name: str
    # Its settings: text, numbers, True, False, None, and lists of these.
    static_kwargs: dict
    # Name -> TflibNetwork of its parts.
    components: dict
    # Name -> numpy array of its own variables, in the order of their creation.
    variables: dict

    def all_variables(self):
        """Variables of the network and its parts, these under "<name of the part>/"."""
        result = dict(self.variables)
        for part in self.components.values():
            for name, array in part.all_variables().items():
                result[f"{part.name}/{name}"] = array
        return result


def read_tflib_file(path):
    """Returns the networks of a pickle file, a list of `TflibNetwork`.

    Raises:
        ValueError: The file is not a pickle of tflib networks.
        OSError: The file cannot be read.
    """
    path = Path(path)
    try:
        return read_tflib(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as networks of tflib. {error}") from error


def read_tflib(data):
    """Like `read_tflib_file`, for the bytes of a file."""
    made = []

    def make_network():
        made.append(_Network())
        if len(made) > _MAX_NETWORKS:
            raise ValueError(f"It holds more than {_MAX_NETWORKS} networks.")
        return made[-1]

    value = read_pickle(data, {**_TABLE, **dict.fromkeys(_NETWORKS, make_network)})
    networks = list(value) if isinstance(value, (list, tuple)) else [value]
    if not networks or not all(isinstance(network, TflibNetwork) for network in networks):
        raise ValueError("It holds something other than networks.")
    return networks


class _Network(Deferred):
    """A network that is being read. Its state is kept, and nothing is done with it."""

    __slots__ = ("state",)

    def __init__(self):
        self.state = None

    def set_state(self, state):
        self.state = state

    def resolve(self, resolve):
        if not isinstance(self.state, dict):
            raise ValueError("It has a network without a state.")
        # Left out unread: the source, which may be anything.
        state = {key: value for key, value in self.state.items() if key != "build_module_src"}
        return _checked_network(resolve(state))


# The class of networks, as it is called today and as it was called for ProGAN.
_NETWORKS = ("dnnlib.tflib.network.Network", "tfutil.Network")
_TABLE = {
    **NUMPY_TABLE,
    "dnnlib.util.EasyDict": make_dict,
    "config.EasyDict": make_dict,
}


def _checked_network(state):
    network = TflibNetwork(
        name=_expect(state, "name", str),
        version=_expect(state, "version", int),
        build_func_name=_expect(state, "build_func_name", str),
        static_kwargs=_expect(state, "static_kwargs", dict),
        components=_expect(state, "components", dict, {}),
        variables=_variables(_expect(state, "variables", list)),
    )
    if network.version not in _VERSIONS:
        raise ValueError(
            f"Network {network.name} has version {network.version}. Expected one of {_VERSIONS}; "
            "later ones belong to StyleGAN2, whose networks are different."
        )
    if max(len(network.static_kwargs), len(network.components)) > _MAX_SETTINGS:
        raise ValueError(f"Network {network.name} has too many settings or parts.")
    settings = {key: _simple(key, value) for key, value in network.static_kwargs.items()}
    for name, part in network.components.items():
        if not isinstance(part, TflibNetwork) or part.components:
            raise ValueError(f"Part {name!r} of network {network.name} is not a simple network.")
    return dataclasses.replace(network, static_kwargs=settings)


def _expect(state, key, kind, *default):
    value = state.get(key, *default)
    if not isinstance(value, kind):
        raise ValueError(f"A network has no {key!r}, or one of a wrong type.")
    return value


def _variables(pairs):
    variables = {}
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError("A network has a variable without a name or value.")
        name, array = pair
        if not isinstance(name, str) or not isinstance(array, (np.ndarray, np.generic)):
            raise ValueError(f"Variable {name!r} is not an array.")
        if name in variables:
            raise ValueError(f"Variable {name!r} occurs twice.")
        variables[name] = np.asarray(array)
    return variables


def _simple(key, value):
    if isinstance(value, np.generic):
        return value.item()
    items = value if isinstance(value, (list, tuple)) else [value]
    if len(items) > _MAX_SETTINGS or not all(isinstance(item, _SIMPLE) for item in items):
        raise ValueError(f"Setting {key!r} of a network is neither text nor a number.")
    return list(items) if items is value else value
