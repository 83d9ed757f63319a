"""Which labels become classes, which ones measurements, and which ones are refused."""

import json
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msg_stylegan.data.sources.labels import read_labels


def read(folder, content, ending, names):
    path = folder / f"labels.{ending}"
    path.write_text(content, encoding="utf-8", newline="")
    store = types.SimpleNamespace(path="photos", names=names, other_names=[])
    return read_labels(path, store)


def names_of(values):
    return [f"{i:02d}.png" for i in range(len(values))]


def read_csv(folder, cells):
    names = names_of(cells)
    rows = "".join(f"{name},{cell}\n" for name, cell in zip(names, cells, strict=True))
    return read(folder, rows, "csv", names)


def read_json(folder, values):
    names = names_of(values)
    pairs = [list(pair) for pair in zip(names, values, strict=True)]
    return read(folder, json.dumps({"labels": pairs}), "json", names)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@given(numbers=st.lists(st.integers(0, 9) | st.integers(0, 10**15), min_size=1, max_size=12))
def test_class_numbers_are_closed_up_however_they_are_written(tmp_path_factory, numbers):
    folder = tmp_path_factory.getbasetemp()
    present = sorted(set(numbers))
    rows = np.eye(len(present), dtype=np.float32)[[present.index(n) for n in numbers]]
    plain = present == list(range(len(present)))
    mixed = [float(n) if i % 2 else n for i, n in enumerate(numbers)]
    floats = [float(n) for n in numbers]
    for found in (
        read_csv(folder, numbers),
        read_csv(folder, floats),
        read_csv(folder, [f" {n}.0 " for n in numbers]),
        read_csv(folder, mixed),
        read_json(folder, numbers),
        read_json(folder, floats),
        read_json(folder, mixed),
    ):
        np.testing.assert_array_equal(found.rows, rows)
        # The old numbers remain as names, and are said; what changes nothing is not.
        assert found.class_names == (None if plain else [str(n) for n in present])
        assert len(found.notices) == (0 if plain else 1)


def test_what_is_closed_up_is_said(folder):
    (notice,) = read_csv(folder, [1, 2, 2]).notices
    assert "labels.csv: the images have 2 classes with the numbers 1, 2. " in notice
    assert "become classes 0 to 1" in notice
    (notice,) = read_json(folder, list(range(1990, 2021))).notices
    assert "31 classes with the numbers 1990, 1991, 1992, 1993, 1994, ..., 2020. " in notice


def test_one_class_is_said_in_words(folder):
    (notice,) = read_csv(folder, [7, 7]).notices
    assert "all images have the class 7. It becomes class 0 and keeps" in notice


def test_named_classes_stay_though_some_have_no_images(folder):
    content = {"labels": [["00.png", 2], ["01.png", 2.0]], "class_names": ["a", "b", "c"]}
    found = read(folder, json.dumps(content), "json", ["00.png", "01.png"])
    np.testing.assert_array_equal(found.rows, [[0, 0, 1]] * 2)
    assert found.class_names == ["a", "b", "c"] and not found.notices


def test_entries_of_other_images_do_not_count(folder):
    found = read(folder, "00.png,1\n01.png,2\nelsewhere.png,-1\n", "csv", ["00.png", "01.png"])
    assert found.class_names == ["1", "2"]


@pytest.mark.parametrize(
    "cells",
    [["0.5", "1.0", "0.0"], ["0.25", "-1", "2.0"], ["1e-3", "-2.5e3", "7.0"]],
)
def test_a_column_with_fractions_is_a_measurement(folder, cells):
    found = read_csv(folder, cells)
    np.testing.assert_array_equal(found.rows[:, 0], np.array(cells, np.float32))


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["007", "012", "100"], ["007", "012", "100"]),
        (["True", "False", "True"], ["False", "True"]),
        (["1_0", "²", "Ωmega"], ["1_0", "²", "Ωmega"]),
        (["кот", "größe", "кот"], ["größe", "кот"]),
        (["1e3", "2000", "1e3"], ["1000", "2000"]),
    ],
)
def test_names_of_classes(folder, cells, names):
    found = read_csv(folder, cells)
    assert found.class_names == names
    assert found.rows.shape == (3, len(names))


@pytest.mark.parametrize(
    ("cells", "row", "message"),
    [
        (["", 1, 2], 1, "the label is empty"),
        ([0, 1, "  "], 3, "the label is empty"),
        (["cat", "", "dog"], 2, "the label is empty"),
        ([0, -1, 2], 2, "class numbers must be whole and from 0"),
        ([0.0, -1.0, 2.0], 2, "class numbers must be whole and from 0"),
        ([0, 1, 0.5], 3, "0.5 is not a class number, but row 1 has the class 0"),
        ([0.5, 1, 2], 1, "0.5 is not a class number, but row 2 has the class 1"),
        ([0, "nan", 2], 2, "nan is not a class number"),
        ([0.0, 1.0, "nan"], 3, "must hold finite numbers"),
        ([0.5, "inf", 1.5], 2, "must hold finite numbers"),
        ([0, 1, "x"], 3, "labels must be of one kind"),
        (["cat", 7, "dog"], 2, "labels must be of one kind"),
        (["007", "x", "1.5"], 3, "labels must be of one kind"),
        ([0, 1, "9" * 5000], 3, "is not a class number"),
        ([0, 1, 10**16], 3, "class numbers must be whole and from 0"),
    ],
)
def test_a_mixture_is_refused_with_its_first_entry(folder, cells, row, message):
    with pytest.raises(ValueError) as error:
        read_csv(folder, cells)
    place = f"{folder / 'labels.csv'}, row {row} ({row - 1:02d}.png): "
    assert str(error.value).startswith(place)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1 and len(str(error.value)) < 500


def test_rows_are_counted_as_in_the_file(folder):
    content = "file,class\n\n00.png,1\n,\n01.png,-1\n"
    with pytest.raises(ValueError, match=r"labels\.csv, row 5 \(01\.png\): "):
        read(folder, content, "csv", ["00.png", "01.png"])


@pytest.mark.parametrize(
    ("values", "entry", "message"),
    [
        ([0, 0.5, 1], 2, "class numbers must be whole"),
        ([0, "a", 1], 2, "labels must be of one kind"),
        ([[1, 2], [1], [2]], 2, "one and the same length"),
        ([[1, 2], [1, None], [2]], 2, "must hold finite numbers. Found: None"),
        ([0, None, 1], 2, "expected a class number, the name of a class or a list"),
        ([0, 1, True], 3, "Received: true"),
    ],
)
def test_wrong_entries_of_json_are_named(folder, values, entry, message):
    with pytest.raises(ValueError) as error:
        read_json(folder, values)
    assert f"labels.json, entry {entry} ({entry - 1:02d}.png): " in str(error.value)
    assert message in str(error.value)


def test_texts_of_json_are_names_whatever_they_look_like(folder):
    assert read_json(folder, ["0.0", "1", "x"]).class_names == ["1", "0.0", "x"]


@pytest.mark.parametrize(
    ("content", "what"),
    [("00.png;1\n", "semicolons"), ("f;x\n00.png;0,5\n", "semicolons"), ("00.png\t1", "tabs")],
)
def test_other_marks_between_columns_are_named(folder, content, what):
    with pytest.raises(ValueError, match=f"with commas between them, not {what}"):
        read(folder, content, "csv", ["00.png"])


cells = st.sampled_from(["", " ", "0", "1", "7", "007", "0.0", "-1", "0.5", "nan", "1e3", "x", "é"])


@given(column=st.lists(cells, min_size=1, max_size=6))
def test_any_column_is_of_one_kind_or_refused_by_row(tmp_path_factory, column):
    try:
        found = read_csv(tmp_path_factory.getbasetemp(), column)
    except ValueError as error:
        assert "labels.csv, row " in str(error)
        return
    texts = [cell.strip() for cell in column]
    assert "" not in texts
    rows = found.rows
    if rows.shape[1] == 1 and not (rows == 1).all():
        np.testing.assert_array_equal(rows[:, 0], np.array(texts, np.float32))
        return
    # As many classes as there are, and each image has one.
    assert (rows.sum(axis=0) > 0).all() and (rows.sum(axis=1) == 1).all()
    for text, row in zip(texts, rows, strict=True):
        name = str(row.argmax()) if found.class_names is None else found.class_names[row.argmax()]
        assert name == text or float(name) == float(text)
