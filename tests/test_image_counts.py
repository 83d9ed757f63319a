"""Names of files by the number of images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msg_stylegan.image_counts import FAKES, SNAPSHOTS

counts = st.integers(0, 10**10)


@pytest.mark.parametrize(
    ("nimg", "name"),
    [
        (0, "fakes000000.png"),
        (16_000, "fakes000016.png"),
        (16_008, "fakes000016_008.png"),
        (999_999_999, "fakes999999_999.png"),
        (1_000_000_000, "fakes1000000.png"),
        (1_200_000_064, "fakes1200000_064.png"),
    ],
)
def test_names(nimg, name):
    assert FAKES.name(nimg / 1000) == name
    assert FAKES.images(name) == nimg


@given(nimg=counts)
def test_a_name_tells_the_number(nimg):
    assert SNAPSHOTS.images(SNAPSHOTS.name(nimg / 1000)) == nimg


@given(a=st.integers(0, 10**9 - 1), b=st.integers(0, 10**9 - 1))
def test_names_sort_as_texts(a, b):
    names = [SNAPSHOTS.name(nimg / 1000) for nimg in (a, b)]
    assert (names[0] < names[1]) == (a < b)
    assert (names[0].removesuffix(".keras") < names[1].removesuffix(".keras")) == (a < b)


@pytest.mark.parametrize(
    "name",
    [
        *("fakes.png", "fakes_008.png", "fakes000016_8.png", "fakes16-8.png", "fakes000016.jpg"),
        *(".fakes000016.png", "fakes000016.png.txt", "fakes000016_0080.png", "fakes٣.png"),
    ],
)
def test_other_names_have_no_number(name):
    assert FAKES.images(name) is None


def test_files_are_listed_by_their_numbers(tmp_path):
    names = [
        *("fakes000002_500.png", "fakes000003.png", "fakes000003_001.png", "fakes999999_999.png"),
        *("fakes1000000.png", "fakes1000000_008.png"),
    ]
    for name in [*reversed(names), "fakes_init.png", "reals.png"]:
        (tmp_path / name).touch()
    assert [path.name for path in FAKES.paths(tmp_path)] == names
    assert FAKES.paths(tmp_path / "nothing") == []
