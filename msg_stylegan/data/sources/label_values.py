"""From the values in a file of labels to rows of numbers: classes become one-hot labels."""

import unicodedata

import numpy as np

from msg_stylegan.data.sources.image_names import printable
from msg_stylegan.data.sources.label_files import number_of
from msg_stylegan.wording import count_of

# More are identifiers, not classes, and one-hot labels of them would not fit in memory.
_MAX_CLASSES = 100_000
# Larger numbers are not exact as floats.
_MAX_CLASS_NUMBER = 10**15
# So many class numbers are listed in a message.
_NUM_LISTED = 6


def label_rows(file, entries):
    """Labels of images.

    Class numbers that do not begin at 0 or have gaps are closed up, unless the file names all
    classes; they remain as names.

    Args:
        file: `LabelFile`.
        entries: List of one `Entry` of it for each image.

    Returns:
        Tuple of labels, float32 `[N, L]`; list of L names or None; list of sentences: what has
        become of class numbers.

    Raises:
        ValueError: Labels of different kinds, or a label that is none. The message names the first.
    """
    if file.has_texts and isinstance(entries[0].value, str):
        entries = _numbers_of_texts(file, entries)
    _check_one_kind(file, entries)
    if isinstance(entries[0].value, list):
        return _vectors(file, entries), file.class_names, []
    if isinstance(entries[0].value, str):
        values = [entry.value for entry in entries]
        return *one_hot_of_names(values, file.path, file.class_names), []
    if _are_measurements(file, entries):
        entries = [entry._replace(value=[entry.value]) for entry in entries]
        return _vectors(file, entries), None, []
    return _one_hot_of_numbers(file, entries)


def one_hot_of_names(values, origin, class_names=None):
    """One-hot labels of names of classes. How accents are written makes no other class.

    Args:
        values: List of names, one for each image.
        origin: Where they come from, for messages.
        class_names: All classes in order; None for those that occur, sorted.

    Returns:
        Tuple of labels, float32 `[N, L]`, and list of L names.

    Raises:
        ValueError: Too many classes, or one that is not in `class_names`.
    """
    values = [unicodedata.normalize("NFC", value) for value in values]
    class_names = list(class_names or sorted(set(values), key=_class_order))
    numbers = {unicodedata.normalize("NFC", name): i for i, name in enumerate(class_names)}
    unknown = sorted(set(values) - numbers.keys())
    if unknown:
        raise ValueError(f"{origin}: the class {printable(unknown[0])} is not in class_names.")
    return _one_hot([numbers[value] for value in values], len(class_names), origin), class_names


def _numbers_of_texts(file, entries):
    """The entries with numbers instead of texts, if the texts are numbers."""
    texts = [entry.value for entry in entries]
    if any(len(text) > 1 and text[0] == "0" and text.isdigit() for text in texts):
        # Zeros in front belong to names.
        values = [text if text.isdigit() else _number_or(text) for text in texts]
    else:
        values = [_number_or(text) for text in texts]
    return [entry._replace(value=value) for entry, value in zip(entries, values, strict=True)]


def _number_or(text):
    number = number_of(text)
    return text if number is None else number


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
    """Whether a column of numbers is no column of classes.

    Fractions say so, but not beside numbers that are written as those of classes are: then one of
    the two is a mistake.
    """
    fractions = [e for e in entries if isinstance(e.value, float) and not e.value.is_integer()]
    classes = [entry for entry in entries if isinstance(entry.value, int)]
    if not fractions or not file.has_texts:
        return False
    if classes:
        raise ValueError(
            f"{file.place(fractions[0])}: {fractions[0].value} is no class number, but "
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
    notice = (
        f"{file.path}: the images have {count_of(len(present), 'class')} with the numbers "
        f"{_listed(present)}. They become classes 0 to {len(present) - 1} and keep these numbers "
        "as their names."
    )
    if len(present) == 1:
        notice = (
            f"{file.path}: all images have the class {present[0]}. It becomes class 0 and keeps "
            "this number as its name."
        )
    return rows, [str(number) for number in present], [notice]


def _listed(numbers):
    if len(numbers) <= _NUM_LISTED:
        return ", ".join(map(str, numbers))
    return ", ".join(map(str, numbers[: _NUM_LISTED - 1])) + f", ..., {numbers[-1]}"


def _one_hot(positions, size, origin):
    if size > _MAX_CLASSES:
        raise ValueError(
            f"{origin}: {size} classes are more than {_MAX_CLASSES}. Are they numbers of images?"
        )
    one_hot = np.zeros((len(positions), size), np.float32)
    one_hot[np.arange(len(positions)), positions] = 1
    return one_hot


def _class_order(name):
    # So that class 10 comes after class 9.
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
