"""Classes and labels of images: from their folders, or from a JSON or CSV file."""

import json
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.image_names import printable
from msg_stylegan.data.sources.label_files import (
    ENDINGS,
    has_labels_key,
    name_key,
    parse_csv,
    parse_json,
)
from msg_stylegan.data.sources.label_values import label_rows, one_hot_of_names
from msg_stylegan.mistaken_file import what_it_is

# Where StyleGAN's tools put labels: in the folder, or the archive, of the images.
LABELS_NAME = "dataset.json"
_BESIDE = "This file lies beside the images; `--labels none` leaves it out."


class Labels(NamedTuple):
    """Labels of images.

    Attributes:
        rows: float32 `[N, L]`, or None.
        class_names: List of L names, or None.
        origin: Where they come from, for the manifest, or None.
        notices: List of sentences: what the user should know.
    """

    rows: np.ndarray | None = None
    class_names: list | None = None
    origin: str | None = None
    notices: tuple | list = ()


def read_labels(labels, store):
    """Labels of images by their names.

    Classes become one-hot labels. Names of classes are sorted, by number if all are numbers.
    Upper and lower case count in names of images, forms of accents do not.

    Args:
        labels: What to take.
            None: no labels.
            "auto": `dataset.json` of the store, if there is one. Other files that may hold labels
                are a notice.
            "folders": The class is the first folder of the path. Folders that all images share
                are left out before, if each image lies in another folder below them.
            Path of a `.json` file: `{"labels": [[name, label], ...]}`, as in StyleGAN's
                `dataset.json`, `{"labels": {name: label, ...}}`, or `{name: label, ...}`. A label
                is a class number, the name of a class, or a list of numbers. Beside `labels`,
                `class_names` may be a list, and `labels` may be null: no labels.
            Path of a `.csv` file: `name,label` in each line, the label as above, or more columns,
                which are numbers. A first line that names no image is a header.
            A file that is not on the disk is looked for in the store.
        store: See `open_store`. Names in files may leave out folders that all images share.

    Returns:
        `Labels`.

    Raises:
        ValueError: An image without a label, or a file that cannot be understood.
        OSError: A file that cannot be read.
    """
    if labels is None:
        return Labels()
    if str(labels) == "auto":
        return _found_labels(store)
    if str(labels) == "folders":
        values = _folder_classes(store.names)
        return Labels(*one_hot_of_names(values, "the folders"), "folders")
    if Path(labels).suffix.lower() not in ENDINGS:
        raise ValueError(f"Labels come from folders, a .json or a .csv file. Received: {labels}")
    return _labels_of_file(*_open(str(labels), store), store)._replace(
        origin=printable(str(labels))
    )


def _found_labels(store):
    """Labels of the file that lies where StyleGAN's tools put it."""
    member = _member(LABELS_NAME, store)
    if member is None:
        return Labels(notices=_unused_files(store))
    try:
        path, data = _read(member, store)
    except ValueError as error:
        raise ValueError(f"{error} {_BESIDE}") from None
    try:
        if not has_labels_key(json.loads(data)):
            raise ValueError("it has no `labels`")
    except (ValueError, RecursionError) as error:
        hint = "no file of labels as StyleGAN's tools write it, and is not used"
        reason = what_it_is(data, expected="json") or f"{error}."
        return Labels(notices=[f"{path} is {hint}: {reason}"])
    try:
        found = _labels_of_file(path, data, store)
    except ValueError as error:
        raise ValueError(f"{str(error).removesuffix('.')}. {_BESIDE}") from None
    notices = list(found.notices)
    if found.rows is not None:
        notices.insert(0, f"labels are taken from {path}; `--labels none` leaves them out.")
    return found._replace(origin=printable(member), notices=notices)


def _unused_files(store):
    """Tuple of no or one sentence: which file beside the images may hold labels, too."""
    prefixes = _shared_prefixes(store.names)
    files = [
        name
        for name in store.other_names
        if PurePosixPath(name).suffix.lower() in ENDINGS
        and any(name.startswith(p) and "/" not in name[len(p) :] for p in prefixes)
    ]
    # Many tools put a file with the facts of an image beside it.
    images = {stem for name in store.names if files for stem in (name, name.rpartition(".")[0])}
    files = [name for name in files if name.rpartition(".")[0] not in images]
    if not files:
        return ()
    name = printable(files[0])
    return (f"{store.path}/{name} is not used. If it holds labels, `--labels {name}` takes them.",)


def _labels_of_file(path, data, store):
    prefixes = _shared_prefixes(store.names)
    if path.lower().endswith(".csv"):
        keys = {name_key(name[len(p) :]) for p in prefixes for name in store.names}
        file = parse_csv(data, path, keys)
    else:
        file = parse_json(data, path)
    if file.entries is None:
        return Labels(notices=[*file.notices, f"{path} says that the images have no labels."])
    known = file.by_key()
    keys = max(
        ([name_key(name[len(p) :]) for name in store.names] for p in prefixes),
        key=lambda keys: sum(key in known for key in keys),
    )
    missing = [name for name, key in zip(store.names, keys, strict=True) if key not in known]
    if missing:
        example = f"; it has {printable(file.entries[0].name)}" if file.entries else ""
        raise ValueError(
            f"{path} has no label for {len(missing)} of {len(store.names)} images, for example for "
            f"{printable(missing[0])}. Paths in it are relative to the folder of images{example}."
        )
    rows, class_names, notices = label_rows(file, [known[key] for key in keys])
    return Labels(rows, class_names, None, [*file.notices, *notices])


def _open(labels, store):
    """Path, for messages, and bytes of a file on the disk or in the store."""
    if Path(labels).is_file():
        return labels, Path(labels).read_bytes()
    member = _member(labels.removeprefix(f"{store.path}/"), store)
    if member is None:
        raise ValueError(f"There is no file {labels} of labels, also not in {store.path}.")
    return _read(member, store)


def _read(member, store):
    path = f"{store.path}/{member}"
    try:
        return path, store.read_member(member)
    except SkippedImageError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from None


def _member(name, store):
    """The file of a name in the store, or below the folders that all images share, or None."""
    candidates = [prefix + name for prefix in _shared_prefixes(store.names)]
    return next((name for name in candidates if name in store.other_names), None)


def _shared_prefixes(names):
    """Beginnings of paths that all images share: "", "photos/", "photos/new/" and so on."""
    folders = [PurePosixPath(name).parent.parts for name in names]
    shared = _num_shared(folders, 0)
    # As they are written: `PurePosixPath` would join "/" in another way.
    parts = names[0].split("/")[:shared]
    return ["".join(f"{part}/" for part in parts[:count]) for count in range(shared + 1)]


def _folder_classes(names):
    folders = [PurePosixPath(name).parent.parts for name in names]
    for name, parts in zip(names, folders, strict=True):
        if not parts:
            raise ValueError(f"{printable(name)} lies in no sub-folder, so that it has no class.")
    shared = _num_shared(folders, 1)
    return [parts[shared] for parts in folders]


def _num_shared(folders, left):
    """How many first folders all paths share, such that `left` more remain in each."""
    shared = 0
    while all(len(p) > shared + left and p[shared] == folders[0][shared] for p in folders):
        shared += 1
    return shared
