import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msg_stylegan.data.dataset_folder import MAX_SHARDS, find_levels, labels_name, records_name


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
