import gc
import os
import pickle
import struct
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.image_sources import (
    FILES,
    SIXTEEN,
    WRITERS,
    encoded,
    noise,
    outcomes,
    pixels,
    write_folder,
    write_tar,
    write_zip,
)

from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources import open_source

PLACES = ["../up.png", "../../etc/x.png", "/root.png", "./here.png", "a/../../x.png", "C:\\d.png"]


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_in_archives_lead_nowhere(tmp_path, write):
    (tmp_path / "in").mkdir()
    path = write(tmp_path / "in" / "x.data", {name: noise(i) for i, name in enumerate(PLACES)})
    before = sorted(tmp_path.rglob("*"))
    source = open_source(path, SIXTEEN)
    # Parts that begin with a point are hidden, and so is what goes up.
    names = [source.name(i).removeprefix(f"{path}/") for i in range(source.num_images)]
    assert names == ["C:/d.png" if write is write_zip else "C:\\d.png", "here.png", "root.png"]
    np.testing.assert_array_equal(pixels(source), [noise(5), noise(3), noise(2)])
    assert "3 files were left out: `..` in names" in source.warnings[0]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_notes_of_macos_are_left_out(tmp_path, write):
    path = write(tmp_path / "x", {"__MACOSX/a.png": b"notes", "a.png": noise(0)})
    assert open_source(path, SIXTEEN).num_images == 1


def test_the_last_of_two_files_of_one_name_counts(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            for i in range(2):
                archive.writestr("a.png", encoded(noise(i)))
    write_tar(tmp_path / "x.tar", {"a.png": noise(0), "./a.png": noise(1)})
    for name in ("x.zip", "x.tar"):
        np.testing.assert_array_equal(pixels(open_source(tmp_path / name, SIXTEEN)), [noise(1)])


def test_zip_names_in_utf8_that_do_not_say_so(tmp_path):
    # As old tools write them: the letters without the flag.
    path = write_zip(tmp_path / "x.zip", {"xx.png": noise(0)})
    path.write_bytes(path.read_bytes().replace(b"xx.png", "ü.png".encode()))
    assert open_source(path, SIXTEEN).name(0) == f"{path}/ü.png"
    path.write_bytes(path.read_bytes().replace("ü.png".encode(), b"\x81\xff.png"))
    assert open_source(path, SIXTEEN).name(0).startswith(f"{path}/ü")  # Code page 437.


def test_encrypted_and_unusual_entries_are_skipped(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"a.png": noise(0), "b.png": noise(1)})
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    path.write_bytes(data)
    assert outcomes(open_source(path, SIXTEEN)) == {
        "a.png": "it is encrypted",
        "b.png": (16, 16, 3),
    }
    write_zip(path, {"a.png": noise(0)}, zipfile.ZIP_LZMA)
    assert outcomes(open_source(path, SIXTEEN)) == {
        "a.png": "it is compressed by the method lzma, not by deflate"
    }


def test_archives_that_promise_too_much(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"a.png": bytes(1 << 20), "b.png": noise(0)})
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    for size, message in [
        (100, "the archive is damaged: the checksum of the image is wrong"),
        ((1 << 31) - 1, "it has 2147483647 bytes, more than any image"),
    ]:
        data[entry + 24 : entry + 28] = struct.pack("<I", size)
        path.write_bytes(data)
        assert outcomes(open_source(path, SIXTEEN)) == {"a.png": message, "b.png": (16, 16, 3)}


def test_zip_behind_another_file(tmp_path):
    path = write_zip(tmp_path / "x.zip", FILES)
    path.write_bytes(b"a program that unpacks itself" * 99 + path.read_bytes())
    np.testing.assert_array_equal(pixels(open_source(path, SIXTEEN)), [noise(i) for i in range(5)])


def test_tar_with_a_zip_in_it_is_not_a_zip(tmp_path):
    write_zip(tmp_path / "in.zip", {"b.png": noise(1)})
    files = {"a.png": noise(0), "in.zip": (tmp_path / "in.zip").read_bytes()}
    source = open_source(write_tar(tmp_path / "x", files), SIXTEEN)
    np.testing.assert_array_equal(pixels(source), [noise(0)])


def test_links_in_tar_archives(tmp_path):
    photos = write_folder(tmp_path / "photos", {"a.png": noise(0)})
    (photos / "b.png").hardlink_to(photos / "a.png")
    (photos / "c.png").symlink_to("a.png")
    (photos / "d.png").symlink_to("/etc/passwd")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(photos, "photos")
    source = open_source(tmp_path / "x.tar", SIXTEEN)
    assert [source.name(i)[-5:] for i in range(3)] == ["a.png", "b.png", "c.png"]
    np.testing.assert_array_equal(pixels(source), [noise(0)] * 3)
    assert source.warnings == [f"{tmp_path}/x.tar: 1 link was left out: no file at the other end."]


@pytest.mark.parametrize("damage", ["header", "cut", "end"])
def test_damaged_tar_archives_do_not_end_early(tmp_path, damage):
    path = write_tar(tmp_path / "x.tar", {f"{i}.png": noise(i) for i in range(5)})
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[data.index(b"3.png")] ^= 255
    elif damage == "cut":
        del data[data.index(b"3.png") + 700 :]
    else:
        del data[data.index(b"3.png") :]
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.tar is not a tar archive, or a damaged one: "):
        open_source(path, SIXTEEN)


def test_a_tar_archive_without_its_end_says_so(tmp_path):
    path = write_tar(tmp_path / "x.tar", {"a.png": noise(0)})
    path.write_bytes(path.read_bytes()[:1536])
    with pytest.raises(ValueError, match="the mark of its end is missing, at byte 1536"):
        open_source(path, SIXTEEN)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_archives_that_are_cut_off(tmp_path, kind):
    path = WRITERS[kind](tmp_path / f"x.{kind}", FILES)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=rf"{path} is .*damaged"):
        open_source(path, SIXTEEN)


@pytest.mark.parametrize("name", ["x.zip", "x.tar"])
def test_archives_by_name_only(tmp_path, name):
    (tmp_path / name).write_text("a.png")
    with pytest.raises(ValueError, match=rf"{name} is .*damaged"):
        open_source(tmp_path / name, SIXTEEN)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_folder_of_one_archive_only(tmp_path, kind):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    path = WRITERS[kind](folder / "sub" / f"x.{kind}", FILES)
    source, inside = open_source(folder, SIXTEEN), open_source(path, SIXTEEN)
    np.testing.assert_array_equal(pixels(source), pixels(inside))
    assert source.description == inside.description
    assert source.warnings[0] == (
        f"{path}: It was taken as the only archive in a folder without images, {folder}."
    )
    assert open_source(folder, SIXTEEN, names_encoding="cp932").num_images == source.num_images
    WRITERS[kind](folder / f"y.{kind}", FILES)
    with pytest.raises(ValueError, match=r"holds no images .* Archives among images"):
        open_source(folder, SIXTEEN)
    write_folder(folder, {"a.png": noise(9)})
    assert open_source(folder, SIXTEEN).num_images == 1


def test_temporary_copies_go(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    path = write_tar(tmp_path / "x.tar.gz", FILES, "gz")
    source = open_source(path, SIXTEEN)
    assert len(list(temporary.iterdir())) == 1
    copy = pickle.loads(pickle.dumps(source))
    del source
    gc.collect()
    assert list(temporary.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        copy.read(0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="This system has no /dev/full.")
def test_no_room_for_a_temporary_copy(tmp_path, monkeypatch):
    def full(suffix):
        return os.open("/dev/full", os.O_WRONLY), str(tmp_path / "copy")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    path = write_tar(tmp_path / "x.tar.gz", FILES, "gz")
    with pytest.raises(OSError, match=r"No space left .* while unpacking .*x\.tar\.gz to .*TMPDIR"):
        open_source(path, SIXTEEN)


def test_thousands_of_images_are_listed_in_a_moment(tmp_path):
    # The bytes of each are the same; none of them is looked at.
    path = write_zip(tmp_path / "x.zip", {f"{i:05d}.png": b"x" for i in range(20000)})
    source = open_source(path, SIXTEEN)
    assert source.num_images == 20000
    assert len(pickle.dumps(source)) < 100 * source.num_images


@given(
    cut=st.integers(0, 3000), flips=st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 255)))
)
@pytest.mark.parametrize("kind", ["zip", "stored.zip", "tar", "tar.gz", "tar.xz"])
def test_damage_never_ends_in_another_error(kind, tmp_path_factory, cut, flips):
    path = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    files = {"a.png": noise(0, 4, 4), "b.bmp": encoded(noise(1, 4, 4), "BMP"), "c.txt": b"text"}
    data = bytearray(WRITERS[kind](path, files).read_bytes())
    for offset, change in flips:
        data[offset % len(data)] ^= change
    path.write_bytes(data[: len(data) - cut % len(data)])
    try:
        found = outcomes(open_source(path, ImagePreparation(resolution=4, channels=3)))
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert all(isinstance(reason, str) or reason == (4, 4, 3) for reason in found.values())
