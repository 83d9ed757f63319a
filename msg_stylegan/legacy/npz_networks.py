"""Networks in `.npz` files under the names of the system they come from, with our settings.

`G/...`, `D/...` and `Gs/...` hold the variables. Networks of the StyleGAN family have the names and
layouts of the original MSG-StyleGAN, those of BMSG-GAN the names and layouts of PyTorch. `meta` is
a JSON text with the arguments of our networks.
"""

import dataclasses
import json

import numpy as np

from msg_stylegan import files
from msg_stylegan.command_names import called
from msg_stylegan.foreign_files.npz_arrays import read_npz
from msg_stylegan.interface import Interface
from msg_stylegan.legacy import bmsg_variables, original_variables
from msg_stylegan.legacy.bmsg_networks import network_with_weights, size_of
from msg_stylegan.legacy.file_contents import FileContents
from msg_stylegan.legacy.original_shapes import (
    check_arrays,
    check_network,
    discriminator_shapes,
    finite_floats,
    generator_shapes,
    some_names,
)
from msg_stylegan.networks import Discriminator, Generator, progan_options
from msg_stylegan.networks.growing import Growing
from msg_stylegan.networks.named_variables import named_variables
from msg_stylegan.networks.pair_member import split_config, stored_names
from msg_stylegan.options import GeneratorOptions

_VERSION = 1
# Bodies of both networks whose weights have names.
_BODIES = ("stylegan", "progan")
# Options of the mapping network's layers.
_OF_LAYERS = ("mapping_width", "mapping_lr_multiplier", "mapping_nonlinearity")
# Options that older files do not have.
_NEWER = {"weight_init", "norm"}
# Prefix in the file -> our name, and what `size_of` calls the kind.
_MEMBERS = {
    "G": ("G", "generator"),
    "D": ("D", "discriminator"),
    "Gs": ("G_ema", "shadow"),
}


def write_npz_networks(nets, path):
    """Writes networks in one piece.

    Args:
        nets: `Networks`.
        path: File to write; ends in `.npz`.

    Raises:
        ValueError: A network has options that have no names in such a file, or there are two
            domains.
    """
    if nets.is_pair:
        raise ValueError(
            "npz files have names for the networks of one domain, and these are a pair. Choose one "
            "with --domain a or --domain b, or write a .keras file, which holds both."
        )
    arrays, options = {}, {}
    for prefix, (member, _) in _MEMBERS.items():
        network = getattr(nets, member)
        if network is not None:
            options[prefix] = {k: v for k, v in network.get_config().items() if k != "name"}
            table = _complete_table(network)
            exported = original_variables.export(table)
            arrays |= {f"{prefix}/{name}": array for name, array in exported.items()}
    meta = {"version": _VERSION, "networks": options, "info": nets.info}
    with files.atomic_path(path) as temporary:
        np.savez(temporary, meta=np.array(json.dumps(meta)), **arrays)


def read_npz_networks(path):
    """Opens a file of `write_npz_networks`.

    Args:
        path: `pathlib.Path` of the file.

    Returns:
        `FileContents`.

    Raises:
        ValueError: The file is damaged or holds something else.
        OSError: The file cannot be read.
    """
    try:
        arrays = read_npz(path)
        meta = _read_meta(arrays)
        return FileContents(
            "npz of convert.py", _make_networks(arrays, meta["networks"]), [path], info=meta["info"]
        )
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as npz of networks. {error}") from error


def _read_meta(arrays):
    text = arrays.pop("meta", None)
    if text is None or text.dtype.kind != "U" or text.shape:
        raise ValueError(
            f"It has no text `meta`, with which `{called('convert')}` describes networks."
        )
    try:
        meta = json.loads(str(text))
        version, networks, info = (meta[key] for key in ("version", "networks", "info"))
    except (TypeError, LookupError, RecursionError) as error:
        raise ValueError(f"Its `meta` is not that of networks ({error!r}).") from error
    if version != _VERSION:
        raise ValueError(f"It has version {version!r}. Expected {_VERSION}.")
    if not isinstance(networks, dict) or not isinstance(info, dict):
        raise ValueError("Its `meta` is damaged.")
    if not networks or not networks.keys() <= _MEMBERS.keys():
        raise ValueError(f"It describes {sorted(networks)}. Expected some of {list(_MEMBERS)}.")
    return meta


def _make_networks(arrays, networks):
    groups = {prefix: {} for prefix in networks}
    for name, array in arrays.items():
        prefix, _, rest = name.partition("/")
        if prefix not in groups:
            raise ValueError(f"It holds {name[:100]!r}, which belongs to none of its networks.")
        groups[prefix][rest] = array
    made = {}
    for prefix, config in networks.items():
        member, kind = _MEMBERS[prefix]
        options, data = _options(member, config)
        if _names(options, data) is bmsg_variables:
            network = _make_progan(member, kind, options, data, groups[prefix])
        else:
            network = _make_network(member, options, data, groups[prefix])
        if network.options != options:
            raise ValueError(f"The settings of {member} in `meta` contradict each other.")
        made[member] = network
    return made


def _options(member, config):
    """Checked options and `Interface` from `meta`."""
    options_class = (Discriminator if member == "D" else Generator).options_class
    if not isinstance(config, dict):
        raise ValueError("Its `meta` is damaged.")
    known = {*stored_names(options_class).values(), *stored_names(Interface).values()}
    missing, unknown = sorted(known - config.keys() - _NEWER), sorted(config.keys() - known)
    if missing or unknown:
        raise ValueError(f"Options of a network are missing: {missing}, or unknown: {unknown}")
    options, data, _ = split_config(options_class, config)
    check_network(options, data)
    return options, data


def _make_network(member, options, data, arrays):
    """Builds a network of the StyleGAN family."""
    is_D = member == "D"
    check_arrays(arrays, (discriminator_shapes if is_D else generator_shapes)(options, data))
    arrays = finite_floats(arrays)
    network = (Discriminator if is_D else Generator)(options, data, name=member)
    network.build()
    original_variables.assign(_table(original_variables, network), arrays)
    return network


def _make_progan(member, kind, options, data, arrays):
    """Builds a network of BMSG-GAN."""
    arrays = finite_floats(arrays)
    if size_of(kind, arrays) != _progan_size(options, data):
        raise ValueError(f"The settings of {member} in `meta` do not fit its weights.")
    return network_with_weights(member, options, data, arrays)


def _complete_table(network):
    """Names and layouts of all variables of a network.

    Raises:
        ValueError: Some have no names.
    """
    if isinstance(network, Growing):
        raise ValueError(_nameless("Growing networks"))
    table = _table(_names(network.options, network.data), network)
    named = {id(variable) for variable, _ in table.values()}
    lost = {k for k, variable in named_variables(network).items() if id(variable) not in named}
    if not getattr(network, "has_w_avg", True):
        lost.discard("w_avg")
    if lost:
        raise ValueError(_nameless(f"Networks with the variables {some_names(sorted(lost))}"))
    return table


def _table(names, network):
    if isinstance(network, Discriminator):
        return names.discriminator_variables(network)
    return names.generator_variables(network)


def _names(options, data):
    """The module with the names of a network's variables.

    Raises:
        ValueError: It has none.
    """
    if options.body not in _BODIES:
        raise ValueError(_nameless(f"Networks with {options.prefix}body={options.body!r}"))
    if _is_published_progan(options, data):
        return bmsg_variables
    if isinstance(options, GeneratorOptions) and options.body == "progan":
        raise ValueError(
            "The generator is a changed one of BMSG-GAN. Only its published form has names "
            "for its weights in npz files. Write a .keras file instead."
        )
    return original_variables


def _nameless(networks):
    return f"{networks} have no names for their weights in npz files. Write a .keras file instead."


def _is_published_progan(options, data):
    try:
        published = progan_options(*_progan_size(options, data))
    except ValueError:
        return False
    if isinstance(options, GeneratorOptions):
        # Without layers of a mapping network, and it has none, these mean nothing.
        meaningless = {name: getattr(published[0], name) for name in _OF_LAYERS}
        options = dataclasses.replace(options, **meaningless)
    return data == published[2] and options in published[:2]


def _progan_size(options, data):
    return data.resolution.bit_length() - 2, options.channel_max, data.num_channels
