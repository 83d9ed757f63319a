"""The manifest of a data set, `manifest.json`: where it comes from and what it holds.

Data sets of the original, and older ones of ours, have none.
"""

import hashlib
import json
import re
from pathlib import Path

from msg_stylegan.files import read_json, sha256_of_file, write_json

MANIFEST_NAME = "manifest.json"
VERSION = 1

# Facts about the data set and their types; `class_names` is a list or null.
_TYPES = {
    "name": str,
    "command": dict,
    "source": dict,
    "num_images": int,
    "resolution": int,
    "num_channels": int,
    "label_size": int,
    "encoding": str,
    "levels": list,
    "num_shards": int,
    "files": dict,
}
_FILE_TYPES = {"bytes": int, "records": int, "sha256": str}


def file_facts(path, records):
    """The entry of one file under `files`: its number of bytes, of records and its SHA-256.

    Args:
        path: Path of the file, which is read whole.
        records: Number of records in it; rows, if it is the file of labels.
    """
    num_bytes = Path(path).stat().st_size
    return {"bytes": num_bytes, "records": int(records), "sha256": sha256_of_file(path)}


def content_fingerprint(shape, label_size, sha256s):
    """Identifies what is read from a data set, whatever its name and its dates are.

    Args:
        shape: `(resolution, resolution, num_channels)` of the images as returned.
        label_size: Numbers per label as returned.
        sha256s: SHA-256 of each file that is read, in order: shards, then labels if there are any.

    Returns:
        SHA-256, as 64 hexadecimal digits.
    """
    facts = [[int(size) for size in shape], int(label_size), list(sha256s)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def full_fingerprint(manifest):
    """The `content_fingerprint` of the full resolution with all labels, from a manifest alone."""
    resolution, files = manifest["resolution"], manifest["files"]
    level = re.compile(rf"-r{resolution.bit_length() - 1:02d}\.tfrecords(-[0-9]+-of-[0-9]+)?\Z")
    names = sorted(name for name in files if level.search(name))
    if manifest["label_size"]:
        names += sorted(name for name in files if name.endswith(".labels"))
    shape = (resolution, resolution, manifest["num_channels"])
    return content_fingerprint(
        shape, manifest["label_size"], [files[name]["sha256"] for name in names]
    )


def write_manifest(directory, manifest):
    """Writes the manifest of a data set. `version` and `fingerprint` are filled in here.

    Args:
        directory: Folder of the data set.
        manifest: Dictionary with `name`, `command` (options of the tool), `source` (facts),
            `num_images`, `resolution`, `num_channels`, `label_size`, `class_names` (list or
            None), `encoding`, `levels` (resolutions), `num_shards` and `files`, which has the
            `file_facts` of all files of records and labels by their names. More is allowed.

    Raises:
        ValueError: Something is missing or of the wrong type.
    """
    path = Path(directory) / MANIFEST_NAME
    manifest = {"version": VERSION} | manifest
    _check(manifest, path)
    write_json(path, manifest | {"fingerprint": full_fingerprint(manifest)})


def read_manifest(directory):
    """Returns the manifest of a data set as a dictionary, or None if it has none.

    Raises:
        ValueError: The manifest is damaged or of an unknown version.
    """
    path = Path(directory) / MANIFEST_NAME
    try:
        manifest = read_json(path)
    except FileNotFoundError:
        return None
    _check(manifest, path)
    if not isinstance(manifest.get("fingerprint"), str):
        raise ValueError(f"{path} is damaged: `fingerprint` is missing.")
    return manifest


def _check(manifest, path):
    if not isinstance(manifest, dict):
        raise ValueError(f"{path} is damaged: it is not a dictionary.")
    if manifest.get("version") != VERSION:
        raise ValueError(
            f"{path} is of version {manifest.get('version')}; this program knows {VERSION}. "
            "It was made by another version of dataset_tool.py."
        )
    _check_types(manifest, _TYPES, path, "")
    class_names = manifest.get("class_names")
    if class_names is not None and not isinstance(class_names, list):
        raise ValueError(f"{path} is damaged: `class_names` is neither a list nor null.")
    for name, facts in manifest["files"].items():
        if not isinstance(facts, dict):
            raise ValueError(f"{path} is damaged: `files` of {name} is not a dictionary.")
        _check_types(facts, _FILE_TYPES, path, f" of {name}")


def _check_types(values, types, path, where):
    for key, expected in types.items():
        # True and False are numbers to Python.
        if not isinstance(values.get(key), expected) or isinstance(values[key], bool):
            raise ValueError(
                f"{path} is damaged: `{key}`{where} is missing or not of type {expected.__name__}."
            )
