"""Networks from pickles of the original MSG-StyleGAN and of NVIDIA's StyleGAN (2019).

Both build the generator by the same functions. NVIDIA's grows during training: one image comes out,
faded in by its variable `lod`, and the discriminator looks at that image alone.
"""

import dataclasses
import re

import numpy as np

from msg_stylegan.foreign_files.tflib_pickle import read_tflib_file
from msg_stylegan.legacy import original_variables
from msg_stylegan.legacy.file_contents import FileContents
from msg_stylegan.legacy.original_options import (
    discriminator_options,
    fused_from,
    generator_options,
)
from msg_stylegan.legacy.original_shapes import (
    check_arrays,
    check_network,
    discriminator_shapes,
    finite_floats,
    generator_shapes,
)
from msg_stylegan.networks import Discriminator, Generator

_GENERATOR = "G_style"
_DISCRIMINATOR = "D_basic"
# Function that builds a network -> whose it is.
_OTHERS = {
    "G_paper": "ProGAN",
    "D_paper": "ProGAN",
    "G_main": "StyleGAN2",
    "G_synthesis_stylegan_revised": "StyleGAN2",
    "G_synthesis_stylegan2": "StyleGAN2",
    "D_stylegan": "StyleGAN2",
    "D_stylegan2": "StyleGAN2",
}
_LOWER_IMAGE = re.compile(r"G_synthesis/ToRGB_lod[1-9][0-9]*/(weight|bias)")
_MULTI_SCALE, _SINGLE_SCALE = "pickle of MSG-StyleGAN", "pickle of NVIDIA StyleGAN"


def read_original_file(path):
    """Opens a pickle of networks: (G, D, Gs), or only some of them.

    Args:
        path: `pathlib.Path` of the file.

    Returns:
        `FileContents`. With one generator only, "G" and "G_ema" have equal weights.

    Raises:
        ValueError: The file holds anything else, damaged networks, or networks of a different kind.
        OSError: The file cannot be read.
    """
    networks = read_tflib_file(path)
    try:
        return _contents(path, networks)
    except ValueError as error:
        raise ValueError(f"The networks in {path} cannot be used. {error}") from error


def _contents(path, networks):
    generators, discriminators = [], []
    for network in networks:
        _check_function(network)
        (generators if network.build_func_name == _GENERATOR else discriminators).append(network)
    if len(generators) > 2 or len(discriminators) > 1:
        raise ValueError(
            f"It holds {len(generators)} generators and {len(discriminators)} discriminators. "
            "Expected G, D and Gs."
        )
    # Gs is the last one of (G, D, Gs); a pair may be the other way round.
    generators.sort(key=lambda network: network.name == "Gs")
    records = [_GeneratorRecord(network) for network in generators]
    if len({(record.options, record.data) for record in records}) > 1:
        raise ValueError("Its two generators have different settings.")
    D, left_out = None, [*records[-1].left_out] if records else []
    for network in discriminators:
        if _sees_one_scale(network):
            left_out.append("The discriminator sees one scale only and cannot be used here.")
        else:
            D = _make_discriminator(network)
    made = {}
    if records:
        made = {"G": records[0].make("G"), "G_ema": records[-1].make("G_ema")}
    if D is not None:
        made["D"] = D
        if records:
            _check_pair(records[0].data, D.data)
    if not made:
        raise ValueError(left_out[0])
    is_single = bool(records) and records[0].is_single
    return FileContents(
        _SINGLE_SCALE if is_single else _MULTI_SCALE, made, [path], left_out=left_out
    )


def _check_function(network):
    name, function = network.name, network.build_func_name
    if function in _OTHERS:
        raise ValueError(
            f"Network {name} was built by {function} of {_OTHERS[function]}, whose layers are "
            "different. Only networks of MSG-StyleGAN and of the first StyleGAN can be opened."
        )
    if function not in (_GENERATOR, _DISCRIMINATOR):
        raise ValueError(
            f"Network {name} was built by {function[:100]!r}. "
            f"Expected {_GENERATOR} or {_DISCRIMINATOR}."
        )


class _GeneratorRecord:
    """A checked generator from a file, before it is built.

    Attributes:
        options: `GeneratorOptions`.
        data: `Interface`.
        is_single: Whether only the largest image comes out.
        left_out: Sentences: what in the file is not used, and why.
    """

    def __init__(self, network):
        settings = _joint_settings(network)
        self.options, self.data = generator_options(settings)
        self._fused_from = fused_from(settings)
        check_network(self.options, self.data)
        arrays = _generator_arrays(network)
        lod = arrays.pop("G_synthesis/lod", None)
        self.is_single = lod is not None or not any(map(_LOWER_IMAGE.fullmatch, arrays))
        self.left_out = []
        if self.is_single:
            _check_growth(lod)
            self._leave_out_lower_images(arrays)
            self.data = dataclasses.replace(self.data, connect="none")
        check_arrays(arrays, generator_shapes(self.options, self.data))
        self._arrays = finite_floats(arrays)

    def _leave_out_lower_images(self, arrays):
        lower = {name: arrays.pop(name) for name in list(arrays) if _LOWER_IMAGE.fullmatch(name)}
        if lower:
            shapes = generator_shapes(self.options, self.data)
            check_arrays(lower, {name: shapes[name] for name in lower if name in shapes})
            self.left_out.append(
                "The layers that made smaller images while the network grew do nothing any more."
            )

    def make(self, name):
        G = Generator(self.options, self.data, name=name)
        G.build()
        table = original_variables.generator_variables(G, self._fused_from)
        original_variables.assign(table, self._arrays)
        return G


def _joint_settings(network):
    """Settings of a generator and of its parts, which get what it does not use itself."""
    settings = {}
    for part in (*network.components.values(), network):
        for key, value in part.static_kwargs.items():
            if settings.setdefault(key, value) != value:
                raise ValueError(f"Setting {key!r} of network {network.name} has two values.")
    return settings


def _generator_arrays(network):
    functions = {name: part.build_func_name for name, part in network.components.items()}
    if functions != {"synthesis": "G_synthesis", "mapping": "G_mapping"}:
        raise ValueError(
            f"Network {network.name} has the parts {functions}. Expected G_synthesis and G_mapping."
        )
    arrays = dict(network.variables)
    for part in network.components.values():
        for name, array in part.variables.items():
            arrays[f"{part.build_func_name}/{name}"] = array
    return arrays


def _check_growth(lod):
    """Refuses a network of NVIDIA's that had not reached its full resolution."""
    if lod is None:
        return
    if lod.size != 1 or lod.dtype.kind not in "fiu" or not np.isfinite(lod).all():
        raise ValueError("Its variable `lod` is not a number.")
    value = float(lod.reshape(()))
    if value > 0:
        raise ValueError(
            f"The network was still growing when it was saved: its `lod` is {value:g}, so its "
            "image is an enlarged or blended one of a smaller size. Expected 0."
        )


def _sees_one_scale(network):
    """Whether a discriminator is NVIDIA's, which joins no smaller images."""
    return "lod" in network.variables or not any(
        name.endswith("/combine/weight") for name in network.variables
    )


def _make_discriminator(network):
    if network.components:
        raise ValueError(f"Network {network.name} has parts. Expected none.")
    options, data = discriminator_options(network.static_kwargs)
    check_network(options, data)
    check_arrays(network.variables, discriminator_shapes(options, data))
    arrays = finite_floats(network.variables)
    D = Discriminator(options, data, name="D")
    D.build()
    original_variables.assign(original_variables.discriminator_variables(D), arrays)
    return D


def _check_pair(of_G, of_D):
    for name in ("resolution", "num_channels", "label_size"):
        if getattr(of_G, name) != getattr(of_D, name):
            raise ValueError(
                f"G and D do not belong together: `{name}` is {getattr(of_G, name)} in one "
                f"and {getattr(of_D, name)} in the other."
            )
