"""A folder with a page that draws in the browser of whoever visits it.

The page is in `web/`, as it is. It reads what the network is like from `generator.json`.
"""

import shutil
from pathlib import Path

from msg_stylegan.export.graphs import write_onnx
from msg_stylegan.export.onnxruntime_web import find_onnxruntime_web
from msg_stylegan.files import write_json
from msg_stylegan.sampling.label_table import label_table, short_float, vector_text
from msg_stylegan.sampling.sampler import default_psi, existing_scales

# By it one knows such a folder.
FACTS_FILE = "generator.json"
_PAGE = Path(__file__).with_name("web")


def write_web(nets, options, folder):
    """Writes the page, the generator as an ONNX file, and the runtime for it.

    Args:
        nets: `Networks` with `G_ema`.
        options: `ExportOptions` for one image per call, of pixels.
        folder: Existing, empty folder.

    Raises:
        FileNotFoundError: ONNX Runtime Web is not there.
        ValueError: The packages that write ONNX are not installed.
    """
    # Before what takes long.
    runtime = find_onnxruntime_web(options.onnxruntime_web)
    write_onnx(nets, options, folder / "generator.onnx")
    shutil.copytree(_PAGE, folder, copy_function=shutil.copyfile, dirs_exist_ok=True)
    runtime.copy_to(folder / "onnxruntime-web")
    facts = {**page_facts(nets.G_ema, nets.info, options), "onnxruntime_web": runtime.version}
    write_json(folder / FACTS_FILE, facts)


def page_facts(G, info, options):
    """What the page must know of the generator: a dictionary of JSON values.

    Args:
        G: Generator.
        info: `Networks.info`.
        options: `ExportOptions`.

    Returns:
        `name`, of the data set, or None; `z_dim`; `num_channels`; `scales`, the sides of the
        images; `label_size`; `labels`, what one may choose from: dictionaries of a `name` and
        either a `class`, whose label is one-hot, or a `vector`; `labels_notice`, what is not known
        about them, or None; `psi`, the first one, or None where it is no input; `noise_mode`.
    """
    table = label_table(G, info)
    has_psi = G.has_mapping and options.truncation_psi is None
    return {
        "name": info.get("dataset"),
        "z_dim": G.z_dim,
        "num_channels": G.num_channels,
        "scales": existing_scales(G, None if options.scale is None else [options.scale]),
        "label_size": G.label_size,
        "labels": _labels(table),
        "labels_notice": table.notice,
        "psi": default_psi(G) if has_psi else None,
        "noise_mode": options.noise_mode,
    }


def _labels(table):
    if table.classes is not None:
        # One-hot vectors of a thousand classes would be a million numbers.
        return [{"name": table.class_text(k), "class": k} for k in table.classes.tolist()]
    if table.vectors is None:
        return []
    return [
        {"name": vector_text(vector), "vector": [short_float(x) for x in vector]}
        for vector in table.vectors
    ]
