"""Links in archives are followed within the archive."""

import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.image_sources import SIXTEEN, encoded, noise, pixels

from msg_stylegan.data.sources import open_source, open_store
from msg_stylegan.data.sources.archive import Contents, Link, Place


def linked_tar(path, files, links):
    with tarfile.open(path, "w") as archive:
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
        for name, image in files.items():
            entry, data = tarfile.TarInfo(name), encoded(image)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def linked_zip(path, files, links):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, target in links.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
        for name, image in files.items():
            archive.writestr(name, encoded(image))
    return path


@pytest.fixture(params=[linked_tar, linked_zip])
def linked(request, tmp_path):
    return lambda files, links: open_source(request.param(tmp_path / "x", files, links), SIXTEEN)


def test_links_are_followed(linked):
    links = {
        "linked/a.png": "../real/x.png",
        "linked/b.png": "a.png",
        "chain/1.png": "2.png",
        "chain/2.png": "../alias/x.png",
        "alias": "linked/folder",
        "linked/folder": "../real/.",
        "root.png": "/real/x.png",
        "visible.png": ".store/y",
    }
    source = linked({"real/x.png": noise(0), ".store/y": noise(1)}, links)
    names = [source.name(i).partition("/x/")[2] for i in range(source.num_images)]
    expected = ["chain/1.png", "chain/2.png", "linked/a.png", "linked/b.png", "real/x.png"]
    assert names == [*expected, "root.png", "visible.png"]
    np.testing.assert_array_equal(pixels(source), [noise(0)] * 6 + [noise(1)])
    assert source.warnings == []


def test_links_that_lead_out_or_nowhere_are_counted(linked, tmp_path):
    (tmp_path / "secret.png").write_bytes(encoded(noise(1)))
    links = {
        "a/up.png": "../../secret.png",
        "a/over.png": f"{tmp_path}/secret.png",
        "gone.png": "nowhere.png",
        "loop1.png": "loop2.png",
        "loop2.png": "loop1.png",
        "empty.png": "a/../../x",
        ".hidden.png": "nowhere.png",
    }
    source = linked({"real/x.png": noise(0)}, links)
    np.testing.assert_array_equal(pixels(source), [noise(0)])
    said = "6 links were left out: no file at the other end."
    assert source.warnings == [f"{tmp_path}/x: {said}"]


def test_linked_files_may_have_any_name(linked):
    # As stores of downloads are: files by their checksums, links by their names.
    links = {"pictures/a.png": "../.blobs/4f1d", "pictures/b": "../.blobs/4f1d"}
    np.testing.assert_array_equal(pixels(linked({".blobs/4f1d": noise(3)}, links)), [noise(3)] * 2)


def test_hard_links_keep_a_file_that_was_replaced(tmp_path):
    with tarfile.open(tmp_path / "x", "w") as archive:
        for name, image in (("a.png", 0), ("b.png", None), ("a.png", 1)):
            entry = tarfile.TarInfo(name)
            data = b"" if image is None else encoded(noise(image))
            entry.size = len(data)
            if image is None:
                entry.type, entry.linkname = tarfile.LNKTYPE, "./a.png"
            archive.addfile(entry, io.BytesIO(data))
    source = open_source(tmp_path / "x", SIXTEEN)
    np.testing.assert_array_equal(pixels(source), [noise(1), noise(0)])


@pytest.mark.parametrize("num_links", [40, 41])
def test_chains_end(tmp_path, num_links):
    links = {f"{i:02d}.png": f"{i + 1:02d}.png" for i in range(num_links)}
    path = linked_tar(tmp_path / "x", {f"{num_links:02d}.png": noise(0)}, links)
    assert len(open_store(path).names) == 41


PATHS = st.lists(st.sampled_from(["a", "b", "c.png", "..", ".", ""]), min_size=1, max_size=4)


@given(
    links=st.dictionaries(PATHS.map("/".join), PATHS.map("/".join), max_size=6),
    files=st.lists(PATHS.map("/".join), max_size=4),
)
def test_links_never_lead_to_anything_but_files(links, files):
    contents = Contents()
    for number, name in enumerate(files):
        contents.add(name, Place(number, 1, 1, 0, 0))
    for name, target in links.items():
        contents.add(name, Link(target))
    places, num_dead, _ = contents.followed()
    assert {place.offset for place in places.values()} <= set(range(len(files)))
    assert 0 <= num_dead <= len(links)
    assert all(".." not in name.split("/") for name in places)
