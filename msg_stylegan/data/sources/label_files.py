"""The files that say which labels images have: JSON as StyleGAN's tools write it, and CSV."""

import csv
import io
import json
import unicodedata
from typing import NamedTuple

from msg_stylegan.data.sources.selection import is_image_name, printable
from msg_stylegan.mistaken_file import is_utf_16, what_download, what_it_is

ENDINGS = (".json", ".csv")
_OTHER_MARKS = ((";", "semicolons"), ("\t", "tabs"))


class Entry(NamedTuple):
    """One line of a file of labels: its number, counted from 1, an image's name, and its label."""

    number: int
    name: str
    value: object


class LabelFile(NamedTuple):
    """What a file of labels says.

    Attributes:
        path: What messages call it.
        unit: What messages call an entry.
        entries: List of `Entry`; None if the file says that there are no labels. A value is a
            number, a text, or a list.
        class_names: List of names, or None.
        has_texts: Whether texts may stand for numbers, as in CSV.
        notices: List of sentences: what the user should know.
    """

    path: str
    unit: str
    entries: list | None
    class_names: list | None
    has_texts: bool
    notices: list

    def place(self, entry):
        """Where an entry is, for messages."""
        return f"{self.path}, {self.unit} {entry.number} ({printable(entry.name)})"

    def by_key(self):
        """Dictionary from `name_key` to `Entry`.

        Raises:
            ValueError: An image has two labels.
        """
        known = {}
        for entry in self.entries:
            first = known.setdefault(name_key(entry.name), entry)
            if first is not entry and first.value != entry.value:
                raise ValueError(
                    f"{self.path} has two different labels for {printable(entry.name)}, in "
                    f"{self.unit} {first.number} and {entry.number}."
                )
        return known


def name_key(name):
    """What counts of a path: not the kind of slashes, nor how accents are written."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./").lstrip("/"))


def parse_json(data, path):
    """Understands the bytes of a JSON file.

    Args:
        data: Bytes.
        path: What messages call the file.

    Returns:
        `LabelFile`.

    Raises:
        ValueError: It is something else. The message names the file and the entry.
    """
    try:
        content = json.loads(_text(data), object_pairs_hook=_unambiguous)
    # Numbers and nesting beyond all bounds have their own errors.
    except (ValueError, RecursionError) as error:
        raise _no_labels(path, "JSON", what_it_is(data, expected="json") or f"{error}.") from None
    pairs, class_names, notices = content, None, []
    if has_labels_key(content):
        pairs, class_names = content["labels"], content.get("class_names")
        further = sorted(content.keys() - {"labels", "class_names"})
        if further:
            keys = ", ".join(printable(key) for key in further[:5])
            notices.append(f"{path} has more than labels, which is ignored: {keys}")
        if pairs is None:
            return LabelFile(path, "entry", None, None, False, notices)
    if isinstance(pairs, dict):
        pairs = list(pairs.items())
    if not _is_list_of_pairs(pairs):
        raise ValueError(
            f'{path}: expected {{"labels": [["a.png", label], ...]}} or {{"a.png": label, ...}}, '
            "where a label is a class number, the name of a class or a list of numbers."
        )
    if class_names is not None and not _is_list_of_names(class_names):
        raise ValueError(f"{path}: expected `class_names` to be a list of different texts.")
    entries = [Entry(number, *pair) for number, pair in enumerate(pairs, start=1)]
    file = LabelFile(path, "entry", entries, class_names, False, notices)
    for entry in entries:
        # `type`, because a boolean is an `int`, too.
        if type(entry.value) not in (int, float, str, list):
            raise ValueError(
                f"{file.place(entry)}: expected a class number, the name of a class or a list of "
                f"numbers. Received: {json.dumps(entry.value)[:60]}"
            )
    return file


def _unambiguous(pairs):
    """The dictionary of pairs; Python would silently take the last one of each name."""
    content = dict(pairs)
    for name, value in pairs:
        # NaN, which is refused later, is not equal to itself.
        if content[name] is not value and content[name] != value:
            raise ValueError(f"it has two different entries for {printable(name)}")
    return content


def has_labels_key(content):
    """Whether the content of a JSON file has the form of StyleGAN's `dataset.json`."""
    return (
        isinstance(content, dict)
        and "labels" in content
        and isinstance(content["labels"], list | dict | None)
    )


def parse_csv(data, path, keys):
    """Understands the bytes of a CSV file.

    Args:
        data: Bytes.
        path: What messages call the file.
        keys: Set of the `name_key` of the images, by which a header is told from them.

    Returns:
        `LabelFile`.

    Raises:
        ValueError: It is something else. The message names the file and the row.
    """
    # A line of letters, or nothing, is CSV as well.
    if what := what_download(data):
        raise _no_labels(path, "CSV", what)
    try:
        text = _text(data)
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [
            (number, row)
            for number, row in enumerate(reader, start=1)
            if any(cell.strip() for cell in row)
        ]
    except (csv.Error, ValueError) as error:
        raise _no_labels(path, "CSV", what_it_is(data, expected="text") or f"{error}.") from None
    _check_columns(rows, path, keys, is_cut=not text.endswith("\n"))
    header = None
    if rows:
        first = name_key(rows[0][1][0])
        header = rows.pop(0)[1] if first not in keys and not is_image_name(first) else None
    entries = []
    for number, (name, *cells) in rows:
        cells = [cell.strip() for cell in cells]
        name = name if name_key(name) in keys else name.strip()
        value = cells[0] if len(cells) == 1 else [number_or_text(cell) for cell in cells]
        entries.append(Entry(number, name, value))
    names = header[1:] if header and len(header) > 2 else None
    if names and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"{path} has two columns with the name {twice!r}. Give each column a name of its own, "
            "or remove the line of names."
        )
    return LabelFile(path, "row", entries, names, True, [])


def number_or_text(text):
    """The number that a text stands for, int for plain digits, else float; if none, the text."""
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    try:
        # Python would take 1_000 and digits of other scripts, too.
        return float(text) if text.isascii() and "_" not in text else text
    except ValueError:
        return text


def _text(data):
    """The text of bytes in UTF-8, or in UTF-16 as some programs of Windows write it."""
    try:
        return data.decode("utf-16" if is_utf_16(data) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not in UTF-8. Save the file in UTF-8") from None


def _no_labels(path, kind, reason):
    return ValueError(f"{path} is not a {kind} file of labels: {reason}")


def _check_columns(rows, path, keys, is_cut):
    width = len(rows[0][1]) if rows else 0
    are_images = any(name_key(row[0]) in keys for _, row in rows)
    for number, row in rows:
        text = ",".join(row)
        # A decimal comma makes two columns of "a.png;0,5".
        marks = [what for mark, what in _OTHER_MARKS if mark in row[0] and not are_images]
        if len(row) != width or width < 2 or marks:
            hint = f", not {marks[0]}" if marks else ""
            is_end = is_cut and number == rows[-1][0] > 1
            end = ". The file ends there: the download may be incomplete." if is_end else ""
            raise ValueError(
                f"{path}, row {number}: expected a name and one or more labels with commas "
                f"between them{hint}, in each row as many. Received: {text!r:.200}{end}"
            )


def _is_list_of_pairs(pairs):
    return isinstance(pairs, list) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in pairs
    )


def _is_list_of_names(names):
    return (
        isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names) > 0
    )
