import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msg_stylegan.data.dataset_folder import (
    MANIFEST_NAME,
    content_fingerprint,
    file_facts,
    full_fingerprint,
    labels_name,
    read_manifest,
    records_name,
    write_manifest,
)


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
        ({"version": 2}, "is of version 2; this program knows 1"),
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
