"""The folder of a data set: the names of its files, and the manifest that describes them.

A level has one or more files of records, called shards. Data sets of the original, and older ones
of ours, have no manifest.
"""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

from msg_stylegan.data.record_format import RecordError
from msg_stylegan.files import read_json, sha256_of_file, write_json
from msg_stylegan.mistaken_file import what_it_is

RECORDS_SUFFIX = ".tfrecords"
LABELS_SUFFIX = ".labels"
MAX_SHARDS = 99_999

_RECORDS_NAME = re.compile(r"(.*)-r([0-9]{2})\.tfrecords(?:-([0-9]{5})-of-([0-9]{5}))?", re.DOTALL)

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


def records_name(name, resolution, shard=0, num_shards=1):
    """File name of a level, or of a shard of it.

    Args:
        name: Name of the data set.
        resolution: Side of the images of the level, a power of two.
        shard: Number of the shard, counted from 0.
        num_shards: Shards per level, at most `MAX_SHARDS`.

    Returns:
        `<name>-rNN.tfrecords`, NN the binary logarithm of the side, as in the original; with
        several shards `<name>-rNN.tfrecords-00000-of-00016`.
    """
    if not 0 <= shard < num_shards <= MAX_SHARDS:
        raise ValueError(
            f"Expected 0 <= shard < num_shards <= {MAX_SHARDS}. Received: shard={shard}, "
            f"num_shards={num_shards}"
        )
    level = f"{name}-r{int(resolution).bit_length() - 1:02d}{RECORDS_SUFFIX}"
    return level if num_shards == 1 else f"{level}-{shard:05d}-of-{num_shards:05d}"


def labels_name(name):
    """File name of the labels of all levels."""
    return f"{name}-rxx{LABELS_SUFFIX}"


def open_labels(path, num_images):
    """Labels in a file of `np.save`, any kind of numbers: `[num_images, L]`, memory-mapped.

    Raises:
        RecordError: It is another kind of file, or for another number of images.
    """
    try:
        labels = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:
        # A damaged header of this format can fail in many ways.
        raise RecordError(f"{path} is not a file of labels: {what_it_is(path) or error}") from error
    if labels.dtype.kind not in "biuf":
        raise RecordError(f"{path} is not a file of labels: it holds {labels.dtype}.")
    if labels.ndim != 2 or labels.shape[0] != num_images:
        raise RecordError(
            f"{path} has the shape {list(labels.shape)}. Expected one row of numbers for each "
            f"of the {num_images} images. Was it made for another data set?"
        )
    return labels


def find_levels(directory):
    """Finds the files of records in a folder by their names; none is opened.

    Args:
        directory: Folder of a data set.

    Returns:
        Dictionary from the resolution of each level, the largest first, to the list of the paths
        of its shards in order. It is empty if the folder has no such file.

    Raises:
        ValueError: Shards are missing, or the files belong to several data sets.
    """
    levels = {}
    first = None
    for path in sorted(Path(directory).iterdir()):
        if not re.search(r"\.tfrecords(-.*)?\Z", path.name, re.DOTALL):
            continue
        match = _RECORDS_NAME.fullmatch(path.name)
        if not match:
            raise ValueError(
                f"{path}: the name does not end in -rNN{RECORDS_SUFFIX} or "
                f"-rNN{RECORDS_SUFFIX}-00000-of-00016. Move it out of the folder if it is not "
                "part of the data set."
            )
        name, level, shard, num_shards = match.groups()
        family = (name, num_shards)
        first = first or (family, path)
        if family != first[0]:
            raise ValueError(
                f"{first[1]} and {path} belong to different data sets. Move one of them out of "
                "the folder."
            )
        levels.setdefault(1 << int(level), {})[int(shard or 0)] = path
    for shards in levels.values():
        _check_complete(shards, int(first[0][1] or 1))
    return {
        resolution: [shards[shard] for shard in sorted(shards)]
        for resolution, shards in sorted(levels.items(), reverse=True)
    }


def _check_complete(shards, num_shards):
    path = shards[min(shards)]
    outside = [shard for shard in shards if shard >= num_shards]
    if outside:
        raise ValueError(f"{shards[outside[0]]}: there is no such shard of {num_shards}.")
    missing = sorted(set(range(num_shards)) - set(shards))
    if missing:
        numbers = ", ".join(f"{shard:05d}" for shard in missing[:10])
        numbers += ", ..." if len(missing) > 10 else ""
        raise ValueError(
            f"{path} is one of {num_shards} shards. In {path.parent}, {len(missing)} of them are "
            f"missing: {numbers}."
        )


def file_facts(path, records):
    """The entry of one file under `files`: its number of bytes, of records and its SHA-256.

    Args:
        path: Path of the file, which is read whole.
        records: Number of records in it; rows, if it is the file of labels.
    """
    num_bytes = Path(path).stat().st_size
    return {"bytes": num_bytes, "records": int(records), "sha256": sha256_of_file(path)}


def content_fingerprint(shape, label_size, sha256s):
    """Identifies what is read from a data set, whatever its name and dates.

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
            None), `encoding`, `levels` (resolutions), `num_shards` and `files`: the `file_facts`
            of all files of records and labels by their names. More entries are allowed.

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
            f"{path} has version {manifest.get('version')}; this program knows {VERSION}. "
            "It was made by another version of this program."
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
        # To Python, True and False are numbers.
        if not isinstance(values.get(key), expected) or isinstance(values[key], bool):
            raise ValueError(
                f"{path} is damaged: `{key}`{where} is missing or not of type {expected.__name__}."
            )
