"""The formats by name, and what they have in common: whole files, and nothing overwritten."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from msg_stylegan import files
from msg_stylegan.export.network_files import write_keras, write_npz
from msg_stylegan.export.onnx_file import write_onnx
from msg_stylegan.export.options import ExportOptions
from msg_stylegan.export.saved_model import write_saved_model
from msg_stylegan.export.tflite_file import write_tflite
from msg_stylegan.sampling.label_table import label_table


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of file."""

    # End of its name; empty for a folder.
    suffix: str
    # write(G, options, path) for a graph, write(G, info, path) for a network.
    write: Callable
    # Whether it holds a function with inputs and outputs, so that `ExportOptions` apply.
    is_graph: bool = True
    # Whether its weights may have 16 bits.
    has_float16: bool = False


FORMATS = {
    "savedmodel": Format("", write_saved_model),
    "keras": Format(".keras", write_keras, is_graph=False),
    "tflite": Format(".tflite", write_tflite, has_float16=True),
    "onnx": Format(".onnx", write_onnx),
    "npz": Format(".npz", write_npz, is_graph=False),
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
    write = kind.write
    if not kind.is_graph:
        write(G, info or {}, path)
        return f"the {G.resolution}x{G.resolution} generator with all its settings"
    if kind.suffix:
        with files.atomic_path(path) as temporary:
            write(G, options, temporary)
    else:
        with files.atomic_directory(path, replace=force) as folder:
            write(G, options, folder)
    # Like the writers it starts TensorFlow, which those who ask for the names need not wait for.
    from msg_stylegan.export.image_function import describe

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
        raise FileExistsError(f"{path} is no SavedModel and is left as it is. Remove it first.")
