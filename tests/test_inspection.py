"""info, extract, compare and contact sheets, on data sets that the tool's own code wrote."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from support.plain_operations import one_hot
from support.stored_data_sets import random_images, write_records

from msg_stylegan.data import contact_sheet as sheets
from msg_stylegan.data import extraction
from msg_stylegan.data.comparison import compare, comparison_text
from msg_stylegan.data.conversion import convert
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.extraction import class_folders, extract
from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources import open_source
from msg_stylegan.data.statistics import channel_statistics, dataset_info, info_table


@dataclasses.dataclass
class Arrays:
    """A source of images in memory."""

    images: np.ndarray
    labels: np.ndarray | None = None
    class_names: list | None = None

    description = {"kind": "test"}  # noqa: RUF012

    @property
    def num_images(self):
        return len(self.images)

    def name(self, index):
        return str(index)

    def read(self, index):
        return self.images[index]


def write(folder, images, labels=None, class_names=None, **options):
    source = Arrays(images, labels, class_names)
    convert(source, folder, order=range(len(images)), command={}, **options)
    return folder


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("encoding", ["raw", "png"])
def test_info(tmp_path, capsys, channels, encoding):
    images = random_images(30, 8, channels)
    classes = np.arange(30) % 7 % 4
    labels = one_hot(classes, 5)
    names = ["a", "b", "c", "d", "e"]
    path = write(tmp_path / "x", images, labels, names, encoding=encoding, num_shards=3)
    info = dataset_info(path)
    assert (info.dataset.num_images, info.dataset.shape) == (30, (8, 8, channels))
    assert (info.dataset.encoding, info.levels, info.num_shards) == (encoding, (8, 4), 3)
    counts = [int(np.sum(classes == number)) for number in range(5)]
    assert info.classes == list(zip(names, counts, strict=True)) and info.dataset.label_size == 5
    assert info.num_bytes == sum(file.stat().st_size for file in path.iterdir())
    np.testing.assert_allclose(info.mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(info.std, images.std(axis=(0, 1, 2)), rtol=1e-12)
    assert "Reading: 100%" in capsys.readouterr().err


def test_info_table(tmp_path):
    images = np.full((4, 8, 8, 1), 10, np.uint8)
    images[:2] = 20
    labels = one_hot(np.array([1, 1, 1, 0]), 2)
    info = dataset_info(write(tmp_path / "x", images, labels, ["cat", "dog"]))
    lines = [" ".join(line.split()) for line in info_table(info).splitlines()]
    assert lines[0] == str(tmp_path / "x")
    assert lines[1:8] == [
        "images 4",
        "resolution 8x8",
        "channels 1 (grayscale)",
        "encoding raw",
        "levels 8x8, 4x4",
        "shards 1 per level",
        "labels size 2, 2 classes",
    ]
    assert "mean 15.00" in lines and "std 5.00" in lines
    assert lines[-2:] == ["cat 1", "dog 3"]


def test_info_of_old_data_sets(tmp_path):
    images = random_images(3, 8)
    info = dataset_info(write_records(tmp_path / "a", images))
    assert info.classes is None and info.dataset.label_size == 0
    assert "labels none" in " ".join(info_table(info).split())
    info = dataset_info(write_records(tmp_path / "b", images, one_hot([1, 0, 1], 2)))
    assert info.classes == [("0", 1), ("1", 2)]
    info = dataset_info(write_records(tmp_path / "c", images, np.full((3, 2), 0.5)))
    assert info.classes is None and info.dataset.label_size == 2


def test_statistics_read_in_several_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("msg_stylegan.data.statistics._BATCH_BYTES", 1000)
    images = random_images(13, 8)
    dataset = TFRecordDataset(write_records(tmp_path / "a", images))
    mean, std = channel_statistics(dataset)
    np.testing.assert_allclose(mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(std, images.std(axis=(0, 1, 2)), rtol=1e-12)


def png(path):
    image = np.asarray(Image.open(path))
    return image.reshape(*image.shape[:2], -1)


@pytest.mark.parametrize("channels", [1, 3])
def test_extract_without_labels(tmp_path, channels):
    images = random_images(5, 8, channels)
    count = extract(write(tmp_path / "x", images), tmp_path / "out")
    names = (tmp_path / "out" / "images.txt").read_text().splitlines()
    assert count == 5 and names == [f"img{number:08d}.png" for number in range(5)]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"images.txt", *names}
    np.testing.assert_array_equal([png(tmp_path / "out" / name) for name in names], images)


@pytest.mark.parametrize("encoding", ["raw", "png"])
@pytest.mark.parametrize("class_names", [None, ["bee", "cat", "dog"], ["z", "a b", "."]])
def test_extracted_images_can_be_read_again(tmp_path, encoding, class_names):
    images = random_images(12, 8)
    labels = one_hot([2, 0, 1, 1, 0, 2, 2, 2, 0, 1, 0, 0], 3)
    path = write(tmp_path / "x", images, labels, class_names, encoding=encoding, num_shards=2)
    extract(path, tmp_path / "out")
    expected = sorted((images[i].tobytes(), labels[i].tobytes()) for i in range(12))
    for given in ("folders", tmp_path / "out" / "dataset.json"):
        again = open_source(tmp_path / "out", ImagePreparation(), labels=given)
        found = [(again.read(i).tobytes(), again.labels[i].tobytes()) for i in range(12)]
        assert sorted(found) == expected
        if given != "folders" or class_names == ["bee", "cat", "dog"]:
            assert again.class_names == (class_names or ["0", "1", "2"])
    # The list keeps the order too.
    given = tmp_path / "out" / "dataset.json"
    again = open_source(tmp_path / "out" / "images.txt", ImagePreparation(), labels=given)
    np.testing.assert_array_equal([again.read(i) for i in range(12)], images)
    np.testing.assert_array_equal(again.labels, labels)


def test_extract_keeps_classes_without_images(tmp_path):
    labels = one_hot([3, 1], 5)
    extract(write(tmp_path / "x", random_images(2, 8), labels), tmp_path / "out")
    again = open_source(
        tmp_path / "out", ImagePreparation(), labels=tmp_path / "out" / "dataset.json"
    )
    # By path: class 1 comes first.
    np.testing.assert_array_equal(again.labels, labels[::-1])


def test_extract_labels_that_are_not_classes(tmp_path):
    images = random_images(4, 8)
    labels = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    extract(write(tmp_path / "x", images, labels, ["x", "y", "z"]), tmp_path / "out")
    assert (tmp_path / "out" / "img00000003.png").exists()
    content = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert content["class_names"] == ["x", "y", "z"]
    again = open_source(
        tmp_path / "out", ImagePreparation(), labels=tmp_path / "out" / "dataset.json"
    )
    np.testing.assert_array_equal(again.labels, labels)
    np.testing.assert_array_equal([again.read(i) for i in range(4)], images)


def test_extract_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write(tmp_path / "x", random_images(4, 8))
    write_png = extraction._write_png

    def interrupted(path, image):
        write_png(path, image)
        raise KeyboardInterrupt

    monkeypatch.setattr(extraction, "_write_png", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract(path, tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]
    with pytest.raises(FileExistsError, match="exists already"):
        extract(path, path)


@pytest.mark.parametrize(
    ("class_names", "folders"),
    [
        (None, ["0", "1", "2"]),
        (["cat", "dog", "dog house"], ["cat", "dog", "dog house"]),
        (["0", "1", "2"], ["0", "1", "2"]),
        # Such folders would change the order.
        (["dog", "cat", "x"], ["0", "1", "2"]),
        (["1", "2", "3a"], ["0", "1", "2"]),
        (["100", "20", "3"], ["0", "1", "2"]),
        # Such folders cannot be, or would not be where they should.
        (["../a", "b", "c"], ["0", "1", "2"]),
        (["", "b", "c"], ["0", "1", "2"]),
        ([".a", "b", "c"], ["0", "1", "2"]),
        (["a", "b", "c/d"], ["0", "1", "2"]),
        (["A", "a", "b"], ["0", "1", "2"]),
        (["a", "b", "c" * 300], ["0", "1", "2"]),
        (["a", "b", "c."], ["0", "1", "2"]),
    ],
)
def test_class_folders(class_names, folders):
    assert class_folders(3, class_names) == folders


def test_folders_of_many_classes_are_in_order():
    assert class_folders(11, None) == [f"{number:02d}" for number in range(11)]
    names = [str(number) for number in range(11)]
    assert class_folders(11, names) == names


def test_equal_whatever_the_storage(tmp_path):
    images, labels = random_images(20, 16), one_hot(np.arange(20) % 3, 3)
    paths = [
        write(tmp_path / "a", images, labels),
        write(tmp_path / "b", images, labels, encoding="png", levels="top"),
        write(tmp_path / "c", images, labels, ["x", "y", "z"], num_shards=4),
        write_records(tmp_path / "d", images, labels),
    ]
    for a in paths:
        for b in paths:
            comparison = compare(a, b)
            assert comparison.equal
            text = "Identical images: 20 / 20\nIdentical labels: 20 / 20"
            assert comparison_text(comparison) == text


def test_compare_finds_what_differs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("msg_stylegan.data.statistics._BATCH_BYTES", 1000)
    images, labels = random_images(30, 8), one_hot(np.arange(30) % 3, 3)
    other_images, other_labels = images.copy(), labels.copy()
    for index in (0, 7, 29):
        other_images[index, 7, 7, 2] ^= 1
    other_labels[[4, 5]] = other_labels[[5, 4]]
    a, b = write(tmp_path / "a", images, labels), write(tmp_path / "b", other_images, other_labels)
    comparison = compare(a, b)
    assert not comparison.equal and "30/30" in capsys.readouterr().err
    assert comparison.different_images.tolist() == [0, 7, 29]
    assert comparison.different_labels.tolist() == [4, 5]
    assert comparison_text(comparison, max_listed=2).splitlines() == [
        "Images that differ: 0, 7 and 1 more",
        "Labels that differ: 4, 5",
        "Identical images: 27 / 30",
        "Identical labels: 28 / 30",
    ]
    comparison = compare(a, b, ignore_labels=True)
    assert not len(comparison.different_labels) and "abels" not in comparison_text(comparison)


def test_labels_alone_decide_too(tmp_path):
    images = random_images(3, 8)
    a, b = write(tmp_path / "a", images, one_hot([0, 1, 1], 2)), write(tmp_path / "b", images)
    assert not compare(a, b).equal and compare(a, b, ignore_labels=True).equal
    assert compare(b, b).equal
    assert comparison_text(compare(a, b)).splitlines() == [
        "The labels have 2 and 0 numbers.",
        "Labels that differ: 0, 1, 2",
        "Identical images: 3 / 3",
        "Identical labels: 0 / 3",
    ]


def test_lengths_differ(tmp_path):
    images = random_images(5, 8)
    a, b = write(tmp_path / "a", images), write(tmp_path / "b", images[:3])
    for comparison in (compare(a, b), compare(b, a)):
        assert not comparison.equal and comparison.compared == 3
        assert not len(comparison.different_images)
    assert "The data sets have 5 and 3 images." in comparison_text(compare(a, b))


def test_shapes_differ(tmp_path):
    a = write(tmp_path / "a", random_images(3, 8))
    b = write(tmp_path / "b", random_images(3, 8, 1))
    comparison = compare(a, b)
    assert not comparison.equal and comparison.different_images.tolist() == [0, 1, 2]
    assert "The images are 8x8x3 and 8x8x1." in comparison_text(comparison)


@pytest.mark.parametrize("channels", [1, 3])
def test_contact_sheet_of_small_images(tmp_path, channels):
    images = random_images(5, 8, channels)
    path = write(tmp_path / "x", images)
    sheets.write_contact_sheet(path, tmp_path / "sheet.png")
    sheet = png(tmp_path / "sheet.png")
    # Two rows of three, and pixels are repeated: 1024 / 3 pixels are 42 times 8.
    assert sheet.shape == (2 * 336 + 2, 3 * 336 + 4, channels)
    for index, image in enumerate(images):
        top, left = index // 3 * 338, index % 3 * 338
        cell = sheet[top : top + 336, left : left + 336]
        np.testing.assert_array_equal(cell, image.repeat(42, axis=0).repeat(42, axis=1))
    assert np.all(sheet[338:, 676:] == 255)


def test_contact_sheet_of_large_images(tmp_path):
    images = random_images(9, 512)
    path = write(tmp_path / "x", images, levels="top")
    sheet = np.asarray(sheets.contact_sheet(TFRecordDataset(path), num_images=4))
    assert sheet.shape == (2 * 512 + 2, 2 * 512 + 2, 3)
    # Evenly spread, from the first to the last.
    np.testing.assert_array_equal(sheet[514:, 514:], images[8])
    sheet = np.asarray(sheets.contact_sheet(TFRecordDataset(path), num_images=9))
    assert sheet.shape == (3 * 256 + 4, 3 * 256 + 4, 3)
    blocks = images[0].reshape(256, 2, 256, 2, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(sheet[:256, :256], np.rint(blocks))


def test_screen(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert not sheets.has_screen()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert sheets.has_screen()
    monkeypatch.delenv("WAYLAND_DISPLAY")
    monkeypatch.setattr("sys.platform", "darwin")
    assert sheets.has_screen()


def test_no_data_set(tmp_path):
    for run in (dataset_info, lambda path: extract(path, tmp_path / "o"), lambda p: compare(p, p)):
        with pytest.raises(ValueError, match="nothing"):
            run(tmp_path / "nothing")
