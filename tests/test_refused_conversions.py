"""Conversions that cannot begin, go on or be finished: a message, and nothing is half there."""

import os

import numpy as np
import pytest
from support.conversion_probe import NoiseSource, contents, run

from msg_stylegan.data import conversion
from msg_stylegan.data.conversion import WorkFolder
from msg_stylegan.data.parts import check_image, checked_labels


class FailingSource(NoiseSource):
    """Fails at one image as if the program were ended there."""

    def read(self, index):
        if index == 1000:
            raise KeyboardInterrupt
        return super().read(index)


INTERRUPTED = (*range(40), 1000)


def interrupt(out):
    """Leaves an unfinished data set behind."""
    with pytest.raises(KeyboardInterrupt):
        conversion.convert(FailingSource(2000), out, order=INTERRUPTED, command={"seed": 0})


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr("msg_stylegan.data.parts._PART_IMAGES", 8)


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"command": {"seed": 1}}, "seed"),
        ({"encoding": "png"}, "encoding"),
        ({"num_shards": 2, "levels": "top"}, "levels, shards"),
        ({"strict": True}, "strict"),
    ],
)
@pytest.mark.usefixtures("small_parts")
def test_another_command_is_refused(tmp_path, options, difference):
    interrupt(tmp_path / "noise")
    partial = tmp_path / ".noise.partial"
    before = contents(partial)
    options = {"command": {"seed": 0}, **options}
    with pytest.raises(ValueError, match=f"another {difference}\\). Repeat that command") as error:
        conversion.convert(FailingSource(2000), tmp_path / "noise", order=INTERRUPTED, **options)
    assert str(partial) in str(error.value)
    assert contents(partial) == before


@pytest.mark.usefixtures("small_parts")
def test_another_order_is_refused(tmp_path):
    interrupt(tmp_path / "noise")
    with pytest.raises(ValueError, match="another order of images"):
        conversion.convert(
            FailingSource(2000), tmp_path / "noise", order=[*range(41)], command={"seed": 0}
        )


@pytest.mark.usefixtures("small_parts")
def test_lost_bytes_are_noticed(tmp_path):
    interrupt(tmp_path / "noise")
    path = tmp_path / ".noise.partial" / "data" / "noise-r04.tfrecords"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"has lost its last 1 bytes.*Remove .*\.noise\.partial"):
        conversion.convert(
            FailingSource(2000), tmp_path / "noise", order=INTERRUPTED, command={"seed": 0}
        )


@pytest.mark.parametrize("name", ["noise", ".noise"])
@pytest.mark.usefixtures("small_parts")
def test_a_data_set_of_any_name_is_continued(tmp_path, name):
    out = tmp_path / "again" / name
    interrupt(out)
    leftover = out.with_name(f".{name}.partial") / "data" / ".0123456789abcdef.tmp.json"
    leftover.touch()
    options = {"order": INTERRUPTED, "command": {"seed": 0}}
    conversion.convert(NoiseSource(2000), out, **options)
    conversion.convert(NoiseSource(2000), tmp_path / "whole" / name, **options)
    assert contents(out) == contents(tmp_path / "whole" / name)


def test_only_one_process_at_a_time(tmp_path):
    work = WorkFolder(tmp_path / "noise")
    with work.entered(), pytest.raises(OSError, match="Another process is at work"):
        run(tmp_path / "noise")
    assert list(tmp_path.iterdir()) == []
    run(tmp_path / "noise")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"source": {"broken_every": 1}},
            "None of the 90 images can be used.*noise/",
        ),
        ({"strict": True}, r"noise/\d+: no luck\nwith"),
        ({"num_shards": 91}, "`--shards` must be from 1 to .* 91 for 90 images"),
        ({"num_shards": 0}, "`--shards`"),
        ({"num_shards": 90}, "Shard .* would have no images.*`--shards`"),
        ({"num_workers": 0}, "`--workers`"),
        ({"encoding": "gif"}, "`--encoding`"),
        ({"levels": "some"}, "`--levels`"),
        ({"source": {"num_images": 0}}, "no images"),
        ({"source": {"resolution": 12}}, "power of two"),
    ],
)
def test_wrong_requests(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "noise", images_per_part=200, **options)
    assert not (tmp_path / "noise").exists()
    # Unless images have been read, nothing is worth keeping.
    if options.get("num_shards") != 90:
        assert list(tmp_path.iterdir()) == []


class UnevenSource(NoiseSource):
    def read(self, index):
        return super().read(index)[:8, :8] if index == 30 else super().read(index)


@pytest.mark.parametrize("num_workers", [1, 2])
@pytest.mark.usefixtures("small_parts")
def test_image_of_another_size_is_named(tmp_path, num_workers):
    with pytest.raises(
        ValueError, match=r"noise/30: all images must be alike\. This one is 8x8 RGB, but noise/0"
    ):
        conversion.convert(
            UnevenSource(90), tmp_path / "x", order=range(90), command={}, num_workers=num_workers
        )


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((8, 8, 2), np.uint8), r"cat\.png: expected 1 channel .*Received: 2"),
        (np.zeros((8, 16, 3), np.uint8), r"cat\.png: images must be square.*16x8"),
        (np.zeros((12, 12, 3), np.uint8), r"cat\.png: the side must be a power of two.*12x12"),
        (np.zeros((2, 2, 3), np.uint8), r"cat\.png: the side must be a power of two"),
        (np.zeros((8, 8, 3), np.float32), r"cat\.png: expected uint8.*float32"),
        (np.zeros((8, 8), np.uint8), r"cat\.png: expected uint8"),
        (np.zeros((16, 16, 3), np.uint8), r"cat\.png: .*16x16 RGB, but dog\.png is 8x8 RGB"),
        (np.zeros((8, 8, 1), np.uint8), r"cat\.png: .*8x8 grayscale, but dog\.png is 8x8 RGB"),
    ],
)
def test_wrong_images_are_named(image, message):
    with pytest.raises(ValueError, match=message):
        check_image(image, "cat.png", (8, 8, 3), "dog.png")


@pytest.mark.parametrize(
    "labels", [np.zeros((2, 1)), np.zeros(1), np.zeros((1, 0)), np.full((1, 1), np.nan)]
)
def test_wrong_labels(labels):
    with pytest.raises(ValueError, match=r"[Ll]abels"):
        checked_labels(labels, 1)


class LabelledSource(NoiseSource):
    labels = np.full((90, 2), np.nan, np.float32)


def test_labels_are_checked_before_the_work(tmp_path):
    with pytest.raises(ValueError, match="finite"):
        conversion.convert(LabelledSource(90), tmp_path / "x", order=range(90), command={})
    assert list(tmp_path.iterdir()) == []


class DyingSource(NoiseSource):
    """Ends the process that reads image 50, as the system does when memory is short."""

    def read(self, index):
        if index == 50:
            os._exit(9)
        return super().read(index)


@pytest.mark.usefixtures("small_parts")
def test_a_lost_worker_is_an_error(tmp_path):
    with pytest.raises(OSError, match="worker process was ended"):
        conversion.convert(
            DyingSource(90), tmp_path / "x", order=range(90), command={}, num_workers=2
        )
    assert not (tmp_path / "x").exists()


def test_existing_folders(tmp_path):
    (tmp_path / "noise").mkdir()
    run(tmp_path / "noise")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="exists already"):
        run(tmp_path / "noise")
    assert contents(tmp_path) == before
