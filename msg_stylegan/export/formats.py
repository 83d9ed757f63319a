"""The formats by name, and what they have in common: whole files, and nothing overwritten."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

from msg_stylegan import files
from msg_stylegan.export.graphs import describe, write_onnx, write_saved_model, write_tflite
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

    def __post_init__(self):
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"Expected a batch size of at least 1. Received {self.batch_size}.")
        if self.truncation_psi is not None and not math.isfinite(self.truncation_psi):
            raise ValueError(f"Expected a finite truncation_psi. Received {self.truncation_psi}.")

    def chosen(self):
        """Names of the options that differ from their defaults."""
        fields = dataclasses.fields(self)
        return [field.name for field in fields if getattr(self, field.name) != field.default]


def _write_keras(nets, path):
    from msg_stylegan.networks import save_networks

    save_networks(nets, path, nets.info)


def _write_npz(nets, path):
    from msg_stylegan.legacy.npz_networks import write_npz_networks

    write_npz_networks(nets, path)


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of file."""

    # End of its name; empty for a folder.
    suffix: str
    # write(G, options, path) for a graph, write(nets, path) for a network.
    write: Callable
    # Whether it holds a function with inputs and outputs, so that `ExportOptions` apply.
    is_graph: bool = True
    # Whether its weights may have 16 bits.
    has_float16: bool = False


FORMATS = {
    "savedmodel": Format("", write_saved_model),
    "keras": Format(".keras", _write_keras, is_graph=False),
    "tflite": Format(".tflite", write_tflite, has_float16=True),
    "onnx": Format(".onnx", write_onnx),
    "npz": Format(".npz", _write_npz, is_graph=False),
}


def export_generator(G, path, format_name, options=None, *, info=None, force=False):
    """Writes a generator in one piece.

    Args:
        G: Generator.
        path: File to write, or folder for "savedmodel".
        format_name: Key of `FORMATS`.
        options: `ExportOptions`; None for the defaults.
        info: Dictionary that describes the run, for the formats that hold networks, and for what
            is said about the labels.
        force: Whether to replace an older file, or an older folder of a SavedModel.

    Returns:
        Text that says what is in the file.

    Raises:
        ValueError: The format cannot hold what the options ask for.
        FileExistsError: There is something at `path`, and it may not be replaced.
    """
    path, options, kind = Path(path), options or ExportOptions(), FORMATS[format_name]
    _check_options(format_name, kind, options)
    _check_target(path, format_name, kind, force)
    if not kind.is_graph:
        from msg_stylegan.networks import Networks

        nets = Networks(G=None, D=None, G_ema=G, info=info or {})
        nets.build()
        kind.write(nets, path)
        return f"the {G.resolution}x{G.resolution} generator with all its settings"
    if kind.suffix:
        with files.atomic_path(path) as temporary:
            kind.write(G, options, temporary)
    else:
        with files.atomic_directory(path, replace=force) as folder:
            kind.write(G, options, folder)
    table = label_table(G, info or {})
    # What is only supposed about the labels is better left unsaid.
    labels = f"; labels: {table.describe()}" if G.label_size and not table.notice else ""
    return describe(G, options) + labels


def _check_options(format_name, kind, options):
    chosen = options.chosen()
    if not kind.is_graph and chosen:
        raise ValueError(
            f"A {format_name} file holds the weights and settings of the generator. How images are "
            f"drawn is decided by whoever calls it, so {', '.join(chosen)} cannot be fixed there."
        )
    if options.float16 and not kind.has_float16:
        known = [name for name in FORMATS if FORMATS[name].has_float16]
        raise ValueError(
            f"Weights of 16 bits are possible in {', '.join(known)}, not in {format_name}."
        )


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
    if not kind.suffix and not (path / "saved_model.pb").is_file():
        raise FileExistsError(f"{path} is not a SavedModel and is left as it is. Remove it first.")
