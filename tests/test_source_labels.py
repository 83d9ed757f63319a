import json
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.image_sources import WRITERS, noise, pixels
from support.plain_operations import one_hot

from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources import labels as source_labels
from msg_stylegan.data.sources import open_source

NAMES = ["a.png", "sub/b.png", "sub/c.png"]


@pytest.fixture
def write(tmp_path):
    """Writes a file of labels: text as it is, all else as JSON."""

    def make(content, ending="json"):
        path = tmp_path / f"labels.{ending}"
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return path

    return make


def read_labels(labels, names):
    """Labels of images that lie in a folder without any other files."""
    store = types.SimpleNamespace(path="photos", names=names, other_names=[])
    return source_labels.read_labels(labels, store)


def check(found, labels, class_names):
    assert found[0].dtype == np.float32
    np.testing.assert_array_equal(found[0], labels)
    assert found[1] == class_names


def test_no_labels():
    assert read_labels(None, NAMES) == (None, None, None, ())
    assert read_labels("auto", NAMES) == (None, None, None, ())


@pytest.mark.parametrize("kind", WRITERS)
def test_labels_go_with_their_images(tmp_path, kind, write):
    files = {f"{name}/{i}.png": noise(i) for i, name in enumerate(["dog", "cat", "dog", "ant"])}
    path = WRITERS[kind](tmp_path / f"photos.{kind}", files)
    preparation = ImagePreparation()
    classes = ["ant", "cat", "dog"]
    order = [3, 1, 0, 2]  # By name.
    mapping = write({name: ["dog", "cat", "ant"].index(name[:3]) for name in files})
    for labels, numbers, names in (
        ("folders", [0, 1, 2, 2], classes),
        (mapping, [2, 1, 0, 0], None),
    ):
        source = open_source(path, preparation, labels=labels)
        np.testing.assert_array_equal(pixels(source), [noise(i) for i in order])
        check((source.labels, source.class_names), one_hot(numbers, 3), names)
        assert source.description["labels"] == str(labels)


# Folders.


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["b/1.png", "a/1.png", "b/2.png"], ["b", "a", "b"]),
        (["photos/b/1.png", "photos/a/1.png"], ["b", "a"]),
        (["x/y/b/1.png", "x/y/a/deep/1.png"], ["b", "a"]),
        (["/home/b/1.png", "/home/a/1.png"], ["b", "a"]),
        (["../b/1.png", "../a/1.png"], ["b", "a"]),
        (["only/1.png", "only/2.png"], ["only", "only"]),
        (["top/1.png", "top/sub/2.png"], ["top", "top"]),
    ],
)
def test_classes_are_the_first_folders_that_differ(names, classes):
    order = sorted(set(classes))
    labels = one_hot([order.index(name) for name in classes], len(order))
    check(read_labels("folders", names), labels, order)


def test_numbers_of_classes_are_sorted_as_numbers():
    names = [f"{i}/x.png" for i in range(12)]
    check(read_labels("folders", names), np.eye(12), [str(i) for i in range(12)])
    mixed = ["10/x.png", "9/x.png", "x/x.png", "²/x.png"]
    assert read_labels("folders", mixed)[1] == ["9", "10", "x", "²"]


def test_every_image_needs_a_folder():
    with pytest.raises(ValueError, match=r"a\.png is not in a sub-folder"):
        read_labels("folders", NAMES)


# Files. All forms of the same labels.


@pytest.mark.parametrize("form", ["pairs", "mapping", "csv", "csv with header"])
@pytest.mark.parametrize("kind", ["number", "name", "vector"])
def test_forms(write, form, kind):
    values = {
        "number": [1, 0, 3],
        "name": ["dog", "cat", "dog"],
        "vector": [[0.5, -1], [2, 1e-3], [0, 0]],
    }[kind]
    expected = {
        # Closed up, see below.
        "number": one_hot([1, 0, 2], 3),
        "name": one_hot([1, 0, 1], 2),
        "vector": np.array(values if kind == "vector" else [], np.float32),
    }[kind]
    class_names = {"number": ["0", "1", "3"], "name": ["cat", "dog"], "vector": None}[kind]
    # More images than there are do no harm, and the order is that of the images.
    pairs = [*zip(NAMES, values, strict=True), ("other.png", values[1])][::-1]
    if form == "pairs":
        path = write({"labels": pairs})
    elif form == "mapping":
        path = write(dict(pairs))
    else:
        rows = [[name, *value] if kind == "vector" else [name, value] for name, value in pairs]
        if form == "csv with header":
            rows.insert(0, ["file", "left", "right"][: len(rows[0])])
            class_names = ["left", "right"] if kind == "vector" else class_names
        path = write("\r\n".join(",".join(map(str, row)) for row in rows), "csv")
    check(read_labels(path, NAMES), expected, class_names)


def test_class_names_beside_labels(write):
    names = ["zebra", "ant", "none of it"]
    pairs = list(zip(NAMES, [1, 0, 1], strict=True))
    expected = one_hot([1, 0, 1], 3)
    check(read_labels(write({"labels": pairs, "class_names": names}), NAMES), expected, names)
    words = [[name, names[number]] for name, number in pairs]
    check(read_labels(write({"labels": words, "class_names": names}), NAMES), expected, names)
    rows = [[name, list(map(float, row))] for name, row in zip(NAMES, expected, strict=True)]
    check(read_labels(write({"labels": rows, "class_names": names}), NAMES), expected, names)


def test_quoted_cells_and_marks_of_spreadsheets(write):
    path = write('\ufefffile,class\n"a, b.png","big, red"\nc.png, blue\n\n', "csv")
    check(read_labels(path, ["a, b.png", "c.png"]), one_hot([0, 1], 2), ["big, red", "blue"])
    path = write('\ufeff{"a.png": 0}')
    check(read_labels(path, ["a.png"]), [[1]], None)


def test_only_a_line_without_an_image_is_a_header(write):
    path = write("first,1\nsecond,0", "csv")
    check(read_labels(path, ["second", "first"]), one_hot([0, 1], 2), None)
    check(read_labels(path, ["second"]), [[1]], None)


def test_numbers_that_count_no_classes_are_vectors(write):
    path = write("a.png,0.25\nb.png,-1", "csv")
    check(read_labels(path, ["a.png", "b.png"]), [[0.25], [-1]], None)


def test_a_dictionary_may_stand_for_the_pairs(write):
    path = write({"labels": {"a.png": 1, "b.png": 0}, "class_names": ["x", "y"]})
    check(read_labels(path, ["a.png", "b.png"]), one_hot([1, 0], 2), ["x", "y"])


def test_accents_make_no_other_class(write):
    for labels in ("folders", write("u\u0308/a.png,\u00fc\n\u00fc/b.png,u\u0308\n", "csv")):
        check(read_labels(labels, ["u\u0308/a.png", "\u00fc/b.png"]), [[1], [1]], ["\u00fc"])
    path = write({"labels": [["a.png", "\u00fc"]], "class_names": ["x", "u\u0308"]})
    check(read_labels(path, ["a.png"]), [[0, 1]], ["x", "u\u0308"])


@pytest.mark.parametrize(
    ("text", "ending"), [("a.png,\u00fc\r\n", "csv"), ('{"a.png": "\u00fc"}', "json")]
)
def test_code_pages(write, text, ending):
    path = write("", ending)
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes(text.encode(encoding))
        check(read_labels(path, ["a.png"]), [[1]], ["\u00fc"])
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=rf"labels\.{ending} is not a .*is not in UTF-8\. Save"):
        read_labels(path, ["a.png"])


def test_kinds_of_slashes_and_accents_do_not_matter(write):
    path = write({"sub\\u\u0308.png": 0, "./x.png": 1, "/y.png": 2})
    check(read_labels(path, ["sub/\u00fc.png", "x.png", "y.png"]), np.eye(3), None)
    path = write({"sub/\u00fc.png": 0})
    check(read_labels(path, ["sub/u\u0308.png"]), [[1]], None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a JSON file of labels"),
        ("[" * 100_000, "is not a JSON file of labels"),
        ("3", "expected "),
        ({"labels": {"a.png": {"x": 1}}}, "expected "),
        ({"labels": [["a.png"]]}, "expected "),
        ({"labels": [["a.png", 1, 2]]}, "expected "),
        ({"labels": [[1, "a.png"]]}, "expected "),
        ({"a.png": True}, "expected "),
        ({"a.png": None}, "expected "),
        ({"a.png": 0.5}, "entry 1 (a.png): class numbers must be whole"),
        ({"labels": [["a.png", 0]], "class_names": []}, "expected "),
        ({"labels": [["a.png", 0]], "class_names": ["x", "x"]}, "expected "),
        ({}, "has no label for 1 of 1 images, for example for a.png"),
        ({"b.png": 0}, "has no label for 1 of 1 images, for example for a.png"),
        ({"labels": [["a.png", 0], ["a.png", 1]]}, "two different labels for a.png"),
        ('{"a.png": 0, "a.png": 1}', "two different entries for a.png"),
        ('{"labels": [["a.png", 0]], "labels": null}', "two different entries for labels"),
        ({"a.png": -1}, "class numbers must be whole and from 0"),
        ({"a.png": 10**30}, "class numbers must be whole and from 0 to 1000000000000000"),
        ({"labels": [["a.png", 2]], "class_names": ["x", "y"]}, "from 0 to 1. Found: 2."),
        ('{"a.png": NaN}', "class numbers must be whole"),
        ({"a.png": " "}, "entry 1 (a.png): the label is empty"),
        ({"labels": [["a.png", "z"]], "class_names": ["x", "y"]}, "z is not in class_names"),
        ({"labels": [["a.png", [1]]], "class_names": ["x", "y"]}, "2 names of classes for"),
        ({"a.png": []}, "lists of one and the same length"),
        ({"a.png": ["x"]}, "must hold finite numbers"),
        ({"a.png": [True]}, "must hold finite numbers"),
        ('{"a.png": [NaN]}', "must hold finite numbers"),
        ('{"a.png": [1e999]}', "must hold finite numbers"),
        ({"a.png": [1e39]}, "must hold finite numbers"),
        ({"a.png": [10**400]}, "must hold finite numbers"),
    ],
)
def test_wrong_json(write, content, message):
    path = write(content)
    with pytest.raises(ValueError) as error:
        read_labels(path, ["a.png"])
    assert message in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("values", [[0, "x", 1], [[1], 0, 1], [0, [1], 1], [[1], [1, 2], [1]]])
def test_labels_of_different_kinds(write, values):
    path = write(dict(zip(NAMES, values, strict=True)))
    with pytest.raises(ValueError, match=r"labels must be "):
        read_labels(path, NAMES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "It is empty"),
        ("\n", "has no label for 1 of 1"),
        ("a.png,1\nb.p", "row 2: expected a name and one or more labels"),
        ("a.png,1\nb.p", "the download may be incomplete"),
        ("file,class", "has no label for 1 of 1"),
        ("a.png", "row 1: expected a name and one or more labels"),
        ("a.png;1", "row 1: expected a name and one or more labels"),
        ("file,x\na.png,1\nb.png,1,2", "row 3: expected a name and one or more labels"),
        ("file\na.png,1", "row 1: expected a name and one or more labels"),
        ("a.png,1,x", "must hold finite numbers"),
        ("a.png,nan,1", "must hold finite numbers"),
        ('a.png,"1', "is not a CSV file of labels"),
        ("a.png,1\na.png,2", "two different labels for a.png"),
        ("file,x,y,x\na.png,1,2,3", "two columns with the name 'x'"),
    ],
)
def test_wrong_csv(write, content, message):
    path = write(content, "csv")
    with pytest.raises(ValueError) as error:
        read_labels(path, ["a.png"])
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_other_files(tmp_path, write):
    with pytest.raises(ValueError, match=r"from folders, a \.json or a \.csv file\. Received: x"):
        read_labels("x.txt", NAMES)
    with pytest.raises(ValueError, match=r"There is no file of labels .*nowhere\.json"):
        read_labels(tmp_path / "nowhere.json", NAMES)
    for ending in ("csv", "json"):
        path = write("", ending)
        path.write_bytes(b"a.png,\xff\xfe")
        with pytest.raises(ValueError, match=rf"labels\.{ending} is not a "):
            read_labels(path, ["a.png"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["labels", "class_names", "a.png"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(content=json_values)
def test_any_json_gives_labels_or_one_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    try:
        labels = read_labels(path, ["a.png"]).rows
    except ValueError as error:
        assert str(path) in str(error)
    else:
        if labels is None:
            assert content["labels"] is None
            return
        assert labels.dtype == np.float32 and len(labels) == 1 and np.isfinite(labels).all()


@given(content=st.text(st.sampled_from('a.png,;"\n\r01x-\0'), max_size=40))
def test_any_csv_gives_labels_or_one_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(content, encoding="utf-8", newline="")
    try:
        labels = read_labels(path, ["a.png"]).rows
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert labels.dtype == np.float32 and len(labels) == 1 and np.isfinite(labels).all()
