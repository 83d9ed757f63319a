"""Classes and labels of images: from their folders, or from a JSON or CSV file beside them."""

import csv
import json
import unicodedata
from pathlib import Path, PurePosixPath

import numpy as np

from msg_stylegan.data.sources.image_names import is_image_name, printable

# A larger number is an identifier, not a class, and one-hot labels of it would not fit in memory.
_MAX_CLASSES = 100_000


def read_labels(labels, names):
    """Labels of images by their names.

    Classes become one-hot labels. Names of classes are sorted, by number if all are numbers.
    Upper and lower case count in names of images, forms of accents do not.

    Args:
        labels: What to take.
            None: no labels.
            "folders": The class is the first folder of the path. Folders that all images share
                are left out before, if each image lies in another folder below them.
            Path of a `.json` file: `{"labels": [[name, label], ...]}`, as in StyleGAN's
                `dataset.json`, or `{name: label, ...}`. A label is a class number, the name of a
                class, or a list of numbers. Of the former form, `class_names` may be a list
                beside `labels`.
            Path of a `.csv` file: `name,label` in each line, the label as above, or more columns,
                which are numbers. A first line that names no image is a header.
        names: Relative paths of the images, with forward slashes.

    Returns:
        Labels, float32 `[N, L]`, and list of L names, or None for what there is not.

    Raises:
        ValueError: An image without a label, or a file that cannot be understood.
        OSError: A file that cannot be read.
    """
    if labels is None:
        return None, None
    if str(labels) == "folders":
        return _one_hot(_folder_classes(names), "the folders")
    path = Path(labels)
    readers = {".json": _read_json, ".csv": _read_csv}
    if path.suffix.lower() not in readers:
        raise ValueError(f"Labels come from folders, a .json or a .csv file. Received: {labels}")
    if not path.is_file():
        raise ValueError(f"There is no file {path} of labels.")
    keys = [_key(name) for name in names]
    known, class_names = readers[path.suffix.lower()](path, set(keys))
    missing = [name for name, key in zip(names, keys, strict=True) if key not in known]
    if missing:
        raise ValueError(
            f"{path} has no label for {len(missing)} of {len(names)} images, for example for "
            f"{printable(missing[0])}. Paths in it are relative to the folder of images."
        )
    values = [known[key] for key in keys]
    if isinstance(values[0], list):
        return _vectors(values, path, class_names), class_names
    return _one_hot(values, path, class_names)


def _folder_classes(names):
    folders = [PurePosixPath(name).parent.parts for name in names]
    for name, parts in zip(names, folders, strict=True):
        if not parts:
            raise ValueError(f"{printable(name)} lies in no sub-folder, so that it has no class.")
    shared = 0
    while all(len(p) > shared + 1 and p[shared] == folders[0][shared] for p in folders):
        shared += 1
    return [parts[shared] for parts in folders]


def _one_hot(values, origin, class_names=None):
    """One-hot labels of class numbers or names of classes."""
    kinds = {type(value) for value in values}
    if kinds == {str}:
        class_names = class_names or sorted(set(values), key=_class_order)
        numbers = {name: number for number, name in enumerate(class_names)}
        unknown = sorted(set(values) - numbers.keys())
        if unknown:
            raise ValueError(f"{origin}: the class {printable(unknown[0])} is not in class_names.")
        values = [numbers[value] for value in values]
    elif kinds != {int}:
        raise ValueError(
            f"{origin}: labels must be of one kind: class numbers, names of classes, or lists."
        )
    size = len(class_names) if class_names else max(values) + 1
    if not (min(values) >= 0 and max(values) < size <= _MAX_CLASSES):
        raise ValueError(
            f"{origin}: class numbers must be from 0 to {min(size, _MAX_CLASSES) - 1}. "
            f"Found: {min(values)} to {max(values)}"
        )
    one_hot = np.zeros((len(values), size), np.float32)
    one_hot[np.arange(len(values)), values] = 1
    return one_hot, list(class_names) if class_names else None


def _class_order(name):
    # So that class 10 comes after class 9.
    is_number = name.isascii() and name.isdigit() and len(name) < 20
    return (0, int(name), name) if is_number else (1, 0, name)


def _vectors(values, path, class_names):
    sizes = {len(value) if isinstance(value, list) else None for value in values}
    if len(sizes) > 1 or 0 in sizes:
        raise ValueError(f"{path}: labels must be lists of one and the same length.")
    if class_names and sizes != {len(class_names)}:
        raise ValueError(
            f"{path} has {len(class_names)} names of classes for labels of size {sizes.pop()}."
        )
    largest = float(np.finfo(np.float32).max)
    for value in values:
        # `type`, because a boolean is an `int`, too. What is not a number compares as False.
        if not all(type(x) in (int, float) and -largest <= x <= largest for x in value):
            raise ValueError(f"{path}: lists of labels must hold finite numbers. Found: {value}")
    return np.array(values, np.float32)


def _read_json(path, _):
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    # Numbers and nesting beyond all bounds have their own errors.
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON file of labels: {error}") from None
    class_names = None
    pairs = content
    if isinstance(content, dict):
        pairs = list(content.items())
        if set(content) <= {"labels", "class_names"} and "labels" in content:
            pairs, class_names = content["labels"], content.get("class_names")
    if not _is_list_of_pairs(pairs) or not _is_list_of_names(class_names):
        raise ValueError(
            f'{path}: expected {{"labels": [["a.png", label], ...]}} or {{"a.png": label, ...}}, '
            "where a label is a class number, the name of a class or a list of numbers."
        )
    return _by_key(pairs, path), class_names


def _is_list_of_pairs(pairs):
    return isinstance(pairs, list) and all(
        isinstance(pair, (list, tuple))
        and len(pair) == 2
        and isinstance(pair[0], str)
        # `type`, because a boolean is an `int`, too.
        and type(pair[1]) in (int, str, list)
        for pair in pairs
    )


def _is_list_of_names(names):
    if names is None:
        return True
    return (
        isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names) > 0
    )


def _read_csv(path, keys):
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, strict=True) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no CSV file of labels: {error}") from None
    width = len(rows[0]) if rows else 0
    for number, row in enumerate(rows, start=1):
        if len(row) != width or width < 2:
            raise ValueError(
                f"{path}, row {number}: expected a name and one or more labels with commas "
                f"between them, in each row as many. Received: {','.join(row)!r}"
            )
    first = _key(rows[0][0]) if rows else ""
    header = rows.pop(0) if rows and first not in keys and not is_image_name(first) else None
    labels = [[cell.strip() for cell in row[1:]] for row in rows]
    names = [row[0] for row in rows]
    vectors = [[_number(cell) for cell in row] for row in labels]
    if width == 2 and all(cell.isascii() and cell.isdigit() for (cell,) in labels):
        return _by_key(zip(names, (int(cell) for (cell,) in labels), strict=True), path), None
    if width == 2 and None in (number for (number,) in vectors):
        return _by_key(zip(names, (cell for (cell,) in labels), strict=True), path), None
    return _by_key(zip(names, vectors, strict=True), path), header[1:] if header else None


def _number(text):
    try:
        return float(text)
    except ValueError:
        return None


def _by_key(pairs, path):
    known = {}
    for name, label in pairs:
        if known.setdefault(_key(name), label) != label:
            raise ValueError(f"{path} has two different labels for {printable(name)}.")
    return known


def _key(name):
    """What counts of a path: not the kind of slashes, nor how accents are written."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./").lstrip("/"))
