"""Classes and labels of images: from their folders, or from a JSON or CSV file."""

import json
import unicodedata
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.sources.arrays import one_hot
from msg_stylegan.data.sources.label_files import (
    ENDINGS,
    has_labels_key,
    name_key,
    number_or_text,
    parse_csv,
    parse_json,
)
from msg_stylegan.data.sources.selection import printable
from msg_stylegan.mistaken_file import what_it_is
from msg_stylegan.wording import count_of

# Where StyleGAN's tools put labels: in the folder, or the archive, of the images.
LABELS_NAME = "dataset.json"
_BESIDE = "This file lies beside the images; `--labels none` leaves it out."

# More than that are identifiers, not classes, and their one-hot labels would not fit in memory.
_MAX_CLASSES = 100_000
# Larger numbers are not exact as floats.
_MAX_CLASS_NUMBER = 10**15
# Class numbers listed in a message.
_NUM_LISTED = 6


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

    Classes become one-hot labels. Names of classes are sorted, numbers by their value. In names of
    images, upper and lower case matter; how accents are written does not.

    Args:
        labels: What to take.
            None: no labels.
            "auto": `dataset.json` of the store, if there is one; otherwise a notice names a file
                that may hold labels.
            "folders": The class is the first folder of the path. Folders that all images share
                are left out before, if each image lies in another folder below them.
            Path of a `.json` file: `{"labels": [[name, label], ...]}`, as in StyleGAN's
                `dataset.json`, `{"labels": {name: label, ...}}`, or `{name: label, ...}`. A label
                is a class number, the name of a class, or a list of numbers. Beside `labels`,
                `class_names` may be a list, and `labels` may be null: no labels.
            Path of a `.csv` file: `name,label` in each line, the label as above, or several
                columns of numbers. A first line that does not name an image is a header.
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
        return Labels(*_one_hot_of_names(values, "the folders"), "folders")
    if Path(labels).suffix.lower() not in ENDINGS:
        raise ValueError(f"Labels come from folders, a .json or a .csv file. Received: {labels}")
    return _labels_of_file(*_open(str(labels), store), store)._replace(
        origin=printable(str(labels))
    )


def _found_labels(store):
    """Labels of the file that lies where StyleGAN's tools put it."""
    member = find_member(LABELS_NAME, store)
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
        hint = "not a file of labels as StyleGAN's tools write it, and is not used"
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
    """Tuple of one sentence on a file beside the images that may hold labels, or of none."""
    prefixes = _shared_prefixes(store.names)
    files = [
        name
        for name in store.other_names
        if PurePosixPath(name).suffix.lower() in ENDINGS
        and any(name.startswith(p) and "/" not in name[len(p) :] for p in prefixes)
    ]
    # Many tools put a file of facts about an image beside it.
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
    rows, class_names, notices = _label_rows(file, [known[key] for key in keys])
    return Labels(rows, class_names, None, [*file.notices, *notices])


def _open(labels, store):
    """Path, for messages, and bytes of a file on the disk or in the store."""
    if Path(labels).is_file():
        return labels, Path(labels).read_bytes()
    member = find_member(labels.removeprefix(f"{store.path}/"), store)
    if member is None:
        raise ValueError(f"There is no file of labels {labels}, nor one in {store.path}.")
    return _read(member, store)


def _read(member, store):
    path = f"{store.path}/{member}"
    try:
        return path, store.read_member(member)
    except SkippedImageError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from None


def find_member(name, store):
    """Finds the file of a name in a store, or below the folders that all images share.

    Args:
        name: Name of a file that is no image.
        store: See `open_store`.

    Returns:
        The path in the store, or None.
    """
    candidates = [prefix + name for prefix in _shared_prefixes(store.names)]
    return next((name for name in candidates if name in store.other_names), None)


def _shared_prefixes(names):
    """Beginnings of paths that all images share: "", "photos/", "photos/new/" and so on."""
    folders = [PurePosixPath(name).parent.parts for name in names]
    shared = _num_shared(folders, 0)
    # As they are written: `PurePosixPath` would change "./" and "//".
    parts = names[0].split("/")[:shared]
    return ["".join(f"{part}/" for part in parts[:count]) for count in range(shared + 1)]


def _folder_classes(names):
    folders = [PurePosixPath(name).parent.parts for name in names]
    for name, parts in zip(names, folders, strict=True):
        if not parts:
            raise ValueError(f"{printable(name)} is not in a sub-folder, so it has no class.")
    shared = _num_shared(folders, 1)
    return [parts[shared] for parts in folders]


def _num_shared(folders, left):
    """How many first folders all paths share, such that `left` more remain in each."""
    shared = 0
    while all(len(p) > shared + left and p[shared] == folders[0][shared] for p in folders):
        shared += 1
    return shared


def _label_rows(file, entries):
    """Rows, names of classes and notices, as in `Labels`, from one `Entry` for each image.

    Class numbers that do not begin at 0 or have gaps are closed up and remain as names of classes,
    unless the file names all classes.
    """
    if file.has_texts and isinstance(entries[0].value, str):
        entries = _numbers_of_texts(entries)
    _check_one_kind(file, entries)
    if isinstance(entries[0].value, list):
        return _vectors(file, entries), file.class_names, []
    if isinstance(entries[0].value, str):
        values = [entry.value for entry in entries]
        return *_one_hot_of_names(values, file.path, file.class_names), []
    if _are_measurements(file, entries):
        entries = [entry._replace(value=[entry.value]) for entry in entries]
        return _vectors(file, entries), None, []
    return _one_hot_of_numbers(file, entries)


def _one_hot_of_names(values, origin, class_names=None):
    """One-hot labels of names of classes, and the list of all classes in order.

    How accents are written does not matter. Without `class_names`, those that occur are sorted.
    """
    values = [unicodedata.normalize("NFC", value) for value in values]
    class_names = list(class_names or sorted(set(values), key=_class_order))
    numbers = {unicodedata.normalize("NFC", name): i for i, name in enumerate(class_names)}
    unknown = sorted(set(values) - numbers.keys())
    if unknown:
        raise ValueError(f"{origin}: the class {printable(unknown[0])} is not in class_names.")
    return _one_hot([numbers[value] for value in values], len(class_names), origin), class_names


def _numbers_of_texts(entries):
    """The entries with numbers in place of texts that are numbers."""
    texts = [entry.value for entry in entries]
    # Leading zeros belong to names.
    are_names = any(len(text) > 1 and text[0] == "0" and text.isdigit() for text in texts)
    values = [text if are_names and text.isdigit() else number_or_text(text) for text in texts]
    return [entry._replace(value=value) for entry, value in zip(entries, values, strict=True)]


def _check_one_kind(file, entries):
    first = entries[0]
    for entry in entries:
        if isinstance(entry.value, str) and not entry.value.strip():
            raise ValueError(f"{file.place(entry)}: the label is empty.")
        if _kind(entry.value) != _kind(first.value):
            hint = ""
            if file.has_texts:
                hint = " If all are names of classes, write them in a JSON file, in quotes."
            raise ValueError(
                f"{file.place(entry)}: labels must be of one kind: class numbers, names of "
                f"classes, or lists. This one is {_kind(entry.value)}, {_shown(entry.value)}, that "
                f"of {file.unit} {first.number} is {_kind(first.value)}, {_shown(first.value)}."
                f"{hint}"
            )


def _kind(value):
    if isinstance(value, list):
        return "a list"
    return "a name" if isinstance(value, str) else "a number"


def _shown(value):
    return repr(value)[:40]


def _are_measurements(file, entries):
    """Whether a column of numbers is not one of classes.

    Fractions say so, but not beside numbers that are written as those of classes are: then one of
    the two is a mistake.
    """
    fractions = [e for e in entries if isinstance(e.value, float) and not e.value.is_integer()]
    classes = [entry for entry in entries if isinstance(entry.value, int)]
    if not fractions or not file.has_texts:
        return False
    if classes:
        raise ValueError(
            f"{file.place(fractions[0])}: {fractions[0].value} is not a class number, but "
            f"{file.unit} {classes[0].number} has the class {classes[0].value}. Class numbers are "
            "whole; numbers that measure something have a decimal point in every row."
        )
    return True


def _one_hot_of_numbers(file, entries):
    largest = len(file.class_names) - 1 if file.class_names else _MAX_CLASS_NUMBER
    for entry in entries:
        # NaN compares as False.
        if not (0 <= entry.value <= largest and entry.value == int(entry.value)):
            raise ValueError(
                f"{file.place(entry)}: class numbers must be whole and from 0 to {largest}. Found: "
                f"{_shown(entry.value)}. Numbers that measure something are lists, in a JSON file: "
                '["a.png", [-1, 0.5]]'
            )
    numbers = [int(entry.value) for entry in entries]
    if file.class_names:
        size = len(file.class_names)
        return _one_hot(numbers, size, file.path), list(file.class_names), []
    present = sorted(set(numbers))
    positions = {number: position for position, number in enumerate(present)}
    rows = _one_hot([positions[number] for number in numbers], len(present), file.path)
    if present[-1] == len(present) - 1:
        return rows, None, []
    names = [str(number) for number in present]
    listed = names if len(names) <= _NUM_LISTED else [*names[: _NUM_LISTED - 1], "...", names[-1]]
    notice = (
        f"{file.path}: the images have {count_of(len(names), 'class')} with the numbers "
        f"{', '.join(listed)}. They become classes 0 to {len(names) - 1} and keep these numbers "
        "as their names."
    )
    if len(names) == 1:
        notice = (
            f"{file.path}: all images have the class {names[0]}. It becomes class 0 and keeps "
            "this number as its name."
        )
    return rows, names, [notice]


def _one_hot(positions, size, origin):
    if size > _MAX_CLASSES:
        raise ValueError(
            f"{origin}: {size} classes are more than {_MAX_CLASSES}. Are they numbers of images?"
        )
    return one_hot(positions, size, origin)


def _class_order(name):
    # Class 10 comes after class 9.
    is_number = name.isascii() and name.isdigit() and len(name) < 20
    return (0, int(name), name) if is_number else (1, 0, name)


def _vectors(file, entries):
    size = len(entries[0].value)
    largest = float(np.finfo(np.float32).max)
    for entry in entries:
        if len(entry.value) != size or not size:
            raise ValueError(
                f"{file.place(entry)}: labels must be lists of one and the same length. This one "
                f"has {len(entry.value)} numbers, the first one {size}."
            )
        for x in entry.value:
            # `type`, because a boolean is an `int`, too. What is not a number compares as False.
            if type(x) not in (int, float) or not -largest <= x <= largest:
                raise ValueError(
                    f"{file.place(entry)}: lists of labels must hold finite numbers. Found: "
                    f"{_shown(x)}"
                )
    if file.class_names and size != len(file.class_names):
        raise ValueError(
            f"{file.path} has {len(file.class_names)} names of classes for labels of size {size}."
        )
    return np.array([entry.value for entry in entries], np.float32)
