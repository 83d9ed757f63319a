"""Archives behind each other in one file, as `cat` makes them: nothing is lost without a word."""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.image_sources import SIXTEEN, encoded, noise, pixels, write_tar, write_zip

from msg_stylegan.data.sources import open_source, open_store

PACKERS = {"": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.fixture
def packed(tmp_path):
    """Bytes of an archive of some files."""

    def make(files, kind="tar"):
        write = write_zip if kind == "zip" else write_tar
        return write(tmp_path / "one", files).read_bytes()

    return make


def opened(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    return open_source(tmp_path / name, SIXTEEN)


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("zeros", [0, 1, 512, 100_000])
def test_all_images_of_all_parts(tmp_path, packed, kind, zeros):
    parts = [{f"{i}.png": noise(i), f"x/{i}.png": noise(i + 10)} for i in range(3)]
    data = bytes(zeros).join([*(packed(part, kind) for part in parts), b""])
    source = opened(tmp_path, "x", data)
    assert source.warnings == []
    np.testing.assert_array_equal(pixels(source), [noise(i) for i in (0, 1, 2, 10, 11, 12)])


@pytest.mark.parametrize("first", [*PACKERS][1:])
@pytest.mark.parametrize("second", [*PACKERS][1:])
def test_each_part_may_be_compressed_in_its_own_way(tmp_path, packed, first, second):
    data = PACKERS[first](packed({"a.png": noise(0)})) + bytes(4)
    data += PACKERS[second](packed({"b.png": noise(1)})) + bytes(512)
    np.testing.assert_array_equal(pixels(opened(tmp_path, "x", data)), [noise(0), noise(1)])


def test_one_archive_in_many_streams(tmp_path, packed):
    # As parallel compressors write it: streams end anywhere.
    data = packed({f"{i}.png": noise(i) for i in range(5)})
    chunks = [gzip.compress(data[i : i + 100]) for i in range(0, len(data), 100)]
    source = opened(tmp_path, "x", b"".join(chunks))
    np.testing.assert_array_equal(pixels(source), [noise(i) for i in range(5)])


@pytest.mark.parametrize("rest", [b"\n", b"something else" * 100, b"PK\3\4" + bytes(99) + b"x"])
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_what_follows_the_end_is_said(tmp_path, packed, kind, rest):
    data = packed({"a.png": noise(0)}, kind)
    data = PACKERS[kind.partition(".")[2]](data)
    begin = re.escape(repr(rest[:4]).removesuffix("'"))
    with pytest.raises(ValueError, match=rf"/x is .*at byte {len(data)}.*{begin}"):
        opened(tmp_path, "x", data + rest)


def test_half_an_archive_before_another(tmp_path, packed):
    half = packed({"a.png": noise(0), "b.png": noise(1)}, "zip")[:-30]
    with pytest.raises(ValueError, match=rf"its first {len(half)} bytes are the start of another"):
        opened(tmp_path, "x", half + packed({"c.png": noise(2)}, "zip"))


def test_joined_kinds_are_told(tmp_path, packed):
    tar, archive = packed({"a.png": noise(0)}), packed({"b.png": noise(1)}, "zip")
    for data in (tar + archive, archive + tar, gzip.compress(tar) + archive):
        with pytest.raises(ValueError, match="archive"):
            opened(tmp_path, "x", data)


def test_zips_with_comments_and_programs_before_them(tmp_path):
    data = b"a program" * 9999
    for i in range(3):
        part = io.BytesIO()
        with zipfile.ZipFile(part, "w") as archive:
            archive.writestr(f"{i}.png", encoded(noise(i)))
            archive.comment = b"a comment" * i
        data += part.getvalue()
    np.testing.assert_array_equal(pixels(opened(tmp_path, "x", data)), [noise(i) for i in range(3)])


def test_large_zips_are_joined(tmp_path, packed, monkeypatch):
    # ZIP64, by smaller limits.
    for name in ("ZIP_FILECOUNT_LIMIT", "ZIP64_LIMIT"):
        monkeypatch.setattr(zipfile, name, 1)
    parts = [packed({f"{i}.png": noise(i), f"{i}.txt": b"x"}, "zip") for i in range(2)]
    assert all(b"PK\6\6" in part for part in parts)
    monkeypatch.undo()
    source = opened(tmp_path, "x", b"".join(parts))
    np.testing.assert_array_equal(pixels(source), [noise(0), noise(1)])


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_images_of_one_name_are_counted(tmp_path, packed, kind):
    data = [packed({"a.png": noise(i), "b.txt": b"x", f"{i}.png": noise(9)}, kind) for i in (0, 1)]
    source = opened(tmp_path, "x", b"".join(data))
    np.testing.assert_array_equal(pixels(source), [noise(9), noise(9), noise(1)])
    assert source.warnings[1:] == [
        f"{tmp_path}/x: 1 image was left out: others of the same names follow in the archive."
    ]


NAMES = st.lists(st.from_regex(r"\A[a-z]{1,3}(/[a-z]{1,3}){0,2}\.png\Z"), max_size=4)


@given(
    parts=st.lists(st.tuples(NAMES, st.integers(0, 1200), st.sampled_from([*PACKERS][1:]))),
    kind=st.sampled_from(["tar", "packed tar", "zip"]),
)
def test_joined_archives_hold_what_their_parts_hold(tmp_path_factory, parts, kind):
    folder = tmp_path_factory.getbasetemp()
    data, expected = b"", {}
    for number, (names, zeros, packer) in enumerate(parts):
        files = {name: f"{number} {name}".encode() for name in names}
        write = write_zip if kind == "zip" else write_tar
        part = write(folder / "part", files).read_bytes()
        data += (PACKERS[packer](part) if kind == "packed tar" else part) + bytes(zeros)
        expected |= files
    (folder / "joined.tar").write_bytes(data)
    if not data:
        return
    store = open_store(folder / "joined.tar")
    assert {name: store.data(i) for i, name in enumerate(store.names)} == expected


@given(data=st.binary(max_size=3000), cut=st.integers(0, 10_240))
def test_damage_between_archives_is_said(tmp_path_factory, data, cut):
    folder = tmp_path_factory.getbasetemp()
    part = write_tar(folder / "part", {"a.png": b"x"}).read_bytes()
    (folder / "joined.tar").write_bytes(part[: len(part) - cut] + data)
    try:
        store = open_store(folder / "joined.tar")
    except ValueError as error:
        assert "joined" in str(error)
    else:
        assert store.names == ["a.png"]
        assert not data.strip(b"\0") or tarfile.is_tarfile(io.BytesIO(data.lstrip(b"\0")))
