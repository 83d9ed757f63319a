"""Networks from the files of a training with BMSG-GAN: `GAN_GEN_<epoch>.pth` and its siblings."""

import re

import numpy as np

from msg_stylegan.foreign_files.torch_file import read_torch_file
from msg_stylegan.legacy.bmsg_networks import networks_from_state_dicts
from msg_stylegan.legacy.file_contents import FileContents
from msg_stylegan.legacy.original_shapes import finite_floats

_NAME = re.compile(r"(?P<before>.*GAN_)(?P<kind>GEN_SHADOW|GEN|DIS)(?P<after>(_\d+)?(\.\w+)?)")
_KINDS = ("GEN", "GEN_SHADOW", "DIS")
_WRAPPER = "module."
# Argument of `networks_from_state_dicts`, for people.
_ROLES = {
    "generator": "a generator",
    "shadow": "the average of a generator",
    "discriminator": "a discriminator",
}


def read_bmsg_file(path):
    """Opens a state dict of BMSG-GAN and those of the same epoch beside it.

    What a file holds is decided by its weights; only the average of a generator is told from the
    generator itself by the word SHADOW in the name.

    Args:
        path: `pathlib.Path` of one of the files.

    Returns:
        `FileContents`. With one generator only, "G" and "G_ema" have equal weights.

    Raises:
        ValueError: A file holds anything else, or the files do not belong together.
        OSError: A file cannot be read.
    """
    paths = [path, *_siblings(path)]
    state_dicts, origins = {}, {}
    for file in paths:
        arrays = _plain(file, read_torch_file(file))
        role = _role(file, arrays)
        if role in state_dicts:
            raise ValueError(f"{origins[role]} and {file} both hold {_ROLES[role]}.")
        state_dicts[role], origins[role] = arrays, file
    try:
        networks = networks_from_state_dicts(**state_dicts)
    except ValueError as error:
        names = " and ".join(map(str, paths))
        raise ValueError(f"The networks in {names} cannot be used. {error}") from error
    return FileContents("state dict of BMSG-GAN", networks, paths)


def _plain(path, state_dict):
    """The finite float32 weights of a file by name, without the prefix of DataParallel.

    On GPUs, BMSG-GAN wraps its whole generator, but the layers of its discriminator one by one.
    """
    arrays = {str(name).replace(_WRAPPER, ""): array for name, array in state_dict.items()}
    if len(arrays) < len(state_dict):
        raise ValueError(f"{path} holds the same weights with and without {_WRAPPER!r}.")
    if "param_groups" in arrays:
        raise ValueError(
            f"{path} holds the state of an optimizer. Expected a generator or discriminator of "
            "BMSG-GAN."
        )
    odd = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if odd:
        raise ValueError(f"{path} holds {odd[0]!r}, which is not an array. Expected a state dict.")
    try:
        return finite_floats(arrays)
    except ValueError as error:
        raise ValueError(f"{path} cannot be used. {error}") from error


def _siblings(path):
    match = _NAME.fullmatch(path.name)
    if not match:
        return []
    names = [f"{match['before']}{kind}{match['after']}" for kind in _KINDS if kind != match["kind"]]
    return [path.with_name(name) for name in names if path.with_name(name).is_file()]


def _role(path, arrays):
    """Argument of `networks_from_state_dicts` for which a file is."""
    is_D = any(name.startswith(("final_block.", "rgb_to_features.")) for name in arrays)
    is_G = any(name.startswith("rgb_converters.") for name in arrays)
    if is_G == is_D:
        raise ValueError(f"{path} holds no generator or discriminator of BMSG-GAN.")
    if is_D:
        return "discriminator"
    match = _NAME.fullmatch(path.name)
    return "shadow" if match and match["kind"] == "GEN_SHADOW" else "generator"
