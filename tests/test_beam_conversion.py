"""The pipeline on Beam's local runner. Beam is an extra that needs an environment of its own."""

import numpy as np
import pytest
from conversion_probe import NoiseSource, contents, run

from msg_stylegan.data.beam_conversion import convert_with_beam

ARGUMENTS = ["--runner=DirectRunner", "--direct_num_workers=1"]


def convert(target, source=None, **options):
    source = NoiseSource(**(source or {}))
    order = np.random.RandomState(0).permutation(source.num_images)
    return convert_with_beam(
        source, target, order=order, command={"seed": 0}, beam_arguments=ARGUMENTS, **options
    )


def beam():
    return pytest.importorskip("apache_beam", reason="needs the extra beam")


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"num_shards": 3},
        {"num_shards": 1, "encoding": "png", "levels": "top"},
    ],
)
def test_the_files_are_those_of_the_local_tool(tmp_path, options):
    beam()
    convert(tmp_path / "beam" / "noise", **options)
    run(tmp_path / "local" / "noise", **options)
    assert contents(tmp_path / "beam") == contents(tmp_path / "local")


@pytest.mark.slow
def test_finished_shards_are_kept_after_a_failure(tmp_path):
    beam()
    target = tmp_path / "beam" / "noise"
    # The other shards are finished, or not yet begun, when the pipeline fails.
    with pytest.raises(Exception, match="broken"):
        convert(target, num_shards=3, strict=True)
    assert not target.exists()
    # Nothing of it gets into another data set.
    with pytest.raises(ValueError, match="unfinished work of another command"):
        convert(target, num_shards=3, encoding="png")
    convert(target, num_shards=3)
    run(tmp_path / "local" / "noise", num_shards=3)
    assert contents(tmp_path / "beam") == contents(tmp_path / "local")


def test_without_beam_the_extra_is_named(tmp_path):
    try:
        import apache_beam  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match=r"`--runner` needs Apache Beam.*\[beam\]"):
            convert(tmp_path / "noise")
        return
    (tmp_path / "noise").mkdir()
    with pytest.raises(FileExistsError, match="exists already"):
        convert(tmp_path / "noise")
