"""Colour bitmaps of fonts become images like files of the same pictures."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from fontTools.colorLib.builder import buildCOLR
from fontTools.ttLib import TTFont
from PIL import Image
from support.font_writer import png_bytes, write_font

from metrics.image_files import open_images
from msg_stylegan.commands import dataset_tool
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources import open_source, open_store

NOTO = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
# Not in the order of the alphabet, which is that of the glyphs.
NAMES = ["u1F600", "asterisk", "glyph00003"]


def picture(seed, size=(17, 16)):
    """Colours and transparency at random, a palette for every second picture as in Noto."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 4), dtype=np.uint8)
    image = Image.fromarray(pixels)
    return image.quantize(64) if seed % 2 else image


BITMAPS = {name: png_bytes(picture(i)) for i, name in enumerate(NAMES)}


@pytest.fixture
def font(tmp_path):
    write_font(tmp_path / "font.ttf", BITMAPS)
    return tmp_path / "font.ttf"


def test_glyphs_are_images_in_their_order(font):
    store = open_store(font)
    assert store.names == NAMES and store.notices == [] and store.other_names == []
    assert [store.data(i) for i in range(3)] == list(BITMAPS.values())
    assert store.name(1) == f"{font}, glyph asterisk"
    # Copies for other processes hold no bitmaps, and find them again.
    copy = pickle.dumps(store)
    assert len(copy) < 1000
    assert pickle.loads(copy).data(2) == BITMAPS["glyph00003"]


def test_bitmaps_become_pixels_as_files_do(font, tmp_path):
    (tmp_path / "files").mkdir()
    for i, name in enumerate(NAMES):
        (tmp_path / "files" / f"{i}.png").write_bytes(BITMAPS[name])
    for options in ({}, {"fit": "pad", "resolution": 32}, {"channels": 1, "resolution": 8}):
        preparation = ImagePreparation(**options)
        glyphs = open_source(font, preparation)
        files = open_source(tmp_path / "files", preparation)
        for i in range(3):
            np.testing.assert_array_equal(glyphs.read(i), files.read(i))


def test_a_data_set_of_a_font(font, tmp_path, capsys):
    out, again = tmp_path / "out", tmp_path / "again"
    options = ["--background=white", "--shuffle=0", "--workers=1"]
    assert dataset_tool.main(["create_from_images", str(out), str(font), *options]) == 0
    assert dataset_tool.main(["create_from_images", str(again), str(font), *options]) == 0
    assert "3 images, 16x16, RGB" in capsys.readouterr().out
    for path in out.glob("*.tfrecords"):
        name = path.name.replace("out", "again")
        assert path.read_bytes() == (again / name).read_bytes()
    image = picture(1).convert("RGBA")
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    stored = TFRecordDataset(out).read_images(np.arange(3))[1]
    # 17 pixels wide, and its middle is taken.
    assert np.abs(stored.astype(int) - np.asarray(white)[:, :16]).max() <= 1


@pytest.mark.parametrize("name", ["OTTO/0.png", "true/0.png", "trueface.png"])
def test_a_list_that_begins_like_a_font_is_a_list(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(BITMAPS["asterisk"])
    (tmp_path / "list").write_text(f"{name}\n")
    store = open_store(tmp_path / "list")
    assert store.names == [name] and store.data(0) == BITMAPS["asterisk"]


def test_a_font_may_be_scored(font):
    images = open_images(font)
    assert (images.num_images, images.shape) == (3, (16, 17, 3))


def test_the_largest_bitmaps_count(tmp_path):
    large = {name: png_bytes(picture(i, (34, 32))) for i, name in enumerate(NAMES)}
    write_font(tmp_path / "font.ttf", BITMAPS, large)
    store = open_store(tmp_path / "font.ttf")
    assert [store.data(i) for i in range(3)] == list(large.values())
    assert store.notices == ["1 smaller size was left out: the largest counts."]


def test_a_broken_bitmap_is_skipped(tmp_path):
    write_font(tmp_path / "font.ttf", BITMAPS | {"asterisk": b"", "glyph00003": b"not a picture"})
    source = open_source(tmp_path / "font.ttf", ImagePreparation(resolution=16))
    assert source.read(0).shape == (16, 16, 3)
    with pytest.raises(SkippedImageError, match="empty"):
        source.read(1)
    with pytest.raises(SkippedImageError):
        source.read(2)


def test_fonts_without_colour_bitmaps_say_so(tmp_path):
    write_font(tmp_path / "plain.ttf", glyphs=["A"])
    with pytest.raises(ValueError, match=r"plain\.ttf has no colour bitmaps .tables CBDT and CBLC"):
        open_store(tmp_path / "plain.ttf")
    write_font(tmp_path / "full.ttf", BITMAPS)
    with TTFont(tmp_path / "full.ttf") as font:
        font["CBDT"].strikeData = font["CBLC"].strikes = []
        font.save(tmp_path / "empty.ttf")
    with pytest.raises(ValueError, match=r"empty\.ttf has no colour bitmaps"):
        open_store(tmp_path / "empty.ttf")


def test_other_kinds_of_colour_fonts_are_named(tmp_path):
    write_font(tmp_path / "plain.ttf", glyphs=["A"])
    with TTFont(tmp_path / "plain.ttf") as font:
        font["COLR"] = buildCOLR({"A": [("A", 0)]})
        font.save(tmp_path / "layers.ttf")
    with pytest.raises(ValueError, match=r"Its colours are layers .COLR., which are not read"):
        open_store(tmp_path / "layers.ttf")


def test_fonttools_is_asked_for(font, monkeypatch):
    monkeypatch.setitem(sys.modules, "fontTools.ttLib", None)
    with pytest.raises(ValueError, match="needs fontTools: `pip install fonttools`"):
        open_store(font)


def test_damage_never_ends_in_another_error(font):
    data = font.read_bytes()
    rng = np.random.default_rng(0)
    num_refused = 0
    for _ in range(200):
        damaged = bytearray(data)
        for position in rng.integers(4, len(data), rng.integers(1, 9)):
            damaged[position] = rng.integers(256)
        end = rng.integers(4, len(data)) if rng.random() < 0.3 else len(data)
        font.write_bytes(damaged[:end])
        try:
            store = open_store(font)
            for i in range(len(store.names)):
                store.data(i)
        except (ValueError, SkippedImageError):
            num_refused += 1
    assert num_refused > 50


def test_noto_color_emoji():
    if not NOTO.is_file():
        pytest.skip("Debian's fonts-noto-color-emoji is not installed")
    source = open_source(NOTO, ImagePreparation(resolution=64), max_images=20)
    assert open_store(NOTO).names[:3] == ["numbersign", "asterisk", "zero"]
    for i in range(20):
        image = source.read(i)
        # Nothing of an emoji is cut off, and its corners are transparent.
        assert image.shape == (64, 64, 3) and image.std() > 10
        assert image[0, 0].max() == 0
