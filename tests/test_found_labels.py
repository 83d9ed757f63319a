"""Labels that lie beside or inside the images, where StyleGAN's tools put them."""

import json

import numpy as np
import pytest
from support.image_sources import WRITERS, noise

from msg_stylegan.commands import dataset_tool
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources import open_source

NAMES = ["00/a.png", "00/b.png", "01/c.png"]
CLASSES = [1, 0, 1]


def labels_file(prefix="", **more):
    pairs = [[prefix + name, number] for name, number in zip(NAMES, CLASSES, strict=True)]
    return json.dumps({"labels": pairs, **more}).encode()


def write(tmp_path, kind, content, name="dataset.json", top=""):
    files = {f"{top}{image}": noise(i) for i, image in enumerate(NAMES)}
    if kind == "list":
        path = WRITERS["list"](tmp_path / "photos.list", files)
        labels = path.with_name(name)
        labels.parent.mkdir(exist_ok=True)
        labels.write_bytes(content)
        return path
    return WRITERS[kind](tmp_path / f"photos.{kind}", {**files, top + name: content})


def open_labels(path, labels="auto"):
    return open_source(path, ImagePreparation(), labels)


@pytest.mark.parametrize("top", ["", "photos/", "photos/new/"])
@pytest.mark.parametrize("kind", WRITERS)
def test_labels_beside_the_images_are_used_and_named(tmp_path, kind, top):
    path = write(tmp_path, kind, labels_file(), top="" if kind == "list" else top)
    source = open_labels(path)
    np.testing.assert_array_equal(source.labels, np.eye(2)[CLASSES])
    (notice,) = source.warnings
    assert "dataset.json; `--labels none` leaves them out" in notice
    assert source.description["labels"].endswith("dataset.json")
    without = open_labels(path, None)
    assert without.labels is None and not without.warnings


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "list"])
@pytest.mark.parametrize("name", ["labels.json", "meta/labels.csv"])
def test_a_file_inside_the_source_can_be_named(tmp_path, kind, name):
    content = labels_file()
    if name.endswith(".csv"):
        pairs = zip(NAMES, CLASSES, strict=True)
        content = "".join(f"{image},{number}\n" for image, number in pairs).encode()
    path = write(tmp_path, kind, content, name)
    assert open_labels(path).labels is None
    for named in (name, f"{path}/{name}"):
        np.testing.assert_array_equal(open_labels(path, named).labels, np.eye(2)[CLASSES])
    with pytest.raises(ValueError, match=r"There is no file of labels nowhere\.json, nor one in"):
        open_labels(path, "nowhere.json")


@pytest.mark.parametrize("name", ["Dataset.JSON", "labels.csv"])
@pytest.mark.parametrize("top", ["", "photos/"])
def test_files_that_may_hold_labels_are_named(tmp_path, top, name):
    path = write(tmp_path, "zip", b"x", name, top)
    (notice,) = open_labels(path).warnings
    assert f"/{top}{name} is not used" in notice and f"`--labels {top}{name}`" in notice
    assert not open_labels(path, None).warnings


@pytest.mark.parametrize("name", ["00/a.json", "00/a.png.json", "00/b.csv", "notes/labels.csv"])
def test_files_of_facts_about_an_image_are_not_taken_for_labels(tmp_path, name):
    assert not open_labels(write(tmp_path, "zip", b"x", name)).warnings


def test_labels_beside_the_only_archive_of_a_folder_are_said(tmp_path):
    write(tmp_path, "zip", b"{}", name="facts/x.json")
    labels = tmp_path / "dataset.json"
    labels.write_bytes(labels_file())
    notices = open_labels(tmp_path).warnings
    assert any(f"count only with `--labels {labels}`" in notice for notice in notices)
    np.testing.assert_array_equal(open_labels(tmp_path, labels).labels, np.eye(2)[CLASSES])


def test_names_may_include_the_shared_folders_or_not(tmp_path):
    for prefix in ("", "photos/"):
        path = write(tmp_path / f"x{prefix}", "folder", labels_file(prefix), top="photos/")
        np.testing.assert_array_equal(open_labels(path).labels, np.eye(2)[CLASSES])


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_null_means_unlabelled(tmp_path, kind):
    path = write(tmp_path, kind, b'{"labels": null}')
    source = open_labels(path)
    assert source.labels is None
    (notice,) = source.warnings
    assert notice.endswith("dataset.json says that the images have no labels.")
    assert open_labels(path, "dataset.json").labels is None


def test_further_keys_are_named(tmp_path):
    path = write(tmp_path, "folder", labels_file(made_by="x", camera=[1]))
    source = open_labels(path)
    np.testing.assert_array_equal(source.labels, np.eye(2)[CLASSES])
    assert any(notice.endswith("which is ignored: camera, made_by") for notice in source.warnings)


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"images": [1]}', b"\xff", b'{"labels": 1}'])
def test_a_file_of_another_kind_is_left_out_and_said(tmp_path, content):
    source = open_labels(write(tmp_path, "zip", content))
    assert source.labels is None
    (notice,) = source.warnings
    assert "dataset.json is not a file of labels" in notice and "is not used" in notice


def test_found_labels_that_do_not_fit_are_an_error_that_says_what_to_do(tmp_path):
    path = write(tmp_path, "zip", b'{"labels": [["x.png", 1]]}')
    with pytest.raises(ValueError, match="no label for 3 of 3 images") as error:
        open_labels(path)
    assert "it has x.png" in str(error.value)
    assert "`--labels none` leaves it out" in str(error.value)
    with pytest.raises(ValueError, match="no label for 3 of 3 images") as error:
        open_labels(path, "dataset.json")
    assert "--labels none" not in str(error.value)


def test_the_tool_uses_them_by_default(tmp_path, capsys):
    path = write(tmp_path, "zip", labels_file())
    command = ["create_from_images", "--workers=1"]
    assert dataset_tool.main([*command, str(tmp_path / "with"), str(path)]) == 0
    output = capsys.readouterr()
    assert "labels of size 2" in output.out and "dataset.json" in output.err
    assert TFRecordDataset(tmp_path / "with", max_label_size=-1).label_size == 2
    assert dataset_tool.main([*command, str(tmp_path / "out"), str(path), "--labels=none"]) == 0
    output = capsys.readouterr()
    assert "no labels" in output.out and "dataset.json" not in output.err


def test_closed_up_classes_are_in_the_manifest(tmp_path, capsys):
    files = {f"{i}.png": noise(i) for i in range(6)}
    folder = WRITERS["folder"](tmp_path / "photos", files)
    csv = tmp_path / "years.csv"
    csv.write_text("".join(f"{name},{1990 + i // 2 * 10}\n" for i, name in enumerate(files)))
    out = tmp_path / "out"
    arguments = ["create_from_images", str(out), str(folder), f"--labels={csv}", "--workers=1"]
    assert dataset_tool.main(arguments) == 0
    assert "3 classes with the numbers 1990, 2000, 2010" in capsys.readouterr().err
    assert json.loads((out / "manifest.json").read_text())["class_names"] == [
        "1990",
        "2000",
        "2010",
    ]
