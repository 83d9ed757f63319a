"""What stands beside the records of a data set: labels, lists of what was left out, manifest."""

import numpy as np

from msg_stylegan.data.decoding.remarks import sentences
from msg_stylegan.data.manifest import file_facts, write_manifest
from msg_stylegan.data.shards import labels_name
from msg_stylegan.files import write_text
from msg_stylegan.write_errors import writing


def write_side_files(folder, name, *, maker, labels, command, num_shards, outcome):
    """Writes all of them; the manifest last.

    Args:
        folder: Existing folder, `pathlib.Path`.
        name: Name of the data set.
        maker: The `PartMaker` of its records.
        labels: Labels of the source, float32 `[N, label_size]`, or None.
        command: See `conversion.convert`.
        num_shards: Files per level.
        outcome: What became of the images: has `kept`, `skipped`, `duplicates`, `remarks` and
            `files` as an `Assembly` has. The labels are added to `files`.
    """

    def name_at(position):
        return printable(maker.source.name(int(maker.order[position])))

    if labels is not None:
        path = folder / labels_name(name)
        write_labels(path, labels[maker.order[outcome.kept]])
        outcome.files[path.name] = file_facts(path, np.count_nonzero(outcome.kept))
    _write_lists(folder, name_at, outcome)
    resolution, _, num_channels = maker.shape
    manifest = {
        "name": name,
        "command": command,
        "source": maker.source.description,
        "num_images": int(np.count_nonzero(outcome.kept)),
        "num_skipped": len(outcome.skipped),
        "num_duplicates": len(outcome.duplicates),
        "notices": sentences(outcome.remarks, name_at),
        "resolution": resolution,
        "num_channels": num_channels,
        "label_size": 0 if labels is None else labels.shape[1],
        "class_names": maker.source.class_names,
        "encoding": maker.encoding,
        "levels": maker.resolutions,
        "num_shards": num_shards,
        "files": outcome.files,
    }
    write_manifest(folder, manifest)


def write_labels(path, labels):
    """Writes labels, float32 `[N, label_size]`, as `np.save` does.

    Raises:
        WriteError: The disk is full, or the like.
    """
    labels = np.ascontiguousarray(labels)
    header = np.lib.format.header_data_from_array_1_0(labels)
    with writing(path), path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        # `np.save` writes past Python's file, and loses the end without a word on a full disk.
        file.write(labels.data)


def _write_lists(folder, name_at, outcome):
    """Lists what was left out, and images that are there twice."""

    def name(position):
        # One line per image, whatever its name is.
        return name_at(position).replace("\n", " ").replace("\t", " ")

    if outcome.skipped:
        lines = [
            f"{name(position)}\t{' '.join(reason.split())}\n"
            for position, reason in outcome.skipped
        ]
        write_text(folder / "skipped.txt", "".join(lines))
    if outcome.duplicates:
        lines = [f"{name(later)}\t{name(first)}\n" for later, first in outcome.duplicates]
        write_text(folder / "duplicates.txt", "".join(lines))


def printable(name):
    """A name as text in UTF-8, which names of files need not be."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
