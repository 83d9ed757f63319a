import io
import os
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from support.colour_profiles import bomb
from support.image_sources import noise
from support.stored_data_sets import random_images, store, write_records

from metrics import image_files
from metrics.image_files import open_images
from msg_stylegan.data.decoding.picture_reader import PictureReader

# In the order of their relative paths: "." sorts before "/", capitals before small letters.
NAMES = ["B.BMP", "a.png", "a/x.png", "sub/deep/0.webp", "sub/deep/1.tiff"]


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".webp":
        options["lossless"] = True
    Image.fromarray(array).save(path, **options)
    return path


def stacked(images, **options):
    return np.concatenate(list(images.iterate_images(4, **options)))


def zipped(folder, path):
    """Archive of everything in a folder, in no good order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.fixture
def photos(tmp_path):
    """Folder of five images among other files, and the images."""
    folder = tmp_path / "photos"
    images = np.stack([noise(i) for i in range(len(NAMES))])
    for name, image in reversed(list(zip(NAMES, images, strict=True))):
        save(folder / name, image)
    for name in ("readme.txt", ".hidden.png", ".cache/x.png", "sub/Thumbs.db", "x.png/readme"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("no image")
    return folder, images


@pytest.fixture(params=["folder", "zip"])
def opened(request, photos, tmp_path):
    folder, images = photos
    path = folder if request.param == "folder" else zipped(folder, tmp_path / "photos.data")
    return open_images(path), images


def test_tar_archives_and_lists_are_read_like_folders(photos, tmp_path):
    folder, images = photos
    with tarfile.open(tmp_path / "photos.tar.gz", "w:gz") as archive:
        archive.add(folder, "photos")
    (tmp_path / "photos.txt").write_text("".join(f"photos/{name}\n" for name in NAMES))
    expected = open_images(folder).fingerprint()
    for name in ("photos.tar.gz", "photos.txt"):
        files = open_images(tmp_path / name)
        np.testing.assert_array_equal(stacked(files), images)
        assert files.fingerprint() == expected


def test_images_come_in_the_order_of_their_paths(opened):
    files, images = opened
    assert (files.num_images, files.shape) == (5, (16, 16, 3))
    np.testing.assert_array_equal(stacked(files), images)
    assert files.name.startswith("photos")


def test_images_come_in_any_order(opened):
    files, images = opened
    order = np.array([4, 0, 0, 2, 1, 3, 4])
    batches = list(files.iterate_images(3, order))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(batches), images[order])


def test_sizes_may_differ_between_batches(tmp_path):
    sizes = [(8, 8), (8, 8), (8, 12), (8, 8), (8, 8), (8, 8)]
    images = [noise(i, *size) for i, size in enumerate(sizes)]
    for i, image in enumerate(images):
        save(tmp_path / f"{i}.png", image)
    files = open_images(tmp_path)
    assert files.shape is None
    batches = list(files.iterate_images(2))
    assert [len(batch) for batch in batches] == [2, 1, 2, 1]
    found = [image for batch in batches for image in batch]
    for image, expected in zip(found, images, strict=True):
        np.testing.assert_array_equal(image, expected)


def test_tfrecords_are_recognised_and_keep_their_channels(tmp_path):
    images = noise(0, 40, 16).reshape(40, 4, 4, 3)
    for channels in (1, 3):
        records = open_images(write_records(tmp_path / f"tiny{channels}", images[..., :channels]))
        assert (records.name, records.num_images) == (f"tiny{channels}", 40)
        assert records.shape == (4, 4, channels)
        np.testing.assert_array_equal(stacked(records), images[..., :channels])
        assert len(records.fingerprint()) == 64


def test_tfrecords_in_shards_are_recognised(tmp_path):
    images = random_images(5)
    records = open_images(store(tmp_path / "tiny", images, num_shards=2))
    np.testing.assert_array_equal(stacked(records), images)


# Expected pixels of plain modes, as other tools have them.


def pixels_of(image, path, **options):
    path.parent.mkdir()
    image.save(path, **options)
    result = stacked(open_images(path.parent))
    assert result.dtype == np.uint8
    return result[0]


def test_gray_of_all_depths_becomes_rgb(tmp_path):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.repeat(gray[:, :, None], 3, axis=2)
    eight = pixels_of(Image.fromarray(gray), tmp_path / "8" / "x.png")
    np.testing.assert_array_equal(eight, expected)
    for ending in ("png", "tiff"):
        deep = Image.fromarray(gray.astype(np.uint16) * 257)
        assert deep.mode == "I;16"
        sixteen = pixels_of(deep, tmp_path / ending / f"x.{ending}")
        np.testing.assert_array_equal(sixteen, expected)
    one = pixels_of(Image.fromarray(gray > 99), tmp_path / "1" / "x.png")
    np.testing.assert_array_equal(one, np.where(expected > 99, 255, 0))


def test_cmyk_becomes_rgb(tmp_path):
    pixels = pixels_of(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), tmp_path / "c" / "x.tiff")
    np.testing.assert_array_equal(pixels, np.broadcast_to([0, 255, 255], (8, 8, 3)))


def test_rules_of_reading_reach_the_pixels(tmp_path):
    image = noise(0, channels=4)
    save(tmp_path / "x.png", image)
    for background, value in (("black", 0), ("white", 255)):
        (found,) = stacked(open_images(tmp_path, reader=PictureReader(background)))
        alpha = image[:, :, 3:] / 255
        expected = image[:, :, :3] * alpha + value * (1 - alpha)
        assert np.abs(found - expected).max() <= 1.001


def test_pixels_without_a_known_white_are_refused(tmp_path):
    save(tmp_path / "x.tiff", np.zeros((8, 8), np.float32))
    with pytest.raises(ValueError, match=r"x\.tiff cannot be used: its mode F does not say"):
        stacked(open_images(tmp_path))


# Fingerprints.


def test_fingerprint_is_that_of_the_content(photos, tmp_path):
    folder, _ = photos
    before = open_images(folder).fingerprint()
    assert len(before) == 64 and int(before, 16)
    assert open_images(zipped(folder, tmp_path / "x.zip")).fingerprint() == before
    (folder / "readme.txt").write_text("other text")
    os.utime(folder / "a.png", (1, 1))
    folder = folder.rename(tmp_path / "moved")
    (folder / "a.png").rename(folder / "a-b.png")
    assert open_images(folder).fingerprint() == before

    (folder / "a-b.png").rename(folder / "z.png")
    assert open_images(folder).fingerprint() == before
    image = noise(1)
    image[3, 3, 0] ^= 1
    save(folder / "z.png", image)
    changed = open_images(folder).fingerprint()
    (folder / "z.png").unlink()
    assert len({before, changed, open_images(folder).fingerprint()}) == 3


# Bad input.


def test_path_that_holds_no_images(tmp_path):
    with pytest.raises(ValueError, match=r"There is no .*nowhere"):
        open_images(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds no images"):
        open_images(tmp_path)
    (tmp_path / "notes.zip").write_text("no archive")
    with pytest.raises(ValueError, match=r"notes\.zip is not a zip archive, or a damaged one"):
        open_images(tmp_path / "notes.zip")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(ValueError, match=r"empty\.zip holds no images"):
        open_images(tmp_path / "empty.zip")


def test_notes_of_macos_in_archives_are_left_out(photos, tmp_path):
    folder, images = photos
    path = zipped(folder, tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/a.png", b"notes")
        archive.writestr("__MACOSX/sub/._a.png", b"notes")
    np.testing.assert_array_equal(stacked(open_images(path)), images)


def test_archive_is_not_unpacked(photos, tmp_path):
    path = zipped(photos[0], tmp_path / "x.zip")
    before = sorted(tmp_path.rglob("*"))
    stacked(open_images(path))
    assert sorted(tmp_path.rglob("*")) == before


def test_damaged_headers_are_named_at_once(opened, photos, tmp_path):
    folder, _ = photos
    (folder / "sub" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    path = folder if opened[0].name == "photos" else zipped(folder, tmp_path / "bad.zip")
    with pytest.raises(ValueError, match=r"sub/bad\.png cannot be used: it is not an image"):
        open_images(path)


def test_damaged_pixels_are_named(opened, photos, tmp_path):
    folder, _ = photos
    data = (folder / "a" / "x.png").read_bytes()
    (folder / "a" / "x.png").write_bytes(data[: len(data) // 2])
    path = folder if opened[0].name == "photos" else zipped(folder, tmp_path / "bad.zip")
    with pytest.raises(ValueError, match=r"a/x\.png cannot be used: it cannot be read as an"):
        stacked(open_images(path))


@pytest.mark.parametrize("where", ["pixels", "table of contents", "end"])
def test_damaged_archives(tmp_path, where):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("0.bmp", "1.bmp"):
            data = io.BytesIO()
            Image.fromarray(noise(0)).save(data, "BMP")
            archive.writestr(name, data.getvalue())
    data = bytearray((tmp_path / "x.zip").read_bytes())
    if where == "pixels":
        # The second image's: uncompressed, so that only the archive's own sum can tell.
        data[data.rindex(b"BM") + 200] ^= 255
        message = r"x\.zip/1\.bmp cannot be used: the archive is damaged: the checksum"
    elif where == "table of contents":
        data[data.index(b"PK\x01\x02")] = 0
        message = r"x\.zip is not a zip archive, or a damaged one"
    else:
        del data[-30:]
        message = r"x\.zip is not a zip archive, or a damaged one"
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        stacked(open_images(tmp_path / "x.zip"))


changes = st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)))


@given(cut=st.integers(0, 2000), flips=changes)
def test_damage_never_ends_in_another_error(archive_bytes, cut, flips):
    path, whole = archive_bytes
    data = bytearray(whole)
    for offset, change in flips:
        data[offset % len(data)] ^= change
    path.write_bytes(data[: len(data) - cut % len(data)] if cut else data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            stacked(open_images(path))
        except ValueError as error:
            assert str(path) in str(error)


@pytest.fixture(scope="module")
def archive_bytes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    save(folder / "in" / "a.png", noise(0, 4, 4))
    save(folder / "in" / "b.bmp", noise(1, 4, 4))
    path = zipped(folder / "in", folder / "x.zip")
    return path, path.read_bytes()


def test_bombs_are_refused(tmp_path):
    (tmp_path / "bomb.png").write_bytes(bomb())
    with pytest.raises(ValueError, match=r"bomb\.png cannot be used: it has 3600000000 pixels"):
        open_images(tmp_path)


# Images that cannot be used.


def test_broken_images_can_be_skipped(opened, photos, tmp_path, capsys):
    folder, images = photos
    (folder / "a.png").write_bytes(b"no image")
    data = (folder / "sub" / "deep" / "1.tiff").read_bytes()
    (folder / "sub" / "deep" / "1.tiff").write_bytes(data[: len(data) // 2])
    (folder / "empty.png").touch()
    path = folder if opened[0].name == "photos" else zipped(folder, tmp_path / "bad.zip")
    with pytest.raises(
        ValueError, match=r"a\.png cannot be used: it is not .* --skip_broken goes on"
    ):
        open_images(path)
    files = open_images(path, skip_broken=True)
    np.testing.assert_array_equal(stacked(files), images[[0, 2, 3]])
    assert files.num_images == 3
    error = capsys.readouterr().err
    assert "3 of 6 images cannot be used and are left out. The first one: " in error
    assert "a.png: it is not an image of a known format" in error

    sound = tmp_path / "sound"
    for i in (0, 2, 3):
        target = sound / NAMES[i]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((folder / NAMES[i]).read_bytes())
    assert open_images(sound).fingerprint() == files.fingerprint()


def test_nothing_but_broken_images(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="holds no images that can be used"):
        open_images(tmp_path, skip_broken=True)


def test_odd_images_are_told_once(tmp_path, capsys):
    for i in range(3):
        save(tmp_path / f"{i}.png", np.full((8, 8), 900 + i, np.uint16))
    files = open_images(tmp_path)
    stacked(files, order=[0, 1])
    assert "notice" not in capsys.readouterr().err
    stacked(files, order=[0, 1, 2, 0, 1, 2, 0])
    stacked(files)
    error = capsys.readouterr().err
    assert error.count("notice: ") == 1
    assert "largest value of 3 gray images of 16 bits is 902 of 65535" in error
    assert "--value_range=1023" in error
    bright = open_images(tmp_path, reader=PictureReader(value_range=(0, 1023)))
    assert stacked(bright).min() > 220
    assert bright.fingerprint() != files.fingerprint()


# Memory.


def test_memory_is_bounded_for_huge_images(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "_BATCH_BYTES", 16 * 16 * 3 * 2)
    monkeypatch.setattr(image_files, "_READ_AHEAD_BYTES", 16 * 16 * 8 * 2)
    images = [noise(i) for i in range(7)]
    for i, image in enumerate(images):
        save(tmp_path / f"{i}.png", image)
    held, most = set(), 0

    class Reader(PictureReader):
        def pixels(self, image):
            nonlocal most
            held.add(id(image))
            most = max(most, len(held))
            return super().pixels(image)

    batches = []
    for batch in open_images(tmp_path, reader=Reader()).iterate_images(5):
        batches.append(batch)
        held.clear()
    assert [len(batch) for batch in batches] == [2, 2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(batches), images)
    assert most <= 4


def test_lack_of_memory_is_not_the_fault_of_an_image(tmp_path, monkeypatch):
    save(tmp_path / "a.png", noise(0))
    files = open_images(tmp_path, skip_broken=True)

    def fail(self):
        raise MemoryError

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    with pytest.raises(OSError, match="not enough memory"):
        stacked(files)
