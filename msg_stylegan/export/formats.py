"""The formats by name, and what they have in common: whole files, and nothing overwritten."""

import dataclasses
import math
import shlex
from collections.abc import Callable
from pathlib import Path

from msg_stylegan import files
from msg_stylegan.export.graphs import describe, write_onnx, write_saved_model, write_tflite
from msg_stylegan.export.web_page import FACTS_FILE, write_web
from msg_stylegan.sampling.label_table import label_table


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """What is decided when a file is made. Everything else is an input of the file."""

    # Images per call; None for any number.
    batch_size: int | None = None
    # Strength of the truncation; None makes it an input, if the network has a mapping network.
    truncation_psi: float | None = None
    # Number of layers that are truncated.
    truncation_cutoff: int = 8
    # Noise inputs: "const", "none", or "random" for new noise in every call.
    noise_mode: str = "const"
    # Side of the only images to make; None for all scales.
    scale: int | None = None
    # Whether images are pixels from 0 to 255 instead of floats.
    as_uint8: bool = False
    # Whether weights are rounded to 16 bits.
    float16: bool = False
    # Folder of the npm package that runs the graph in a browser; None for the place of npm.
    onnxruntime_web: str | None = None

    def __post_init__(self):
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"Expected a batch size of at least 1. Received {self.batch_size}.")
        if self.truncation_psi is not None and not math.isfinite(self.truncation_psi):
            raise ValueError(f"Expected a finite truncation_psi. Received {self.truncation_psi}.")

    def chosen(self):
        """Names of the options that differ from their defaults."""
        fields = dataclasses.fields(self)
        return [field.name for field in fields if getattr(self, field.name) != field.default]


def _write_keras(nets, options, path):
    from msg_stylegan.networks import save_networks

    save_networks(nets, path, nets.info)


def _write_npz(nets, options, path):
    from msg_stylegan.legacy.npz_networks import write_npz_networks

    write_npz_networks(nets, path)


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of file."""

    # write(nets, options, path).
    write: Callable
    # End of its name; empty for a folder.
    suffix: str = ""
    # Names of the `ExportOptions` that may be chosen. None are if it holds a network, not a
    # function with inputs and outputs.
    options: frozenset = frozenset()
    # Values of other options.
    fixed: dict = dataclasses.field(default_factory=dict)
    # The file by which one knows a folder of this kind.
    landmark: str | None = None
    # How to open it; `{path}` stands for its path.
    usage: str | None = None


_DRAWING = frozenset({"truncation_psi", "truncation_cutoff", "noise_mode", "scale"})
_GRAPH = _DRAWING | {"batch_size", "as_uint8"}
FORMATS = {
    "savedmodel": Format(write_saved_model, options=_GRAPH, landmark="saved_model.pb"),
    "keras": Format(_write_keras, ".keras"),
    "tflite": Format(write_tflite, ".tflite", options=_GRAPH | {"float16"}),
    "onnx": Format(write_onnx, ".onnx", options=_GRAPH),
    "npz": Format(_write_npz, ".npz"),
    "web": Format(
        write_web,
        options=_DRAWING | {"onnxruntime_web"},
        fixed={"batch_size": 1, "as_uint8": True},
        landmark=FACTS_FILE,
        usage="look at it by: python -m http.server --directory {path}",
    ),
}


def export_generator(G, path, format_name, options=None, *, info=None, force=False):
    """Writes a generator in one piece.

    Args:
        G: Generator.
        path: File to write, or folder for "savedmodel" and "web".
        format_name: Key of `FORMATS`.
        options: `ExportOptions`; None for the defaults.
        info: Dictionary that describes the run, for the formats that hold networks, and for what
            is said about the labels.
        force: Whether to replace an older file, or an older folder of the same format.

    Returns:
        Text that says what is in the file.

    Raises:
        ValueError: The format cannot hold what the options ask for.
        FileExistsError: There is something at `path`, and it may not be replaced.
        FileNotFoundError: There is no ONNX Runtime Web.
    """
    from msg_stylegan.networks import Networks

    path, options, kind = Path(path), options or ExportOptions(), FORMATS[format_name]
    _check_options(format_name, kind, options)
    _check_target(path, format_name, kind, force)
    options = dataclasses.replace(options, **kind.fixed)
    nets = Networks(G=None, D=None, G_ema=G, info=info or {})
    nets.build()
    if kind.suffix:
        with files.atomic_path(path) as temporary:
            kind.write(nets, options, temporary)
    else:
        with files.atomic_directory(path, replace=force) as folder:
            kind.write(nets, options, folder)
    return _content(nets, kind, options, path)


def _content(nets, kind, options, path):
    G = nets.G_ema
    if not kind.options:
        return f"the {G.resolution}x{G.resolution} generator with all its settings"
    parts = [describe(G, options)]
    table = label_table(G, nets.info)
    # What is only supposed about the labels is better left unsaid.
    if G.label_size and not table.notice:
        parts.append(f"labels: {table.describe()}")
    if kind.usage:
        parts.append(kind.usage.format(path=shlex.quote(str(path))))
    return "; ".join(parts)


def _check_options(format_name, kind, options):
    refused = [name for name in options.chosen() if name not in kind.options]
    if refused and not kind.options:
        raise ValueError(
            f"A {format_name} file holds the weights and settings of the generator. How images are "
            f"drawn is decided by whoever calls it, so {', '.join(refused)} cannot be fixed there."
        )
    for name in refused:
        known = [other for other in FORMATS if name in FORMATS[other].options]
        raise ValueError(f"{name} is possible in {', '.join(known)}, not in {format_name}.")


def _check_target(path, format_name, kind, force):
    if kind.suffix and path.suffix != kind.suffix:
        raise ValueError(f"The name of a {format_name} file ends in {kind.suffix}. Received {path}")
    if kind.suffix and path.is_dir():
        raise FileExistsError(f"{path} is a folder. Choose another name.")
    is_empty_folder = path.is_dir() and not any(path.iterdir())
    if not path.exists() or is_empty_folder:
        return
    if not force:
        raise FileExistsError(f"{path} exists already. Choose another name or use --force.")
    if kind.landmark and not (path / kind.landmark).is_file():
        raise FileExistsError(
            f"{path} has no {kind.landmark}, so it is no {format_name} folder, and is left as it "
            "is. Remove it first."
        )
