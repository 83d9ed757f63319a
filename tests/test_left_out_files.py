"""Files among images that are none are counted, whatever the source is."""

import io
import sys
import types

import numpy as np
import pytest
from PIL import Image
from support.image_sources import SIXTEEN, WRITERS, encoded, noise, pixels, write_folder, write_zip

from msg_stylegan.data.decoding import picture_reader
from msg_stylegan.data.sources import open_source, open_store

HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(100)


@pytest.fixture(autouse=True)
def without_plugins(monkeypatch):
    """Pillow as it is by itself, before and after each test."""

    def forget():
        for cached in ("_decoders", "image_endings", "decodable_formats"):
            getattr(picture_reader, cached).cache_clear()

    for registry in ("OPEN", "ID", "EXTENSION"):
        monkeypatch.setattr(Image, registry, getattr(Image, registry).copy())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    forget()
    yield
    forget()


@pytest.fixture(params=WRITERS)
def notices(request, tmp_path):
    """Writes files as a source of each kind and returns what is said of them."""

    def make(files):
        store = open_store(WRITERS[request.param](tmp_path / f"photos.{request.param}", files))
        return store.names, store.notices

    return make


def test_endings_are_counted(notices):
    files = {"a.png": noise(0)}
    files |= {f"{i}.HEIC": HEIC for i in range(5)} | {f"{i}.npy": b"\x93NUMPY" for i in range(2)}
    files |= {"film.mp4": b"x", "film.mpg": b"\0\0\1\xb3" + bytes(99), "in.zip": b"PK"}
    names, [notice] = notices(files)
    assert names == ["a.png"]
    assert notice == (
        "10 files were left out: 5 .heic, 2 .npy, 1 .mp4, 1 .mpg, 1 .zip. "
        "For .heic: `pip install pillow-heif`. Archives among images are not looked into: unpack "
        "them."
    )


def test_names_without_an_ending_are_tried(notices):
    files = {
        "IMG_1": noise(0),
        "deep/IMG 10.22.33": encoded(noise(1), "JPEG"),
        "tail": encoded(noise(2), "TIFF"),
        "photo.jpg?width=64&x=1.5": encoded(noise(3), "WEBP"),
        "photo.jpg.1": encoded(noise(4), "BMP"),
        # What begins like an image of Pillow, but is none.
        "README": b"Python is the language of this text, and P6 is a format of images.",
        "empty": b"",
        "short": b"\x89PNG",
    }
    names, [notice] = notices(files)
    assert names == sorted(files.keys() - {"README", "empty", "short"})
    assert notice == "3 files were left out: 3 without an ending that are not images."


def test_a_long_header_is_read_to_its_end(notices):
    large = encoded(noise(0, 64, 64), "TIFF")  # Pillow writes the pixels before the header.
    names, said = notices({"scan": b"II*\0" + large[4:], "x": b"x"})
    assert names == ["scan"]
    assert said == ["1 file was left out: 1 without an ending that is not an image."]


def test_pictures_in_disguise_count(notices):
    # Telephones export JPEG by this name.
    assert notices({"a.heic": encoded(noise(0), "JPEG")}) == (["a.heic"], [])


def test_several_jpeg_in_one_file_count(notices):
    assert notices({"a.MPO": encoded(noise(0), "JPEG")}) == (["a.MPO"], [])


def test_programs_that_draw_are_left_out(notices):
    images, [notice] = notices({"a.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n", "b.png": noise(0)})
    assert images == ["b.png"] and "1 file was left out: 1 .eps" in notice


def test_what_nobody_misses_is_not_said(notices):
    others = ("Thumbs.db", "sub/desktop.ini", ".hidden.npy", ".git/x.npy", "dataset.json", "l.csv")
    others += ("__MACOSX/._a.png", "sub/__MACOSX/a.png")
    assert notices({"a.png": noise(0), **dict.fromkeys(others, b"x")}) == (["a.png"], [])


def test_many_endings_are_summed_up(notices):
    files = {f"{i}.x{i}y": b"x" for i in range(12)}
    _, [notice] = notices(files)
    assert notice.startswith("12 files were left out: 1 .x0y, ")
    assert notice.endswith(", 4 with other endings.")


def test_sources_without_images_say_what_they_hold(tmp_path):
    for kind in ("folder", "zip", "tar"):
        path = WRITERS[kind](tmp_path / f"only.{kind}", {"IMG_1.HEIC": HEIC, "x": b"x"})
        with pytest.raises(ValueError, match=r"holds no images .* 2 files .*: 1 \.heic, 1 without"):
            open_source(path, SIXTEEN)


def test_links_that_lead_nowhere_are_counted(tmp_path):
    photos = write_folder(tmp_path / "photos", {"a.png": noise(0)})
    (photos / "b.png").symlink_to("gone.png")
    (photos / "c.png").symlink_to("c.png")
    (photos / "d.png").symlink_to("a.png")
    source = open_source(photos, SIXTEEN)
    assert source.num_images == 2
    assert source.warnings == [f"{photos}: 2 links were left out: no file at the other end."]


def test_only_the_beginnings_are_read(tmp_path, monkeypatch):
    files = {f"export{i}": noise(i) for i in range(3)} | {"film": bytes(1 << 20)}
    for write in (write_folder, write_zip):
        path = write(tmp_path / write.__name__, files)
        monkeypatch.setattr("pathlib.Path.read_bytes", lambda path: pytest.fail("read whole"))
        assert open_source(path, SIXTEEN).num_images == 3
        monkeypatch.undo()


def test_plugins_for_heic_are_used(tmp_path, monkeypatch):
    def register():
        Image.register_open("HEIF", opened, lambda start: start[4:12] == b"ftypheic")
        Image.register_extension("HEIF", ".heic")

    def opened(file, filename):
        return Image.open(io.BytesIO(file.read()[12:]))

    plugin = types.ModuleType("pillow_heif")
    plugin.register_heif_opener = register
    monkeypatch.setitem(sys.modules, "pillow_heif", plugin)
    data = bytes(4) + b"ftypheic" + encoded(noise(0))
    source = open_source(write_folder(tmp_path, {"a.heic": data, "b": data}), SIXTEEN)
    np.testing.assert_array_equal(pixels(source), [noise(0)] * 2)
    assert source.warnings == []
