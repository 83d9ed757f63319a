import concurrent.futures
import errno
import gc
import io
import json
import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.colour_profiles import bomb
from support.image_sources import (
    FILES,
    SIXTEEN,
    WRITERS,
    encoded,
    noise,
    outcomes,
    pixels,
    write_folder,
    write_list,
    write_tar,
)
from support.new_process import run_python

from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources import open_source, open_store

PLAIN = ImagePreparation()

NO_IMAGES = ("readme.txt", ".hidden.png", ".cache/x.png", "sub/Thumbs.db", "x.png.txt", "png")
OTHERS = dict.fromkeys(NO_IMAGES, b"no image")


@pytest.fixture(params=WRITERS)
def any_kind(request, tmp_path):
    """Writes files as a source of each kind and opens it."""

    def make(files, preparation=SIXTEEN, **options):
        name = f"photos.{request.param}"
        return open_source(WRITERS[request.param](tmp_path / name, files), preparation, **options)

    return make


# What all kinds have in common.


def test_images_come_in_the_order_of_their_paths(any_kind):
    source = any_kind(dict(reversed({**FILES, **OTHERS}.items())))
    assert source.num_images == 5
    assert (source.labels, source.class_names) == (None, None)
    np.testing.assert_array_equal(pixels(source), [noise(i) for i in range(5)])
    names = [source.name(i) for i in range(5)]
    assert [name.partition("photos.")[2].partition("/")[2] for name in names] == list(FILES)


def test_descriptions_are_for_a_manifest(any_kind, tmp_path):
    facts = any_kind(FILES).description
    assert json.loads(json.dumps(facts)) == facts
    assert facts["path"].removeprefix("ram://").startswith(str(tmp_path / "photos."))
    assert facts["kind"] in ("folder", "zip", "tar")
    assert (facts["num_images"], facts["resolution"], facts["channels"]) == (5, 16, 3)
    assert any_kind({**FILES, "c.png": noise(5)}).description != facts


def test_sources_can_be_sent_to_threads_and_other_processes(any_kind):
    files = {f"{i}/x.png": noise(i) for i in range(10)}
    source = any_kind(files, labels="folders", max_images=7)
    expected = [noise(i) for i in range(7)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(source.read, range(7))), expected)
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(pixels(copy), expected)
    assert (copy.labels, source.labels.shape) == (None, (7, 10))
    del copy
    gc.collect()
    np.testing.assert_array_equal(pixels(source), expected)


def test_sources_work_in_spawned_processes(tmp_path):
    source = open_source(write_tar(tmp_path / "x.tar.gz", FILES, "gz"), SIXTEEN)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        np.testing.assert_array_equal(pool.map(source.read, range(5)), pixels(source))
    assert len(pixels(source)) == 5


def test_sources_do_without_tensorflow():
    program = "import sys, msg_stylegan.data.sources; assert 'tensorflow' not in sys.modules"
    run_python("-c", program)


def test_broken_images_have_reasons(any_kind):
    good = encoded(noise(0))
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 255
    files = {
        "corrupt.png": bytes(flipped),
        "empty.png": b"",
        "good.png": good,
        "header.png": good[:20],
        "short.png": good[: len(good) // 2],
        "text.png": b"no image",
    }
    found = outcomes(any_kind(files, PLAIN))
    assert found.pop("good.png") == (16, 16, 3)
    assert found.pop("empty.png") == "it is empty"
    assert found.pop("text.png") == "it is not an image of a known format"
    assert found.keys() == {"corrupt.png", "header.png", "short.png"}
    for reason in found.values():
        assert reason.startswith("it cannot be read as an image: ")
        assert "0x" not in reason


def test_small_images_have_reasons(any_kind):
    files = {"a.png": noise(0, 8, 20), "b.png": noise(1, 12, 30), "c.png": noise(2)}
    found = outcomes(any_kind(files, ImagePreparation(min_size=13)))
    assert found == {
        "a.png": "it is 20x8, smaller than 13 pixels",
        "b.png": "it is 30x12, smaller than 13 pixels",
        "c.png": (16, 16, 3),
    }


def test_max_images_keeps_classes(any_kind):
    files = {f"{name}/{i}.png": noise(i) for name in "abc" for i in range(3)}
    source = any_kind(files, labels="folders", max_images=4)
    assert (source.num_images, source.class_names) == (4, ["a", "b", "c"])
    np.testing.assert_array_equal(source.labels, np.eye(3)[[0, 0, 0, 1]])
    assert source.labels.dtype == np.float32
    assert any_kind(files, max_images=99).num_images == 9
    with pytest.raises(ValueError, match="`max_images` must be 1 or more"):
        any_kind(files, max_images=0)


@pytest.mark.parametrize("name", ["größe.png", "日本語/ねこ.png", "a b\tc.png", "x'\"&$.png"])
def test_names_in_all_letters(any_kind, name):
    source = any_kind({name: noise(0)})
    np.testing.assert_array_equal(pixels(source), [noise(0)])
    assert source.name(0).isprintable()
    assert source.name(0).endswith(name.replace("\t", "\\t"))


def test_no_images(any_kind):
    with pytest.raises(ValueError, match=r"photos\..* holds no images"):
        any_kind(OTHERS)


def test_stores_have_bytes_and_other_files(request, any_kind, tmp_path):
    any_kind({**FILES, **OTHERS, "dataset.json": b"[]"})
    kind = request.node.callspec.params["any_kind"]
    store = open_store(f"{'ram://' if kind == 'remote' else ''}{tmp_path}/photos.{kind}")
    data = {name: c if isinstance(c, bytes) else encoded(c) for name, c in FILES.items()}
    assert {name: store.data(i) for i, name in enumerate(store.names)} == data
    assert {"dataset.json", "readme.txt"} <= set(store.other_names)
    assert store.read_member("dataset.json") == b"[]"


# What the images decide when nothing is given.


def test_the_first_image_decides_the_resolution(any_kind):
    files = {"0.png": b"no image", "1.png": noise(1, 16, 20), "2.png": noise(2)}
    source = any_kind(files, PLAIN)
    assert source.description["resolution"] == 16
    assert list(outcomes(source).values())[1:] == [(16, 16, 3)] * 2


def test_another_size_needs_a_resolution(any_kind):
    source = any_kind({"a.png": noise(0), "b.png": noise(1, 32, 40)}, PLAIN)
    with pytest.raises(ValueError, match=r"b\.png is 40x32, .* 16x16\. Choose .*=16") as error:
        source.read(1)
    assert not isinstance(error.value, SkippedImageError)


@pytest.mark.parametrize(
    ("shape", "fit"), [((24, 30), "center-crop"), ((16, 24), "pad"), ((16, 32), "stretch")]
)
def test_a_size_that_gives_no_power_of_two_needs_a_resolution(any_kind, shape, fit):
    with pytest.raises(ValueError, match=rf"a\.png is {shape[1]}x{shape[0]}, .*--resolution=256"):
        any_kind({"a.png": noise(0, *shape)}, ImagePreparation(fit=fit))


def test_only_a_source_without_colors_is_grayscale(any_kind):
    gray = {f"{i}.png": noise(i, channels=1) for i in range(3)}
    source = any_kind(gray, PLAIN)
    assert source.description["channels"] == 1
    np.testing.assert_array_equal(pixels(source)[2][:, :, 0], gray["2.png"])
    mixed = any_kind({**gray, "3.png": noise(3)}, PLAIN)
    assert mixed.description["channels"] == 3
    np.testing.assert_array_equal(pixels(mixed)[0], np.stack([gray["0.png"]] * 3, axis=2))


def test_nothing_is_decoded_before_its_time(any_kind):
    # With both given, even files without any image make a source.
    source = any_kind({"a.png": b"x", "b.png": b"y"})
    assert set(outcomes(source).values()) == {"it is not an image of a known format"}
    with pytest.raises(ValueError, match=r"no image can be used\. For example .*not an image of a"):
        any_kind({"a.png": b"x", "b.png": b"y"}, ImagePreparation(resolution=16))
    with pytest.raises(ValueError, match=r"no image can be used\. All are smaller than 17 pixels"):
        any_kind({"a.png": noise(0), "b.png": noise(1)}, ImagePreparation(min_size=17))


# Safety.


def test_bombs_are_skipped(any_kind):
    found = outcomes(any_kind({"bomb.png": bomb()}))
    assert found["bomb.png"] == (
        "it has 3600000000 pixels. More than 178956970 are refused on purpose, since small files "
        "can fill the memory; --max_pixels=3600000000 allows them"
    )


def test_postscript_is_not_run(any_kind):
    data = io.BytesIO()
    Image.fromarray(noise(0)).save(data, "EPS")
    found = outcomes(any_kind({"a.png": data.getvalue(), "b.eps": data.getvalue()}))
    assert set(found.values()) == {"it is not an image of a known format"}


# Folders.


def test_loops_of_links_end(tmp_path):
    photos = write_folder(tmp_path / "photos", {"a/1.png": noise(0), "b/2.png": noise(1)})
    (photos / "a" / "up").symlink_to(photos)
    (photos / "b" / "across").symlink_to("../a")
    (photos / "self.png").symlink_to("self.png")
    (photos / "self").symlink_to("self")
    (photos / "gone.png").symlink_to("nowhere.png")
    source = open_source(photos, SIXTEEN)
    assert [source.name(i) for i in range(source.num_images)] == [
        f"{photos}/a/1.png",
        f"{photos}/b/2.png",
    ]


def test_a_pyramid_of_links_is_read_once(tmp_path):
    # Each level doubles the number of paths to the image: 2**30 in all.
    write_folder(tmp_path / "30", {"x.png": noise(0)})
    for level in range(30):
        folder = tmp_path / str(level)
        folder.mkdir()
        for name in ("left", "right"):
            (folder / name).symlink_to(tmp_path / str(level + 1))
    assert open_source(tmp_path / "0", SIXTEEN).num_images == 1


def test_links_out_of_the_folder_are_followed(tmp_path):
    write_folder(tmp_path, {"all/1.png": noise(0), "other/2.png": noise(1)})
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cats").symlink_to(tmp_path / "all")
    (photos / "dog.png").symlink_to(tmp_path / "other" / "2.png")
    source = open_source(photos, SIXTEEN)
    np.testing.assert_array_equal(pixels(source), [noise(0), noise(1)])


def test_names_that_are_not_unicode(tmp_path):
    photos = write_folder(tmp_path / "photos", {"a.png": noise(0)})
    try:
        (photos / "a.png").rename(photos / os.fsdecode(b"\xff\n.png"))
    except OSError:
        pytest.skip("This file system takes no such name.")
    source = open_source(tmp_path / "photos", SIXTEEN, labels=None)
    np.testing.assert_array_equal(pixels(source), [noise(0)])
    assert source.name(0).endswith("/\\udcff\\n.png")
    assert source.name(0).encode("utf-8").isascii()
    json.dumps(source.description).encode("utf-8")


def test_files_that_have_gone_are_skipped(tmp_path):
    photos = write_folder(tmp_path / "photos", {"a.png": noise(0), "b.png": noise(1)})
    source = open_source(photos, SIXTEEN)
    (photos / "a.png").unlink()
    (photos / "a.png").mkdir()
    (photos / "b.png").unlink()
    assert outcomes(source) == {
        "a.png": "it is not a file",
        "b.png": "there is no such file",
    }


def test_failures_of_the_storage_are_not_the_fault_of_an_image(tmp_path, monkeypatch):
    source = open_source(write_folder(tmp_path / "photos", {"a.png": noise(0)}), SIXTEEN)

    def fail(path):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match="Too many open files"):
        source.read(0)


# Lists.


def test_lists_keep_their_order(tmp_path):
    files = {"b/2.png": noise(0), "a.data": noise(1), "b/1.png": noise(2), ".c.png": noise(3)}
    path = write_list(tmp_path / "photos.txt", files)
    path.write_text("\ufeff" + path.read_text().replace("\n", "\r\n\r\n"), encoding="utf-8")
    source = open_source(path, SIXTEEN)
    np.testing.assert_array_equal(pixels(source), [noise(i) for i in range(4)])
    assert source.name(0) == str(tmp_path / "photos" / "b" / "2.png")
    assert source.description["kind"] == "list"


def test_lists_may_go_anywhere_and_name_an_image_twice(tmp_path):
    write_folder(tmp_path / "x", {"1.png": noise(0), "2.png": noise(1)})
    path = tmp_path / "lists" / "photos.lst"
    path.parent.mkdir()
    path.write_text(f"../x/2.png\n{tmp_path}/x/1.png\n../x/2.png\nnowhere.png\n../x\n")
    source = open_source(path, SIXTEEN)
    found = [source.read(i) for i in range(3)]
    np.testing.assert_array_equal(found, [noise(1), noise(0), noise(1)])
    assert outcomes(source)["nowhere.png"] == "there is no such file"
    assert outcomes(source)["x"] == "it is not a file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="This system has no pipes in folders.")
def test_pipes_do_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "photos.txt").write_text("pipe.png\n/dev/zero\n")
    assert set(outcomes(open_source(tmp_path / "photos.txt", SIXTEEN)).values()) == {
        "it is not a file"
    }
    with pytest.raises(ValueError, match="holds no images"):
        open_source(write_folder(tmp_path, {"photos.txt": b""}), SIXTEEN)
    with pytest.raises(ValueError, match=r"There is no .*pipe\.png"):
        open_source(tmp_path / "pipe.png", SIXTEEN)


def test_other_paths(tmp_path):
    with pytest.raises(ValueError, match=r"There is no .*nowhere.* Expected a folder of images"):
        open_source(tmp_path / "nowhere", SIXTEEN)
    write_folder(tmp_path, {"a.png": noise(0), "a.txt": "a.png\n".encode("utf-16")})
    for name in ("a.png", "a.txt"):
        with pytest.raises(ValueError, match=rf"{name} is neither an archive nor a list of images"):
            open_source(tmp_path / name, SIXTEEN)
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(ValueError, match=r"empty\.txt holds no images"):
        open_source(tmp_path / "empty.txt", SIXTEEN)
