"""Known data sets are found where people have them: some folders deeper, or packed."""

import gzip
import pickle
import shutil

import numpy as np
import pytest
from support.image_sources import encoded, idx, noise, write_folder, write_tar, write_zip

from msg_stylegan.data.sources.celeba import CelebaSource
from msg_stylegan.data.sources.cifar import open_cifar10, open_cifar100
from msg_stylegan.data.sources.digits import open_mnist
from msg_stylegan.data.sources.known_files import find_file
from msg_stylegan.data.sources.svhn import open_svhn


def faces(folder, ending, numbers=range(1, 4)):
    kind = "PNG" if ending.lower() == ".png" else "JPEG"
    return {f"{folder}{i:06d}{ending}": encoded(noise(i, 218, 178), kind) for i in numbers}


def names(source):
    return [source.name(i) for i in range(source.num_images)]


@pytest.mark.parametrize(
    "inner",
    [
        "img_align_celeba/img_align_celeba/",
        "Img/img_align_celeba/",
        "celeba/Img/img_align_celeba_png/",
        "img_align_celeba/",
        "pictures/",
        "",
    ],
)
@pytest.mark.parametrize("ending", [".jpg", ".JPG", ".jpeg", ".png"])
@pytest.mark.parametrize("write", [write_folder, write_zip, write_tar])
def test_celeba_is_found(tmp_path, inner, ending, write):
    path = write(tmp_path / "x", faces(inner, ending) | {"list_eval_partition.csv": b"x"})
    source = CelebaSource(path)
    assert names(source) == [f"{path}/{inner}{i:06d}{ending}" for i in (1, 2, 3)]
    assert source.description["path"] == f"{path}/{inner}".rstrip("/")
    assert len(source.warnings) == 1
    assert source.read(2).shape == (128, 128, 3)


def test_a_stray_png_does_not_replace_jpeg(tmp_path):
    write_folder(tmp_path, {**faces("", ".jpg"), "example.png": noise(0), "a/b.png": noise(0)})
    source = CelebaSource(tmp_path)
    assert names(source) == [f"{tmp_path}/{i:06d}.jpg" for i in (1, 2, 3)]
    others = f"1 .png in {tmp_path}, 1 .png in {tmp_path}/a"
    assert source.warnings[1] == f"3 .jpg in {tmp_path} are used; left out were {others}."


def test_a_stray_image_above_does_not_replace_the_faces(tmp_path):
    write_folder(tmp_path, {**faces("faces/", ".jpg"), "preview.png": noise(0, 218, 178)})
    assert names(CelebaSource(tmp_path)) == [f"{tmp_path}/faces/{i:06d}.jpg" for i in (1, 2, 3)]


def test_the_folder_that_was_given_counts_by_its_name(tmp_path):
    path = tmp_path / "IMG_ALIGN_CELEBA"
    write_folder(path, {**faces("", ".jpg"), **faces("more/", ".jpg", range(9))})
    found = [f"{path}/{i:06d}.jpg" for i in (1, 2, 3)]
    assert names(CelebaSource(path)) == names(CelebaSource(tmp_path)) == found


@pytest.mark.parametrize(("num_png", "ending"), [(2, ".jpg"), (3, ".png"), (4, ".png")])
def test_the_fuller_of_both_kinds_counts(tmp_path, num_png, ending):
    write_folder(tmp_path / "img_align_celeba_png", faces("", ".png", range(num_png)))
    write_folder(tmp_path / "img_align_celeba", faces("", ".jpg"))
    source = CelebaSource(tmp_path)
    assert {name[-4:] for name in names(source)} == {ending}
    assert "left out were" in source.warnings[1]


def test_the_right_folder_counts_among_others(tmp_path):
    write_folder(tmp_path, faces("img_align_celeba/", ".jpg") | faces("b/", ".png", range(9)))
    assert names(CelebaSource(tmp_path))[0] == f"{tmp_path}/img_align_celeba/000001.jpg"


def test_celeba_that_is_packed_inside_of_the_folder(tmp_path):
    (tmp_path / "Img").mkdir()
    path = write_zip(tmp_path / "Img" / "img_align_celeba.zip", faces("img_align_celeba/", ".jpg"))
    write_folder(tmp_path, {"Anno/list.txt": b"no image"})
    source = CelebaSource(tmp_path)
    inside = CelebaSource(path)
    assert names(source) == names(inside) and source.description == inside.description
    for said in ("only archive in a folder without images", "1 other file was left out"):
        assert any(said in warning and str(path) in warning for warning in source.warnings)
    write_folder(tmp_path, {"Img/img_align_celeba_png.7z": b"7z"})
    assert names(CelebaSource(tmp_path)) == names(inside)
    write_zip(tmp_path / "Img" / "celeba.zip", faces("img_align_celeba/", ".jpg"))
    with pytest.raises(ValueError, match=r"no images of CelebA.* Give .*Img/celeba\.zip itself"):
        CelebaSource(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "MNIST/raw/{}.gz",
        "{}/{}",
        "archive/{}/{}",
    ],
)
@pytest.mark.parametrize("point", ["-idx", ".idx"])
def test_mnist_is_found(tmp_path, name, point):
    files = {
        "train-images-idx3-ubyte": noise(0, 2, 784, channels=1).reshape(2, 28, 28),
        "train-labels-idx1-ubyte": np.uint8([3, 4]),
    }
    for stem, array in files.items():
        path = name.format(*[stem.replace("-idx", point)] * 2)
        data = gzip.compress(idx(array)) if path.endswith(".gz") else idx(array)
        write_folder(tmp_path, {path: data})
    assert open_mnist(tmp_path).labels.argmax(axis=1).tolist() == [3, 4]


def test_cifar_and_svhn_are_found(tmp_path):
    images = np.zeros((2, 3072), np.uint8)
    batch = pickle.dumps({"data": images, "labels": [1, 2], "fine_labels": [1, 2]})
    write_folder(tmp_path, {f"cifar-10-batches-py/data_batch_{i}": batch for i in range(1, 6)})
    write_folder(tmp_path, {"cifar-100-python/train": batch})
    part = pickle.dumps((images, np.array([1, 2])))
    write_folder(tmp_path, {f"svhn/train_{i}.pkl": part for i in range(1, 4)})
    assert open_cifar10(tmp_path).num_images == 10
    assert open_cifar100(tmp_path).num_images == 2
    assert open_svhn(tmp_path).num_images == 6


def test_lsun_is_found(tmp_path):
    lmdb = pytest.importorskip("lmdb")
    from msg_stylegan.data.sources.lsun import LsunSource

    folder = tmp_path / "data" / "bedroom_train_lmdb"
    folder.mkdir(parents=True)
    with (
        lmdb.open(str(folder), map_size=1 << 20) as environment,
        environment.begin(write=True) as t,
    ):
        t.put(b"a", encoded(noise(0, 300, 300)))
    assert LsunSource(tmp_path / "data").num_images == 1


def test_files_that_are_not_found(tmp_path):
    with pytest.raises(ValueError, match=r"There is no file x or y in .*nowhere or below it\."):
        find_file(tmp_path / "nowhere", "x", "y")
    packed = write_folder(tmp_path / "packed", {"cifar-10-python.tar.gz": b"x"})
    with pytest.raises(ValueError, match=r"If it is in .*/cifar-10-python\.tar\.gz, unpack that"):
        open_cifar10(packed)
    with pytest.raises(ValueError, match=r"cifar-10-python\.tar\.gz is a file\. Unpack it"):
        open_cifar10(packed / "cifar-10-python.tar.gz")
    write_folder(tmp_path / "two", {"a/x": b"", "b/x": b"", ".c/x": b"", "d/e/x": b""})
    with pytest.raises(ValueError, match=r"Several folders have x\. Give one: .*/a, .*/b$"):
        find_file(tmp_path / "two", "x")
    shutil.rmtree(tmp_path / "two" / "b")
    assert find_file(tmp_path / "two", "x") == tmp_path / "two" / "a" / "x"
