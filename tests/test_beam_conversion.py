"""The pipeline on Beam's local runner. Beam is an extra that needs an environment of its own."""

import numpy as np
import pytest
from support.conversion_probe import NoiseSource, contents, run
from support.image_sources import noise, write_folder, write_remote

from msg_stylegan.data.beam_conversion import convert_with_beam
from msg_stylegan.data.comparison import compare
from msg_stylegan.data.conversion import convert
from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources import open_source
from msg_stylegan.data.verify import verify

ARGUMENTS = ["--runner=DirectRunner", "--direct_num_workers=1"]


def convert_noise(target, source=None, **options):
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
    convert_noise(tmp_path / "beam" / "noise", **options)
    run(tmp_path / "local" / "noise", **options)
    assert contents(tmp_path / "beam") == contents(tmp_path / "local")


@pytest.mark.slow
def test_folders_on_other_file_systems(tmp_path, monkeypatch):
    """From and to an address; the file system is in memory, and so is the runner."""
    beam()
    from tensorflow.io import gfile

    files = {f"{i}.png": noise(i) for i in range(9)} | {"9.png": b"broken"}
    preparation = ImagePreparation(resolution=16, channels=3)
    remote = open_source(write_remote(tmp_path / "photos", files), preparation)
    local = open_source(write_folder(tmp_path / "photos", files), preparation)
    target = f"ram://{tmp_path}/remote/noise"
    options = {"order": np.arange(10), "command": {}, "num_shards": 2}
    arguments = ["--runner=DirectRunner", "--direct_running_mode=in_memory"]

    rename, moves = gfile.rename, []

    def interrupted_rename(source, *others, **options):
        if ".partial/" in source and others[0].startswith(f"{target}/"):
            moves.append(source)
            if len(moves) == 3:
                raise KeyboardInterrupt
        rename(source, *others, **options)

    monkeypatch.setattr(gfile, "rename", interrupted_rename)
    with pytest.raises(KeyboardInterrupt):
        convert_with_beam(remote, target, beam_arguments=arguments, **options)
    assert not gfile.exists(f"{target}/manifest.json")
    # This file system appends to a file that should be replaced.
    for name in {"manifest.json", "skipped.txt"} & set(gfile.listdir(f"{target}.partial")):
        gfile.remove(f"{target}.partial/{name}")
    convert_with_beam(remote, target, beam_arguments=arguments, **options)
    with pytest.raises(FileExistsError, match="exists already"):
        convert_with_beam(remote, target, beam_arguments=arguments, **options)

    convert(local, tmp_path / "local" / "noise", **options)
    copies = tmp_path / "copies" / "noise"
    copies.mkdir(parents=True)
    for name in gfile.listdir(target):
        gfile.copy(f"{target}/{name}", str(copies / name))
    assert not gfile.exists(f"{target}.partial")
    assert verify(copies, 1).num_images == 9
    assert compare(copies, tmp_path / "local" / "noise").equal
    for path in copies.glob("*.tfrecords*"):
        assert path.read_bytes() == (tmp_path / "local" / "noise" / path.name).read_bytes()


@pytest.mark.slow
def test_finished_shards_are_kept_after_a_failure(tmp_path):
    beam()
    target = tmp_path / "beam" / "noise"
    # The other shards are finished, or not yet begun, when the pipeline fails.
    with pytest.raises(Exception, match="noise/"):
        convert_noise(target, num_shards=3, strict=True)
    assert not target.exists()
    # Nothing of it gets into another data set.
    with pytest.raises(ValueError, match="unfinished work of another command"):
        convert_noise(target, num_shards=3, encoding="png")
    convert_noise(target, num_shards=3)
    run(tmp_path / "local" / "noise", num_shards=3)
    assert contents(tmp_path / "beam") == contents(tmp_path / "local")


def test_without_beam_the_extra_is_named(tmp_path):
    try:
        import apache_beam  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match=r"`--runner` needs Apache Beam.*\[beam\]"):
            convert_noise(tmp_path / "noise")
        return
    (tmp_path / "noise").mkdir()
    with pytest.raises(FileExistsError, match="exists already"):
        convert_noise(tmp_path / "noise")
