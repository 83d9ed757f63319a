"""Pairs of domains: no source image is in both, and what belongs together is known."""

import gzip
import json

import numpy as np
import pytest
import scipy.io
from support.image_sources import encoded, idx, images_of, noise, write_folder, write_zip

from msg_stylegan.commands import dataset_tool
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources.pairs import CHANGES, PAIRS, PairOptions, open_pair

PLAIN = PairOptions(ImagePreparation())


def names_of(source):
    return [source.name(index) for index in range(source.num_images)]


def write_mnist(folder, num_images, seed=0):
    """Returns the folder and its images as they are read, `[N, 32, 32, 1]`."""
    images = np.random.default_rng(seed).integers(0, 256, (num_images, 28, 28), np.uint8)
    folder.mkdir(parents=True)
    for name, array in (("images-idx3", images), ("labels-idx1", np.arange(num_images) % 10)):
        path = folder / f"train-{name}-ubyte.gz"
        path.write_bytes(gzip.compress(idx(array.astype(np.uint8))))
    return folder, np.pad(images, [(0, 0), (2, 2), (2, 2)])[..., None]


def plain_edge(image):
    """Dilated by 3x3 pixels, minus the image, pixel by pixel."""
    result = np.zeros_like(image)
    for y, x in np.ndindex(image.shape[:2]):
        around = image[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        result[y, x] = around.max((0, 1)) - image[y, x]
    return result


TRUTH = {
    "negative": lambda image: 255 - image,
    "edge": plain_edge,
    "rotated": lambda image: image.transpose(1, 0, 2)[::-1],
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_second_half_of_the_digits_is_changed(tmp_path, name):
    folder, images = write_mnist(tmp_path / "mnist", 9)
    pair = open_pair(f"digits2{name}", [folder], PLAIN)
    np.testing.assert_array_equal(images_of(pair["a"]), images[:4])
    np.testing.assert_array_equal(images_of(pair["b"]), [TRUTH[name](x) for x in images[4:]])
    for domain, classes in (("a", range(4)), ("b", range(4, 9))):
        np.testing.assert_array_equal(pair[domain].labels.argmax(1), list(classes))
        assert pair[domain].class_names == list("0123456789")


def test_the_digits_of_scikit_learn_need_no_folder():
    pair = open_pair("digits2negative", [], PLAIN)
    assert pair["a"].num_images + pair["b"].num_images == 1797
    assert not set(names_of(pair["a"])) & set(names_of(pair["b"]))
    assert pair["a"].read(0).mean() < 128 < pair["b"].read(0).mean()


def test_two_data_sets(tmp_path):
    (mnist, digits), (fashion, clothes) = (
        write_mnist(tmp_path / name, count, count) for name, count in (("m", 3), ("f", 4))
    )
    pair = open_pair("mnist2fashion", [mnist, fashion], PLAIN)
    np.testing.assert_array_equal(images_of(pair["a"]), digits)
    np.testing.assert_array_equal(images_of(pair["b"]), clothes)
    assert pair["b"].class_names[0] == "T-shirt/top" and len(pair["b"].class_names) == 10


def test_digits_and_house_numbers(tmp_path):
    mnist, digits = write_mnist(tmp_path / "mnist", 3)
    images = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), np.uint8)
    content = {"X": images.transpose(1, 2, 3, 0), "y": np.array([[10], [1], [2], [9]], np.uint8)}
    scipy.io.savemat(tmp_path / "train_32x32.mat", content)
    pair = open_pair("mnist2svhn", [mnist, tmp_path], PLAIN)
    np.testing.assert_array_equal(images_of(pair["a"]), digits)
    np.testing.assert_array_equal(images_of(pair["b"]), images)
    np.testing.assert_array_equal(pair["b"].labels.argmax(1), [0, 1, 2, 9])


def test_shapes_and_flowers(tmp_path):
    images = np.random.default_rng(0).integers(0, 2, (12, 64, 64), np.uint8)
    factors = np.zeros((12, 6), int)
    factors[:, 2] = np.arange(12) % 6
    (tmp_path / "shapes").mkdir()
    name = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
    # The real file also holds a pickled dictionary, which is not read.
    extra = np.array({"author": "x"}, object)
    np.savez(tmp_path / "shapes" / name, imgs=images, latents_classes=factors, metadata=extra)
    flowers = write_folder(tmp_path / "flowers", {f"{i}.png": noise(i, 50, 40) for i in range(3)})
    folders = [tmp_path / "shapes", flowers]
    pair = open_pair("shapes2flowers", folders, PLAIN)
    assert [image.shape for image in images_of(pair["b"])] == [(32, 32, 3)] * 3
    large = open_pair("shapes2flowers", folders, PairOptions(ImagePreparation(resolution=64)))["a"]
    np.testing.assert_array_equal(images_of(large), 255 * images[[5, 11], ..., None])


@pytest.mark.parametrize("packed", [False, True])
def test_folders_of_cycle_gan(tmp_path, packed):
    members = {f"{folder}/{i}.png": noise(i) for folder in ("trainA", "testA") for i in range(3)}
    members |= {f"trainB/{i}.png": noise(9 + i) for i in range(2)}
    path = (write_zip if packed else write_folder)(tmp_path / "apples", members)
    pair = open_pair("apple2orange", [path], PLAIN)
    np.testing.assert_array_equal(images_of(pair["a"]), [members[f"trainA/{i}.png"] for i in "012"])
    np.testing.assert_array_equal(images_of(pair["b"]), [members[f"trainB/{i}.png"] for i in "01"])


def celeba(folder):
    """Five faces, of which the second, third and fifth smile."""
    (folder / "img_align_celeba").mkdir(parents=True)
    lines = ["5", "Young Smiling"]
    for i, smiles in enumerate((-1, 1, 1, -1, 1), 1):
        image = np.full((218, 178, 3), 10 * i, np.uint8)
        # What is cut off.
        image[:32], image[-32:], image[:, :26], image[:, -26:] = 255, 255, 255, 255
        (folder / "img_align_celeba" / f"{i:06d}.png").write_bytes(encoded(image))
        lines.append(f"{i:06d}.jpg  1 {smiles:2d}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    return folder


def test_faces_by_an_attribute(tmp_path):
    pair = open_pair("celeba", [celeba(tmp_path)], PairOptions(ImagePreparation(), "Smiling"))
    for domain, values in (("a", (20, 30, 50)), ("b", (10, 40))):
        images = images_of(pair[domain])
        assert [image.shape for image in images] == [(128, 128, 3)] * len(values)
        for image, value in zip(images, values, strict=True):
            assert (image == value).all()


@pytest.fixture(params=["", "emoji/", "data/emoji/"])
def vendors(tmp_path, request):
    """Archive of 9 pictures by each of two vendors, in two categories, and one without partner."""
    members = {
        f"{vendor}/{i}.png": noise(10 * k + i)
        for k, vendor in enumerate(("google", "twitter"))
        for i in range(9)
    }
    members["twitter/only.png"] = noise(99)
    labels = {f"{i}.png": i % 2 for i in range(9)} | {"only.png": 0}
    facts = {"categories": ["even", "odd"], "labels": labels}
    members["categories.json"] = json.dumps(facts).encode()
    top = {f"{request.param}{name}": content for name, content in members.items()}
    return write_zip(tmp_path / "pairs.zip", top)


def number(name):
    return int(name.rpartition("/")[2].removesuffix(".png"))


def test_partners_have_the_same_name_and_are_never_in_both_domains(vendors):
    pair = open_pair("same_names", [vendors], PLAIN)
    numbers = {domain: [number(name) for name in names_of(of)] for domain, of in pair.items()}
    assert sorted(numbers["a"] + numbers["b"]) == list(range(9))
    assert len(numbers["a"]) == 4
    for domain, vendor, partner in (("a", "google", "twitter"), ("b", "twitter", "google")):
        assert numbers[f"{domain}_partners"] == numbers[domain]
        assert all(f"{vendor}/" in name for name in names_of(pair[domain]))
        assert all(f"{partner}/" in name for name in names_of(pair[f"{domain}_partners"]))
        np.testing.assert_array_equal(
            pair[domain].labels.argmax(1), [n % 2 for n in numbers[domain]]
        )
    assert "1 images without a partner" in pair["a"].warnings[-1]


def test_two_categories_of_one_name_are_refused(tmp_path):
    members = {f"{vendor}/0.png": noise(0) for vendor in ("google", "twitter")}
    facts = {"categories": ["food", "food"], "labels": {"0.png": 1}}
    members["categories.json"] = json.dumps(facts).encode()
    path = write_folder(tmp_path / "pairs", members)
    with pytest.raises(ValueError, match=r"must have different categories.*two .* of one name"):
        open_pair("same_names", [path], PLAIN)


def run(*arguments):
    return dataset_tool.main(["create_pair", *map(str, arguments), "--workers=1"])


@pytest.mark.parametrize("name", CHANGES)
def test_the_command_stores_the_changed_digits(name, tmp_path):
    folder, images = write_mnist(tmp_path / "mnist", 9)
    assert run(f"digits2{name}", tmp_path / "out", folder) == 0
    stored = TFRecordDataset(tmp_path / "out" / "b").read_images(range(5))
    assert {image.tobytes() for image in stored} == {TRUTH[name](x).tobytes() for x in images[4:]}


def test_the_command_keeps_partners_in_the_same_place(vendors, tmp_path):
    out = tmp_path / "out"
    assert run("same_names", out, vendors) == 0
    datasets = {path.name: TFRecordDataset(path, max_label_size=-1) for path in out.iterdir()}
    assert datasets.keys() == {"a", "b", "a_partners", "b_partners"}
    for domain in "ab":
        images = datasets[domain].read_images(range(4))
        partners = datasets[f"{domain}_partners"].read_images(range(4))
        shift = 10 if domain == "a" else -10
        for image, partner in zip(images, partners, strict=True):
            (i,) = (i for i in range(20) if np.array_equal(image, noise(i)))
            np.testing.assert_array_equal(partner, noise(i + shift))


def test_the_command_continues_with_what_is_missing(tmp_path, capsys):
    folder, _ = write_mnist(tmp_path / "mnist", 9)
    out = tmp_path / "out"
    assert run("digits2edge", out, folder) == 0
    first = (out / "b" / "b-r05.tfrecords").read_bytes()
    for path in (out / "b").iterdir():
        path.unlink()
    (out / "b").rmdir()
    capsys.readouterr()
    assert run("digits2edge", out, folder) == 0
    assert f"{out}/a is complete already" in capsys.readouterr().out
    assert (out / "b" / "b-r05.tfrecords").read_bytes() == first
    # Everything is there, and of another pair.
    for name in ("digits2edge", "digits2negative"):
        assert run(name, out, folder) == 1
        assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mnist2svhn", "OUT", "HERE"], "folder of MNIST; folder of SVHN. Received 1"),
        (["digits2edge", "OUT", "HERE", "HERE"], "Received 2"),
        (["celeba", "OUT", "FACES"], "needs `--attribute`"),
        (["celeba", "OUT", "FACES", "--attribute=Smile"], "Expected one of Young, Smiling"),
        (["horse2zebra", "OUT", "FACES"], "has no images in trainA and trainB"),
        (["same_names", "OUT", "FACES"], "two folders of images. Received: ['img_align_celeba']"),
        (["same_names", "OUT", "ZIP", "--drop_duplicates"], "`--drop_duplicates` is not for"),
        (["shapes2flowers", "OUT", "FACES", "FACES"], "dsprites"),
    ],
)
def test_what_cannot_be_paired_is_one_clear_error(tmp_path, vendors, capsys, arguments, message):
    places = {"OUT": tmp_path / "out", "HERE": tmp_path, "FACES": celeba(tmp_path / "faces")}
    places["ZIP"] = vendors
    assert run(*(places.get(argument, argument) for argument in arguments)) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "option", "named"),
    [
        ("digits2edge", "--resolution=64", "always 32x32, grayscale. Leave out `--resolution`"),
        ("digits2edge", "--resize=6", "or `--resize`"),
        ("digits2edge", "--channels=3", "`--channels`"),
        ("digits2edge", "--min_size=33", "`--min_size`"),
        ("digits2edge", "--max_pixels=1000", "`--max_pixels`"),
        ("digits2edge", "--attribute=Smiling", "`--attribute` is for `create_pair celeba` only"),
        ("mnist2svhn", "--channels=3", "always 32x32. Leave out `--channels`"),
        ("mnist2fashion", "--resolution=64", "`--resolution`"),
        ("celeba", "--resolution=64", "always 128x128, RGB. Leave out `--resolution`"),
        ("celeba", "--fit=pad", "`--fit`"),
        ("celeba", "--filter=box", "`--filter`"),
        ("same_names", "--attribute=Smiling", "`--attribute`"),
    ],
)
def test_options_that_are_not_applied_are_refused(tmp_path, capsys, name, option, named):
    folders = [tmp_path] * (2 if name.startswith("mnist") else 1)
    assert run(name, tmp_path / "out", *folders, option) == 1
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_options_that_change_nothing_are_taken(tmp_path):
    (mnist, digits), (fashion, _) = (
        write_mnist(tmp_path / name, count, count) for name, count in (("m", 3), ("f", 4))
    )
    options = ("--channels=1", "--min_size=32", "--fit=pad", "--background=white")
    for side in ("--resolution=32", "--resize=5"):
        out = tmp_path / side
        assert run("mnist2fashion", out, mnist, fashion, side, *options) == 0
        stored = TFRecordDataset(out / "a").read_images(range(3))
        assert {image.tobytes() for image in stored} == {image.tobytes() for image in digits}


def test_an_unknown_pair_is_refused_with_those_that_exist(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run("cat2dog", tmp_path / "out")
    error = capsys.readouterr().err
    assert all(name in error for name in PAIRS)


@pytest.mark.parametrize("line", ["000003.jpg 1", "000003.jpg 1 0", "000003.jpg 1 1 1"])
def test_damaged_attributes_are_named(tmp_path, line):
    folder = celeba(tmp_path)
    path = folder / "list_attr_celeba.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:4], line, *lines[5:]]))
    with pytest.raises(ValueError, match=r"Line 5 of .*list_attr_celeba\.txt"):
        open_pair("celeba", [folder], PairOptions(ImagePreparation(), "Smiling"))
    path.write_text("\n".join(lines[:4]))
    with pytest.raises(ValueError, match="says nothing about 3 images, such as 000003"):
        open_pair("celeba", [folder], PairOptions(ImagePreparation(), "Smiling"))
