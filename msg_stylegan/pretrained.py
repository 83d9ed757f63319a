"""Opens trained networks: our snapshots and the files of other systems of the family.

Nothing that is in a file is ever run.
"""

import shutil
import tempfile
import zipfile
from pathlib import Path

from msg_stylegan.command_names import called
from msg_stylegan.files import sha256_of_file
from msg_stylegan.foreign_files.torch_file import LEGACY_MAGIC
from msg_stylegan.legacy.npz_networks import read_npz_networks
from msg_stylegan.legacy.original_networks import read_original_file
from msg_stylegan.legacy.state_dict_files import read_bmsg_file
from msg_stylegan.mistaken_file import what_it_is
from msg_stylegan.networks import Networks, load_snapshot, newest_snapshot
from msg_stylegan.stored_class import stored_class
from msg_stylegan.training.run_directory import find_run

SUFFIXES = (".keras", ".pkl", ".pth", ".npz")
_SNAPSHOT_CLASS = "msg_stylegan>Networks"
# What files begin with: zip archives; pickles of protocol 2 and later, or 0 and 1.
_ZIP = b"PK\x03\x04"
_PICKLES = tuple(b"\x80(]}c")
_TORCH_MAGIC = LEGACY_MAGIC.to_bytes(10, "little")


def load_networks(path, domain=None):
    """Opens trained networks. What a file is, is decided by its content, not by its name.

    Args:
        path: A snapshot, or a run directory, of which the newest snapshot is taken; a pickle of the
            original MSG-StyleGAN or of NVIDIA's StyleGAN; a `.pth` file of BMSG-GAN, to which those
            of the same epoch beside it are added; or a `.npz` file that `convert` wrote.
        domain: "a" or "b" for the networks of one domain of a pair, as if they had been trained
            alone; a file without pairs is its own domain "a". None for all that is in the file.

    Returns:
        `Networks` with `G`, `D`, `G_ema` and `info`. A network that is not in the file is None;
        with one generator only, `G` and `G_ema` have equal weights. `info["source"]` says where
        networks of other systems came from.

    Raises:
        FileNotFoundError: There is no such file, or no snapshot in the folder.
        ValueError: The file holds anything else, or networks that cannot be used here, or not the
            domain. The message says why.
    """
    path = Path(path)
    if path.is_dir():
        path = newest_snapshot(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist. Give a file or a run directory.")
    kind = _kind_of(path)
    nets = _load_snapshot(path) if kind == "snapshot" else _load_foreign(path, kind)
    if domain is None:
        return nets
    try:
        return nets.of_domain(domain)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _load_foreign(path, kind):
    contents = _READERS[kind](path)
    info = dict(contents.info) if kind == "npz" else {"source": _source(contents)}
    members = {name: contents.networks.get(name) for name in ("G", "D", "G_ema")}
    nets = Networks(**members, info=info, name="networks")
    nets.build()
    return nets


def find_network_file(network, result_dir):
    """Path of a file of networks: itself, or the newest snapshot of a folder or run.

    Args:
        network: A file, a folder, or what `find_run` understands.
        result_dir: Folder of all runs.

    Raises:
        FileNotFoundError: There is no such file or run, or no snapshot in it.
    """
    path = Path(network)
    if path.is_file():
        return path
    if path.suffix in SUFFIXES and not path.is_dir():
        kind = "snapshot" if path.suffix == ".keras" else "file"
        raise FileNotFoundError(f"There is no {kind} {path}.")
    return newest_snapshot(path if path.is_dir() else find_run(result_dir, str(network)))


_READERS = {"npz": read_npz_networks, "torch": read_bmsg_file, "pickle": read_original_file}


def _kind_of(path):
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(_ZIP):
        return _kind_of_archive(path)
    if _TORCH_MAGIC in head:
        return "torch"
    # Pickles of protocols 0 and 1 are text, and others begin like some archives.
    if head[:1] and head[0] in _PICKLES and not what_it_is(path, expected="text"):
        return "pickle"
    raise ValueError(
        f"{path} is not a file of networks. {what_it_is(path) or 'Its content is unknown.'} "
        "Expected a snapshot (.keras), a pickle of MSG-StyleGAN or StyleGAN (.pkl), a state dict "
        f"of BMSG-GAN (.pth), or arrays of `{called('convert')}` (.npz)."
    )


def _kind_of_archive(path):
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        what = what_it_is(path) or "Copy or download it again."
        raise ValueError(f"{path} is a damaged zip archive ({error}). {what}") from error
    if any(name.endswith("data.pkl") for name in names):
        return "torch"
    if "config.json" in names:
        return "snapshot"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    raise ValueError(
        f"{path} is a zip archive, but neither a snapshot nor another known file. It holds "
        f"{', '.join(names[:3]) or 'nothing'}. If it holds the file, unpack it."
    )


def _load_snapshot(path):
    _check_snapshot_class(path)
    if path.suffix == ".keras":
        return load_snapshot(path)
    # Keras looks at the name.
    with tempfile.TemporaryDirectory() as folder:
        return load_snapshot(shutil.copyfile(path, Path(folder, "networks.keras")))


def _check_snapshot_class(path):
    """Refuses other models, which Keras would make by importing what the file names."""
    try:
        name = stored_class(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a readable snapshot: {error}") from error
    if name != _SNAPSHOT_CLASS:
        raise ValueError(f"{path} holds a {name}, not the networks of a run.")


def _source(contents):
    files = [{"name": path.name, "sha256": sha256_of_file(path)} for path in contents.paths]
    source = {"format": contents.format, "files": files}
    return source | ({"left_out": contents.left_out} if contents.left_out else {})
