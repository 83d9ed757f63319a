import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msg_stylegan.data.dataset_folder import (
    MANIFEST_NAME,
    MAX_SHARDS,
    content_fingerprint,
    file_facts,
    find_levels,
    full_fingerprint,
    labels_name,
    read_manifest,
    records_name,
    write_manifest,
)


def touch(folder, names):
    for name in names:
        (folder / name).touch()
    return folder


def level_names(resolution, num_shards, name="x"):
    return [records_name(name, resolution, shard, num_shards) for shard in range(num_shards)]


def test_names():
    assert records_name("cats", 256) == "cats-r08.tfrecords"
    assert records_name("cats", 1024, 3, 16) == "cats-r10.tfrecords-00003-of-00016"
    assert labels_name("cats") == "cats-rxx.labels"


@pytest.mark.parametrize(
    ("shard", "num_shards"), [(1, 1), (-1, 4), (4, 4), (0, 0), (0, MAX_SHARDS + 1)]
)
def test_no_names_for_shards_that_cannot_be(shard, num_shards):
    with pytest.raises(ValueError, match=f"shard={shard}, num_shards={num_shards}"):
        records_name("cats", 256, shard, num_shards)


@given(
    resolutions=st.lists(st.integers(2, 10).map(lambda k: 1 << k), unique=True, max_size=5),
    num_shards=st.integers(1, 20),
    name=st.sampled_from(["x", "", "a b", "x-r08.tfrecords", "ä-r05", "two\nlines"]),
)
def test_what_is_named_is_found(tmp_path_factory, resolutions, num_shards, name):
    folder = tmp_path_factory.mktemp("found")
    for resolution in resolutions:
        touch(folder, level_names(resolution, num_shards, name))
    touch(folder, [labels_name("x"), "manifest.json", "x-r08.tfrecords.backup", "notes.txt"])
    levels = find_levels(folder)
    assert list(levels) == sorted(resolutions, reverse=True)
    for resolution, paths in levels.items():
        expected = [folder / shard for shard in level_names(resolution, num_shards, name)]
        assert paths == expected


def test_a_single_shard_may_be_numbered(tmp_path):
    touch(tmp_path, ["x-r03.tfrecords-00000-of-00001"])
    assert find_levels(tmp_path) == {8: [tmp_path / "x-r03.tfrecords-00000-of-00001"]}


def test_a_folder_without_records(tmp_path):
    assert find_levels(touch(tmp_path, ["x.txt", "x-rxx.labels"])) == {}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x.tfrecords"], "x.tfrecords: the name does not end in -rNN.tfrecords"),
        (["x-r8.tfrecords"], "x-r8.tfrecords: the name does not end"),
        (["x-r\u0660\u0668.tfrecords"], "the name does not end"),
        (["x-r08.tfrecords-1-of-2"], "x-r08.tfrecords-1-of-2: the name does not end"),
        (["x-r08.tfrecords-old"], "Move it out of the folder"),
        (["x-r03.tfrecords", "y-r03.tfrecords"], "x-r03.* and .*y-r03.* different data sets"),
        (["x-r03.tfrecords", "y-r04.tfrecords"], "x-r03.* and .*y-r04.* different data sets"),
        (
            ["x-r03.tfrecords", *level_names(8, 2)],
            "x-r03.tfrecords and .*-00000-of-00002 belong to different data sets",
        ),
        (
            ["x-r03.tfrecords", "x-r03.tfrecords-00000-of-00001"],
            "x-r03.tfrecords and .*-00000-of-00001 belong to different data sets",
        ),
        (
            [*level_names(8, 2), *level_names(16, 3)],
            "r03.*-of-00002 and .*r04.*-of-00003 belong to different data sets",
        ),
        (level_names(8, 3)[:2], "is one of 3 shards. In .*, 1 of them are missing: 00002."),
        (level_names(8, 20)[5:6], "19 of them are missing: 00000, 00001, .*, 00010, ..."),
        ([*level_names(8, 2), *level_names(16, 2)[1:]], "r04.*00001-of-00002 is one of 2 shards"),
        (["x-r03.tfrecords-00002-of-00002"], "there is no such shard of 2"),
        (["x-r03.tfrecords-00000-of-00000"], "there is no such shard of 0"),
    ],
)
def test_incomplete_and_mixed_folders(tmp_path, names, message):
    with pytest.raises(ValueError, match=message) as error:
        find_levels(touch(tmp_path, names))
    assert re.search(re.escape(str(tmp_path)), str(error.value))


def sample(num_shards=2, **changes):
    names = [
        records_name("x", resolution, shard, num_shards)
        for resolution in (8, 4)
        for shard in range(num_shards)
    ]
    manifest = {
        "name": "x",
        "command": {"command": "create_from_images", "shards": num_shards},
        "source": {"kind": "folder", "path": "cäts"},
        "num_images": 10,
        "resolution": 8,
        "num_channels": 3,
        "label_size": 2,
        "class_names": ["cat", "dog"],
        "encoding": "raw",
        "levels": [8, 4],
        "num_shards": num_shards,
        "files": {
            name: {"bytes": 5, "records": 5, "sha256": hashlib.sha256(name.encode()).hexdigest()}
            for name in [*names, labels_name("x")]
        },
    }
    return manifest | changes


def test_what_is_written_is_read(tmp_path):
    manifest = sample(more="facts")
    write_manifest(tmp_path, manifest)
    expected = {"version": 1, **manifest, "fingerprint": full_fingerprint(manifest)}
    assert read_manifest(tmp_path) == expected
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_NAME]
    # A manifest that was read may be written again.
    write_manifest(tmp_path, expected)
    assert read_manifest(tmp_path) == expected


def test_there_may_be_none(tmp_path):
    assert read_manifest(tmp_path) is None


def test_facts_of_a_file(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    assert file_facts(tmp_path / "a", 7) == {"bytes": 2_560_000, "records": 7, "sha256": sha256}


def test_fingerprint_is_of_the_full_resolution_and_the_labels():
    for num_shards in (1, 2, 11):
        manifest = sample(num_shards)
        files = manifest["files"]
        names = [records_name("x", 8, shard, num_shards) for shard in range(num_shards)]
        sha256s = [files[name]["sha256"] for name in [*names, labels_name("x")]]
        assert full_fingerprint(manifest) == content_fingerprint((8, 8, 3), 2, sha256s)
        # Neither the name nor lower levels count.
        renamed = {"z" + name[1:]: facts for name, facts in files.items() if "-r02" not in name}
        assert full_fingerprint(manifest | {"files": renamed}) == full_fingerprint(manifest)


def test_fingerprints_differ():
    fingerprints = {
        content_fingerprint((8, 8, 3), 0, ["a", "b"]),
        content_fingerprint((8, 8, 3), 0, ["b", "a"]),
        content_fingerprint((8, 8, 3), 0, ["ab"]),
        content_fingerprint((8, 8, 3), 1, ["a", "b"]),
        content_fingerprint((8, 8, 1), 0, ["a", "b"]),
        content_fingerprint((4, 4, 3), 0, ["a", "b"]),
    }
    assert len(fingerprints) == 6
    assert all(len(fingerprint) == 64 for fingerprint in fingerprints)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "has version 2; this program knows 1"),
        ({"num_images": "10"}, "`num_images` is missing or not of type int"),
        ({"resolution": True}, "`resolution` is missing or not of type int"),
        ({"levels": None}, "`levels` is missing or not of type list"),
        ({"class_names": "cat"}, "`class_names` is neither a list nor null"),
        ({"files": {"a": 3}}, "`files` of a is not a dictionary"),
        ({"files": {"a": {"bytes": 1, "sha256": ""}}}, "`records` of a is missing"),
    ],
)
def test_wrong_contents(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        write_manifest(tmp_path, sample(**changes))
    assert not list(tmp_path.iterdir())
    content = {"version": 1, **sample(), "fingerprint": "", **changes}
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"{MANIFEST_NAME} .*{message}"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged"),
        (b"{", "is damaged"),
        (b"[]", "is not a dictionary"),
        (b"[" * 100_000, "is damaged"),
        (b'{"a": "\xff"}', "is damaged"),
        (b'{"version": 1}', "`name` is missing"),
        (json.dumps({"version": 1, **sample()}).encode(), "`fingerprint` is missing"),
    ],
)
def test_damaged_files(tmp_path, content, message):
    (tmp_path / MANIFEST_NAME).write_bytes(content)
    with pytest.raises(ValueError, match=f"{MANIFEST_NAME} .*{message}"):
        read_manifest(tmp_path)


@given(st.data())
def test_any_truncation_is_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("manifest")
    write_manifest(folder, sample())
    content = (folder / MANIFEST_NAME).read_bytes()
    # The last byte is a line feed.
    size = data.draw(st.integers(0, len(content) - 2))
    (folder / MANIFEST_NAME).write_bytes(content[:size])
    with pytest.raises(ValueError, match="is damaged"):
        read_manifest(folder)
