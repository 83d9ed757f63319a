"""LSUN, CelebA and HDF5, from files of their real formats."""

import builtins
import io
import multiprocessing
import pickle

import h5py
import numpy as np
import pytest
from PIL import Image
from support.image_sources import encoded

from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources.celeba import CelebaSource
from msg_stylegan.data.sources.hdf5 import Hdf5Source
from msg_stylegan.data.sources.lsun import LsunSource, LsunWideSource
from msg_stylegan.data.sources.tfds import TfdsSource

lmdb = pytest.importorskip("lmdb")


def random_image(seed, width, height):
    # Smooth, so that JPEG and WebP keep its looks.
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def write_lmdb(folder, values):
    """A database as LSUN's: 40 hexadecimal digits -> a file. Returns the values by their keys."""
    random = np.random.default_rng(0)
    content = {random.bytes(20).hex().encode(): value for value in values}
    with (
        lmdb.open(str(folder), map_size=1 << 26) as environment,
        environment.begin(write=True) as transaction,
    ):
        for key, value in content.items():
            transaction.put(key, value)
    return [content[key] for key in sorted(content)]


def read_all(source):
    """Images and reasons, by number, in a copy as for another process."""
    source = pickle.loads(pickle.dumps(source))
    images, skipped = {}, {}
    for index in range(source.num_images):
        try:
            images[index] = source.read(index)
        except SkippedImageError as error:
            skipped[index] = str(error)
    return images, skipped


def square(data, resolution):
    """The original's preprocessing of `create_lsun`."""
    image = decoded(data)
    crop = min(image.shape[:2])
    top, left = (image.shape[0] - crop) // 2, (image.shape[1] - crop) // 2
    image = Image.fromarray(image[top : top + crop, left : left + crop])
    return np.asarray(image.resize((resolution, resolution), Image.Resampling.LANCZOS))


def test_lsun(tmp_path):
    sizes = [(40, 30), (31, 64), (32, 32), (17, 12), (99, 50)]
    files = [encoded(random_image(i, *size), "WEBP") for i, size in enumerate(sizes)]
    files += [
        encoded(random_image(9, 41, 56), "JPEG"),
        encoded(random_image(8, 41, 56).convert("L"), "PNG"),
    ]
    values = write_lmdb(tmp_path, files)
    source = LsunSource(tmp_path, resolution=32)
    images, skipped = read_all(source)
    assert not skipped and source.num_images == 7
    for index, value in enumerate(values):
        np.testing.assert_array_equal(images[index], square(value, 32))
    assert source.labels is None and not source.shuffled and not source.warnings
    assert source.description == {
        "kind": "lsun",
        "path": str(tmp_path),
        "resolution": 32,
        "max_images": None,
    }
    assert source.name(3) == f"{tmp_path}, image 3"


def test_lsun_of_many_images(tmp_path):
    """More than the keys that are remembered, in any order."""
    files = [encoded(Image.new("RGB", (4, 4), (i % 256, i // 256, 0)), "PNG") for i in range(700)]
    values = write_lmdb(tmp_path, files)
    source = LsunSource(tmp_path, resolution=4)
    for index in np.random.default_rng(1).permutation(700)[:100]:
        np.testing.assert_array_equal(source.read(index), decoded(values[index]))


def test_lsun_skips_what_it_cannot_decode(tmp_path):
    good = encoded(random_image(0, 40, 40), "JPEG")
    values = write_lmdb(tmp_path, [good, b"", b"no image", good[: len(good) // 2], good + b" "])
    source = LsunSource(tmp_path, resolution=32)
    images, skipped = read_all(source)
    assert {values[index] for index in images} == {good, good + b" "}
    reasons = {values[index]: reason for index, reason in skipped.items()}
    assert reasons.keys() == {b"", b"no image", good[: len(good) // 2]}
    # They are written into a file, which is the same in every run.
    assert reasons[b""] == reasons[b"no image"] == "it is not an image of a known format"
    assert "it cannot be read as an image: " in reasons[good[: len(good) // 2]]
    assert read_all(source)[1] == skipped


def test_lsun_max_images_counts_images(tmp_path):
    """As in the original, what cannot be opened does not count."""
    good = [encoded(random_image(i, 33, 40), "WEBP") for i in range(6)]
    values = write_lmdb(tmp_path, [*good, b"no image 1", b"no image 2", b"no image 3"])
    for limit in range(1, 7):
        images, _ = read_all(LsunSource(tmp_path, resolution=16, max_images=limit))
        expected = [value for value in values if value in good][:limit]
        assert [values[index] for index in images] == expected
    assert LsunSource(tmp_path, 16, max_images=7).num_images == 9


def wide(data, width, height):
    """The original's preprocessing of `create_lsun_wide`; None: left out."""
    image = decoded(data)
    rows = int(np.round(width * image.shape[0] / image.shape[1]))
    if image.shape[1] < width or rows < height:
        return None
    image = image[(image.shape[0] - rows) // 2 : (image.shape[0] + rows) // 2]
    image = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))
    canvas = np.zeros((width, width, 3), np.uint8)
    canvas[(width - height) // 2 : (width + height) // 2] = image
    return canvas


@pytest.mark.parametrize(("width", "height"), [(64, 48), (32, 32), (64, 47), (64, 1)])
def test_lsun_wide(tmp_path, width, height):
    sizes = [(64, 48), (63, 60), (64, 47), (64, 90), (128, 96), (100, 75), (100, 74), (33, 33)]
    sizes += [(90, 91), (200, 60), (32, 32), (65, 49)]
    files = [encoded(random_image(i, *size), "PNG") for i, size in enumerate(sizes)]
    values = write_lmdb(tmp_path, files)
    expected = [wide(value, width, height) for value in values]
    source = LsunWideSource(tmp_path, width, height)
    images, skipped = read_all(source)
    kept = [index for index, image in enumerate(expected) if image is not None]
    assert list(images) == kept and len(skipped) == len(sizes) - len(kept)
    for index in kept:
        np.testing.assert_array_equal(images[index], expected[index])
    # `max_images` counts those that are kept.
    images, _ = read_all(LsunWideSource(tmp_path, width, height, max_images=len(kept) - 1))
    assert list(images) == kept[:-1]


def test_lsun_wide_reasons(tmp_path):
    write_lmdb(tmp_path, [encoded(random_image(0, 30, 60), "WEBP")])
    _, skipped = read_all(LsunWideSource(tmp_path, 32, 24))
    assert skipped == {0: "it is 30x60, too small or too wide for 32x24"}


def _read_elsewhere(source, queue):
    queue.put([source.read(index) for index in range(source.num_images)])


def test_lsun_in_another_process(tmp_path):
    """The database is opened again there, though it is open here."""
    write_lmdb(tmp_path, [encoded(random_image(i, 20, 20), "WEBP") for i in range(3)])
    source = LsunSource(tmp_path, resolution=16)
    expected = [source.read(index) for index in range(3)]
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_read_elsewhere, args=(source, queue))
    process.start()
    np.testing.assert_array_equal(queue.get(timeout=60), expected)
    process.join()


def test_lsun_refuses(tmp_path):
    with pytest.raises(ValueError, match=r"not an LMDB database"):
        LsunSource(tmp_path)
    write_lmdb(tmp_path / "empty", [])
    with pytest.raises(ValueError, match=r"holds no images"):
        LsunSource(tmp_path / "empty")
    write_lmdb(tmp_path / "one", [b"x"])
    with pytest.raises(ValueError, match=r"--max_images.*0"):
        LsunSource(tmp_path / "one", max_images=0)
    with pytest.raises(ValueError, match=r"`resolution` must be a power of two"):
        LsunSource(tmp_path / "one", resolution=100)
    with pytest.raises(ValueError, match=r"--width.*100"):
        LsunWideSource(tmp_path / "one", width=100)
    with pytest.raises(ValueError, match=r"--height.*1 to 64"):
        LsunWideSource(tmp_path / "one", width=64, height=65)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "data.mdb").write_bytes(b"no database" * 1000)
    with pytest.raises(ValueError, match=r"bad cannot be opened as an LMDB database"):
        LsunSource(tmp_path / "bad")


@pytest.mark.parametrize(
    ("module", "make", "extra"),
    [
        ("lmdb", lambda folder: LsunSource(folder), "lsun"),
        ("tensorflow_datasets", lambda folder: TfdsSource("mnist", ImagePreparation()), "tfds"),
    ],
)
def test_missing_requirements_are_named(tmp_path, monkeypatch, module, make, extra):
    (tmp_path / "data.mdb").touch()
    real_import = builtins.__import__

    def without(name, *args, **kwargs):
        if name == module:
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=rf"needs .*pip install -e \.\[{extra}\]"):
        make(tmp_path)


@pytest.mark.parametrize(
    ("inner", "ending"),
    [("img_align_celeba_png", "png"), ("img_align_celeba", "jpg"), (".", "png"), (".", "jpg")],
)
@pytest.mark.parametrize("options", [{}, {"cx": 64, "cy": 154}, {"cx": 114, "cy": 64}])
def test_celeba(tmp_path, inner, ending, options):
    folder = tmp_path / inner
    folder.mkdir(exist_ok=True)
    names = [f"{number:06d}.{ending}" for number in (2, 1, 10)]
    for i, name in enumerate(names):
        random_image(i, 178, 218).save(folder / name)
    (folder / f"._000001.{ending}").write_bytes(b"no image")
    source = CelebaSource(tmp_path, **options)
    cx, cy = options.get("cx", 89), options.get("cy", 121)
    images, skipped = read_all(source)
    assert not skipped and source.num_images == 3
    for index, name in enumerate(sorted(names)):
        pixels = decoded((folder / name).read_bytes())[cy - 64 : cy + 64, cx - 64 : cx + 64]
        np.testing.assert_array_equal(images[index], pixels)
        assert source.name(index) == str(folder / name)
    assert source.labels is None and source.shuffled
    assert source.warnings == [f"{folder} holds 3 images. The whole data set has 202599."]


def test_celeba_skips_other_images(tmp_path):
    random_image(0, 178, 218).save(tmp_path / "1.png")
    random_image(0, 218, 178).save(tmp_path / "2.png")
    random_image(0, 178, 218).convert("L").save(tmp_path / "3.png")
    (tmp_path / "4.png").write_bytes(b"no image")
    images, skipped = read_all(CelebaSource(tmp_path))
    assert list(images) == [0]
    assert skipped[1].startswith("it is 218x178, RGB") and skipped[2].startswith("it is 178x218, L")
    assert skipped[3] == "it is not an image of a known format"


@pytest.mark.parametrize("options", [{"cx": 63}, {"cx": 115}, {"cy": 63}, {"cy": 155}])
def test_celeba_refuses_cuts_outside(tmp_path, options):
    with pytest.raises(ValueError, match=rf"--{next(iter(options))}"):
        CelebaSource(tmp_path, **options)


def test_celeba_refuses_a_folder_without_images(tmp_path):
    with pytest.raises(ValueError, match=r"holds no images of CelebA"):
        CelebaSource(tmp_path)


def write_hdf5(path, dtype=np.uint8, channels=3, **options):
    """As the tool of Progressive GANs: `data4x4`, `data8x8` and so on, and others beside them."""
    random = np.random.default_rng(0)
    images = {side: random.integers(0, 256, (5, channels, side, side)) for side in (4, 16, 8)}
    with h5py.File(path, "w") as file:
        for side, pixels in images.items():
            file.create_dataset(f"data{side}x{side}", data=pixels.astype(dtype), **options)
        file.create_dataset("other32", data=np.zeros((5, 3, 32, 32), np.uint8))
        file.create_dataset("data_facts", data=np.zeros(99))
    return images[16].transpose(0, 2, 3, 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("options", [{}, {"compression": "gzip", "chunks": (1, 1, 4, 4)}])
def test_hdf5(tmp_path, channels, options):
    path = tmp_path / "celeba.hq.h5"
    expected = write_hdf5(path, channels=channels, **options)
    source = Hdf5Source(path)
    images, _ = read_all(source)
    np.testing.assert_array_equal(np.stack(list(images.values())), expected)
    assert source.labels is None and source.shuffled
    assert source.description == {"kind": "hdf5", "path": str(path), "dataset": "data16x16"}


def test_hdf5_of_floats(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.array([-3, 0.4, 0.6, 254.5, 255.4, 300], np.float32).reshape(6, 1, 1, 1)
    images, _ = read_all(Hdf5Source(path))
    assert [image.item() for image in images.values()] == [0, 0, 1, 254, 255, 255]


def test_hdf5_labels(tmp_path):
    path = tmp_path / "celeba.hq.h5"
    write_hdf5(path)
    labels = np.random.default_rng(0).random((5, 3))
    np.save(tmp_path / "celeba.hq-labels.npy", labels)
    source = Hdf5Source(path)
    assert source.labels.dtype == np.float32
    np.testing.assert_array_equal(source.labels, labels.astype(np.float32))
    np.save(tmp_path / "celeba.hq-labels.npy", labels[:4])
    with pytest.raises(ValueError, match=r"hq-labels\.npy has the shape \[4, 3\].*5 images"):
        Hdf5Source(path)
    np.save(tmp_path / "celeba.hq-labels.npy", np.array([{}] * 5), allow_pickle=True)
    with pytest.raises(ValueError, match=r"hq-labels\.npy is not a file of labels"):
        Hdf5Source(path)


def test_hdf5_refuses(tmp_path):
    path = tmp_path / "x.h5"
    with pytest.raises(ValueError, match=r"There is no file .*x\.h5"):
        Hdf5Source(path)
    path.write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match=r"x\.h5 is not an HDF5 file"):
        Hdf5Source(path)
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((3, 4))
    with pytest.raises(ValueError, match=r"x\.h5 holds no data set `data\.\.\.`"):
        Hdf5Source(path)
