"""What the data set tool tells of images that it uses all the same."""

import numpy as np
import pytest
from support import colour_profiles
from support.image_sources import encoded, noise, write_folder

from msg_stylegan.commands import dataset_tool
from msg_stylegan.data import conversion, parts
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.dataset_folder import read_manifest
from msg_stylegan.data.decoding import picture_reader


def twelve_bits(seed):
    return np.random.default_rng(seed).integers(0, 4000, (16, 16)).astype(np.uint16)


@pytest.fixture
def photos(tmp_path):
    """Folder of 12 images of 12 bits, of which two have a damaged profile."""
    files = {}
    for i in range(12):
        options = {"icc_profile": b"damaged"} if i in (5, 9) else {}
        files[f"{i:02d}.png"] = encoded(twelve_bits(i), **options)
    return write_folder(tmp_path / "photos", files)


def create(out, photos, *options):
    return dataset_tool.main(
        ["create_from_images", str(out), str(photos), "--shuffle=0", "--workers=1", *options]
    )


def test_notices_come_once_and_are_kept(photos, tmp_path, capsys):
    assert create(tmp_path / "out", photos) == 0
    largest = max(int(twelve_bits(i).max()) for i in range(12))
    notices = [line for line in capsys.readouterr().err.splitlines() if "notice: " in line]
    deep, profile = notices
    assert f"largest value of 12 gray images of 16 bits is {largest} of 65535" in deep
    assert "look like 12 bits" in deep and "--value_range=4095" in deep and "/00.png" in deep
    assert "2 images with a colour profile that cannot be applied" in profile
    assert "05.png" in profile
    kept = read_manifest(tmp_path / "out")["notices"]
    assert [f"notice: {text}" for text in kept] == notices


def test_the_range_makes_them_bright(photos, tmp_path, capsys):
    assert create(tmp_path / "out", photos, "--value_range=4095") == 0
    assert "look like" not in capsys.readouterr().err
    images = TFRecordDataset(tmp_path / "out").read_images(range(12))
    expected = [np.rint(twelve_bits(i) * (255 / 4095)) for i in range(12)]
    np.testing.assert_array_equal(images[..., 0], expected)


def test_files_without_anything_odd_have_no_notices(tmp_path, capsys):
    photos = write_folder(tmp_path / "photos", {f"{i}.png": noise(i) for i in range(3)})
    assert create(tmp_path / "out", photos) == 0
    assert "notice" not in capsys.readouterr().err
    assert read_manifest(tmp_path / "out")["notices"] == []


def test_interruption_and_workers_do_not_change_notices(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(conversion, "images_per_part", lambda shape: 2)
    assert create(tmp_path / "whole", photos) == 0
    expected = read_manifest(tmp_path / "whole")["notices"]
    make = parts.PartMaker.make

    def interrupted(self, part):
        if part.number == 4:
            raise KeyboardInterrupt
        make(self, part)

    monkeypatch.setattr(parts.PartMaker, "make", interrupted)
    assert create(tmp_path / "again", photos) == 130
    monkeypatch.setattr(parts.PartMaker, "make", make)
    assert create(tmp_path / "again", photos) == 0
    assert read_manifest(tmp_path / "again")["notices"] == expected
    assert create(tmp_path / "many", photos, "--workers=3") == 0
    assert read_manifest(tmp_path / "many")["notices"] == expected


@pytest.mark.parametrize("change", ["range", "background", "limit", "version"])
def test_an_unfinished_data_set_of_other_rules_is_refused(photos, tmp_path, monkeypatch, change):
    monkeypatch.setattr(conversion, "images_per_part", lambda shape: 2)

    def interrupted(self, part):
        if part.number == 1:
            raise KeyboardInterrupt
        make(self, part)

    make = parts.PartMaker.make
    with monkeypatch.context() as patch:
        patch.setattr(parts.PartMaker, "make", interrupted)
        assert create(tmp_path / "out", photos) == 130
    options = {
        "range": ["--value_range=4095"],
        "background": ["--background=white"],
        "limit": ["--max_pixels=1000"],
        "version": [],
    }
    if change == "version":
        monkeypatch.setattr(picture_reader, "VERSION", picture_reader.VERSION + 1)
    assert create(tmp_path / "out", photos, *options[change]) == 1
    monkeypatch.undo()
    monkeypatch.setattr(conversion, "images_per_part", lambda shape: 2)
    assert create(tmp_path / "out", photos) == 0


def test_profiles_reach_the_records(tmp_path):
    image = noise(0)
    data = encoded(image, icc_profile=colour_profiles.swapped())
    photos = write_folder(tmp_path / "photos", {"a.png": data})
    assert create(tmp_path / "out", photos) == 0
    found = TFRecordDataset(tmp_path / "out").read_images([0])[0].astype(int)
    assert np.abs(found - image).max() > 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4095", (0, 4095)), ("-1,1", (-1, 1)), ("0.5", (0, 0.5)), ("-1024,3071", (-1024, 3071))],
)
def test_ranges_are_one_or_two_numbers(text, expected):
    command = ["create_from_images", "out", "photos", f"--value_range={text}"]
    assert dataset_tool.build_parser().parse_args(command).value_range == expected


@pytest.mark.parametrize("text", ["", "a", "1,2,3", "1,"])
def test_other_ranges_are_refused(text, capsys):
    command = ["create_from_images", "out", "photos", f"--value_range={text}"]
    with pytest.raises(SystemExit):
        dataset_tool.main(command)
    assert "expected the value of white, such as 4095" in capsys.readouterr().err
