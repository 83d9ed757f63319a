"""Names in zip archives that are in no UTF-8."""

import stat
import struct
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.image_sources import SIXTEEN, encoded, noise, pixels, write_folder, write_tar

from msg_stylegan.data.sources import open_source, open_store

# Some of these letters have a backslash as their second byte.
NAMES = {
    "cp932": ["新.png", "ソ.png", "表/一覧表.png", "能ソ/ソ.png"],
    "gbk": ["山.png", "誠\u4e02.png", "俓/俓.png"],
    "big5": ["功.png", "許蓋/功.png"],
    "cp949": ["똠.png", "한국/사진.png"],
    "cp850": ["größe.png", "é\u00e0/ñ.png"],
}


class RawName(zipfile.ZipInfo):
    """An entry with the given bytes as its name."""

    def __init__(self, raw):
        super().__init__(raw.decode("cp437"))
        self.raw = raw

    def _encodeFilenameFlags(self):
        return self.raw, 0


def write_raw(path, files, extra=b""):
    with zipfile.ZipFile(path, "w") as archive:
        for raw, content in files.items():
            entry = RawName(raw)
            entry.extra = extra
            archive.writestr(entry, content if isinstance(content, bytes) else encoded(content))
    return path


@pytest.mark.parametrize("encoding", NAMES)
def test_no_image_is_lost(tmp_path, encoding):
    files = {name.encode(encoding): noise(i) for i, name in enumerate(NAMES[encoding])}
    path = write_raw(tmp_path / "x.zip", files)
    source = open_source(path, SIXTEEN)
    found = sorted(image.tobytes() for image in pixels(source))
    assert found == sorted(image.tobytes() for image in files.values())
    assert "in it, such as" in source.warnings[0]
    assert "--names_encoding" in source.warnings[0]
    named = open_store(path, encoding)
    assert named.names == sorted(NAMES[encoding])
    assert named.notices == []


def test_labels_by_name_and_by_folder(tmp_path):
    files = {name.encode("cp932"): noise(i) for i, name in enumerate(["犬/表.png", "猫/ソ.png"])}
    path = write_raw(tmp_path / "x.zip", files)
    labels = tmp_path / "labels.csv"
    labels.write_text("犬/表.png,0\n猫/ソ.png,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"no label for 2 of 2 images.*names_encoding.*cp932"):
        open_source(path, SIXTEEN, labels)
    source = open_source(path, SIXTEEN, labels, names_encoding="cp932")
    np.testing.assert_array_equal(source.labels, np.eye(2))
    assert open_source(path, SIXTEEN, "folders", None, "cp932").class_names == ["犬", "猫"]


def test_backslashes_that_are_separators_still_are(tmp_path):
    files = {b"cats\\a.png": noise(0), "größe\\b.png".encode("cp437"): noise(1), b"empty\\": b""}
    store = open_store(write_raw(tmp_path / "x.zip", files))
    assert store.names == ["cats/a.png", "größe/b.png"]
    assert store.other_names == []


def test_unicode_paths_are_honoured(tmp_path):
    raw, name = "ソ.png".encode("cp932"), "ソ.png".encode()
    for checksum, expected in ((zlib.crc32(raw), "ソ.png"), (0, raw.decode("cp437"))):
        block = struct.pack("<BI", 1, checksum) + name
        extra = (
            struct.pack("<HH", 0x5455, 1) + b"x" + struct.pack("<HH", 0x7075, len(block)) + block
        )
        assert open_store(write_raw(tmp_path / "x.zip", {raw: noise(0)}, extra)).names == [expected]


def linked_zip(path, links, name, target):
    """A zip with a file and links to it; names and target are bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(RawName(name), encoded(noise(0)))
        for link in links:
            entry = RawName(link)
            entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
    return path


@pytest.mark.parametrize(
    ("encoding", "given"),
    [("cp932", "cp932"), ("gbk", "gbk"), ("utf-8", None), ("utf-8", "utf-8"), ("cp437", None)],
)
def test_links_lead_to_names_in_the_same_encoding(tmp_path, encoding, given):
    names = ["ä1.png", "ä2.png"] if encoding == "cp437" else ["表犬.png", "犬表.png"]
    target, *links = (name.encode(encoding) for name in [*names, "plain.png"])
    store = open_store(linked_zip(tmp_path / "x.zip", links, target, target), given)
    assert store.names == sorted([*names, "plain.png"])
    assert [store.data(i) for i in range(3)] == [encoded(noise(0))] * 3
    assert not any("link" in notice for notice in store.notices)


def test_targets_of_links_that_are_not_text_lead_nowhere(tmp_path):
    path = linked_zip(tmp_path / "x.zip", [b"link.png"], b"file.png", b"\x81\xff.png")
    store = open_store(path, "cp932")
    assert store.names == ["file.png"]
    assert "1 link was left out" in store.notices[0]


def test_names_that_become_one_are_counted(tmp_path):
    path = write_raw(tmp_path / "x.zip", {"ü.png".encode(): noise(0), b"\x81.png": noise(1)})
    source = open_source(path, SIXTEEN)
    assert source.num_images == 1
    assert "1 image was left out: others of the same names follow" in " ".join(source.warnings)


def test_names_in_tar_archives(tmp_path):
    # Written as bytes that are no UTF-8.
    names = {
        name.encode("cp932").decode("utf-8", "surrogateescape"): noise(0) for name in NAMES["cp932"]
    }
    path = write_tar(tmp_path / "x.tar", names)
    store = open_store(path)
    assert len(store.names) == 4
    assert "4 names in it" in store.notices[0]
    assert open_store(path, "cp932").names == sorted(NAMES["cp932"])


def test_other_encodings(tmp_path):
    path = write_raw(tmp_path / "x.zip", {b"\x81\xff.png": noise(0)})
    with pytest.raises(ValueError, match=r"name b'\\x81\\xff.png' is not in the code page cp932"):
        open_store(path, "cp932")
    for name in ("cp99999", "hex", "", "a\0b"):
        with pytest.raises(ValueError, match=r"`--names_encoding` must be a code page"):
            open_store(path, name)
    with pytest.raises(ValueError, match=r"photos is not an archive"):
        open_store(write_folder(tmp_path / "photos", {"a.png": noise(0)}), "cp932")


@given(
    raws=st.sets(
        st.binary(min_size=1, max_size=6).filter(
            lambda raw: not set(raw) & {0, ord("."), ord("/")}
        ),
        max_size=5,
    )
)
def test_names_of_any_bytes(tmp_path_factory, raws):
    files = {raw + b".png": raw for raw in raws if not raw.startswith(b"\\")}
    path = write_raw(tmp_path_factory.getbasetemp() / "any.zip", files)
    store = open_store(path)
    names = {store.data(i) for i in range(len(store.names))}
    lost = len(files) - len(names)
    # Only those that are one and the same name in the end.
    assert lost == 0 or "of the same names" in " ".join(store.notices)
