"""Writes pickles of networks as tflib does: those of the original, of NVIDIA and of Python 2."""

import contextlib
import io
import pickle
import struct
import sys
import types

from msg_stylegan.legacy import original_variables

MODULE = "dnnlib.tflib.network"
# In the place of the source that builds the network: nothing may ever run it.
CANARY = "import os; open(os.environ['LEGACY_CANARY'], 'w').close()\nraise SystemExit(CANARY)"


def network(name, function, settings, variables, parts=None, /, **changes):
    """State of a pickled network; arguments as in `TflibNetwork`. Changes of None leave keys out.

    Args:
        name, function, settings, variables, parts: See `TflibNetwork`.
        **changes: Other entries of the state, such as `version`.
    """
    state = {
        "num_inputs": 2,
        "version": 3,
        "name": name,
        "static_kwargs": settings,
        "components": parts or {},
        "build_module_src": CANARY,
        "build_func_name": function,
        "variables": list(variables.items()),
    } | changes
    return _State({key: value for key, value in state.items() if value is not None})


def generator(G, settings, name="G", fused_from=128, more=None, **changes):
    """State of our generator as the original pickles it.

    Args:
        G: `Generator` of the StyleGAN family.
        settings: Its arguments by the original's names.
        name: "G" or "Gs".
        fused_from: See `original_options.fused_from`.
        more: Dictionary of more variables of the synthesis.
        **changes: Other entries of the state.
    """
    arrays = original_variables.export(original_variables.generator_variables(G, fused_from))
    synthesis = {**(more or {}), **_below(arrays, "G_synthesis/")}
    layers = {"dlatent_broadcast": G.num_ws, **settings}
    parts = {
        "synthesis": network("G_synthesis", "G_synthesis", settings, synthesis, **changes),
        "mapping": network(
            "G_mapping", "G_mapping", layers, _below(arrays, "G_mapping/"), **changes
        ),
    }
    own = {"dlatent_avg": arrays["dlatent_avg"]}
    return network(name, "G_style", settings, own, parts, **changes)


def discriminator(D, settings, **changes):
    arrays = original_variables.export(original_variables.discriminator_variables(D))
    return network("D", "D_basic", settings, arrays, **changes)


def dumps(value, protocol=4, python2=False):
    """Pickle of states of `network`, single or in a tuple.

    Args:
        value: What to pickle.
        protocol: 0 to 5.
        python2: Whether to write as Python 2 and its NumPy do: no text but bytes. Protocol 2.
    """
    with _importable_network() as network_class:
        value = _objects(value, network_class)
        if not python2:
            return pickle.dumps(value, protocol)
        stream = io.BytesIO()
        _Python2Pickler(stream, 2).dump(value)
        return stream.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")


def save(path, value, protocol=4, python2=False):
    path.write_bytes(dumps(value, protocol, python2))
    return path


class _State:
    def __init__(self, entries):
        self.entries = entries


def _below(arrays, prefix):
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _objects(value, network_class):
    if isinstance(value, (tuple, list)):
        return type(value)(_objects(item, network_class) for item in value)
    if not isinstance(value, _State):
        return value
    result = network_class()
    parts = value.entries.get("components", {})
    result.state = {
        **value.entries,
        "components": {key: _objects(part, network_class) for key, part in parts.items()},
    }
    return result


@contextlib.contextmanager
def _importable_network():
    """The class under the name that files mention; `pickle` wants to find it."""
    names = ["dnnlib", "dnnlib.tflib", MODULE]
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update({name: types.ModuleType(name) for name in names})
    body = {"__module__": MODULE, "__getstate__": lambda self: self.state}
    sys.modules[MODULE].Network = type("Network", (), body)
    try:
        yield sys.modules[MODULE].Network
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


class _Python2Pickler(pickle._Pickler):
    dispatch = pickle._Pickler.dispatch.copy()

    def _save_bytes(self, value):
        data = value if isinstance(value, bytes) else value.encode("latin-1")
        size = bytes([len(data)]) if len(data) < 256 else struct.pack("<i", len(data))
        self.write((b"U" if len(data) < 256 else b"T") + size + data)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = _save_bytes
