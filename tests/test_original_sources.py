"""The small classic data sets, from files of their real formats."""

import gzip
import io
import pickle
import struct
from typing import ClassVar

import numpy as np
import pytest
import scipy.io
from support.image_sources import idx, images_of
from support.plain_operations import one_hot

from msg_stylegan.data.conversion import shuffled_order
from msg_stylegan.data.sources.cifar import open_cifar10, open_cifar100
from msg_stylegan.data.sources.digits import MnistRgbSource, open_mnist
from msg_stylegan.data.sources.svhn import open_svhn


def random_bytes(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def check_labels(source, classes, size):
    assert source.labels.dtype == np.float32
    np.testing.assert_array_equal(source.labels, one_hot(classes, size))


@pytest.fixture
def mnist(tmp_path):
    images, classes = random_bytes(0, 7, 28, 28), np.array([3, 0, 9, 9, 1, 2, 5], np.uint8)
    for name, array in (("images-idx3", images), ("labels-idx1", classes)):
        (tmp_path / f"train-{name}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
    padded = np.zeros((7, 32, 32), np.uint8)
    padded[:, 2:30, 2:30] = images
    return tmp_path, padded, classes


def test_mnist(mnist):
    folder, padded, classes = mnist
    source = open_mnist(folder)
    assert source.num_images == 7 and source.shuffled
    np.testing.assert_array_equal(images_of(source), padded[..., None])
    check_labels(source, classes, 10)
    assert source.class_names == list("0123456789")
    assert source.description == {"kind": "mnist", "path": str(folder)}
    assert source.warnings == [f"{folder} holds 7 images. The whole data set has 60000."]


def test_mnist_unpacked(mnist):
    folder, padded, _ = mnist
    for path in list(folder.iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    np.testing.assert_array_equal(images_of(open_mnist(folder)), padded[..., None])


def test_mnistrgb_draws_as_the_original(mnist):
    folder, padded, _ = mnist
    random = np.random.RandomState(5)
    expected = [padded[random.randint(7, size=3)].transpose(1, 2, 0) for _ in range(50)]
    source = MnistRgbSource(folder, num_images=50, random_seed=5)
    np.testing.assert_array_equal(images_of(source), expected)
    assert source.labels is None and not source.shuffled
    # A shorter one is the beginning of a longer one.
    np.testing.assert_array_equal(images_of(MnistRgbSource(folder, 9, 5)), expected[:9])
    assert not np.array_equal(images_of(MnistRgbSource(folder, 50)), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_images": 0}, "--num_images.*1 or more"),
        ({"random_seed": -1}, "--random_seed"),
    ],
)
def test_mnistrgb_refuses(mnist, options, message):
    with pytest.raises(ValueError, match=message):
        MnistRgbSource(mnist[0], **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file.*train-images"),
        (b"no gzip", "damaged"),
        (gzip.compress(idx(np.zeros((7, 28, 28), np.uint8)))[:-9], "damaged"),
        (gzip.compress(idx(np.zeros((7, 28, 28), np.uint8))[:-1]), "damaged.*5487"),
        (gzip.compress(idx(np.zeros((7, 27, 28), np.uint8))), "28x28"),
        (gzip.compress(idx(np.zeros(7, np.uint8))), "not an IDX file"),
        (gzip.compress(b""), "not an IDX file"),
        (gzip.compress(idx(np.zeros((6, 28, 28), np.uint8))), "6 images but 7 labels"),
    ],
)
def test_mnist_refuses(mnist, content, message):
    path = mnist[0] / "train-images-idx3-ubyte.gz"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        open_mnist(mnist[0])


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as the strings of Python 2, which were both."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        raw = value if isinstance(value, bytes) else value.encode("latin-1")
        if len(raw) < 256:
            self.write(pickle.SHORT_BINSTRING + struct.pack("<B", len(raw)) + raw)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        self.memoize(value)

    dispatch[str] = save_string
    dispatch[bytes] = save_string


def python2_pickle(value):
    file = io.BytesIO()
    Python2Pickler(file, 2).dump(value)
    # Where NumPy 1 had these functions.
    return file.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")


def write_cifar10(folder):
    images, classes = random_bytes(1, 15, 3, 32, 32), np.arange(15) * 7 % 10
    for batch in range(5):
        part = slice(3 * batch, 3 * batch + 3)
        content = {
            "batch_label": f"training batch {batch + 1} of 5",
            "labels": classes[part].tolist(),
            "data": images[part].reshape(3, 3072),
            "filenames": ["leptodactylus_pentadactylus_s_000004.png"] * 3,
        }
        (folder / f"data_batch_{batch + 1}").write_bytes(python2_pickle(content))
    return images.transpose(0, 2, 3, 1), classes


def test_cifar10(tmp_path):
    images, classes = write_cifar10(tmp_path)
    source = open_cifar10(tmp_path)
    np.testing.assert_array_equal(images_of(source), images)
    check_labels(source, classes, 10)
    assert source.class_names is None and source.shuffled
    assert source.warnings == [f"{tmp_path} holds 15 images. The whole data set has 50000."]


def test_order_and_labels_of_the_original(tmp_path):
    """What the original wrote: images and labels in one shuffled order."""
    images, classes = write_cifar10(tmp_path)
    order = np.arange(15)
    np.random.RandomState(123).shuffle(order)
    source = open_cifar10(tmp_path)
    np.testing.assert_array_equal(shuffled_order(source.num_images), order)
    np.testing.assert_array_equal([source.read(i) for i in order], images[order])
    np.testing.assert_array_equal(source.labels[order], one_hot(classes, 10)[order])


def test_cifar10_names_of_classes(tmp_path):
    write_cifar10(tmp_path)
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship"]
    meta = {"num_cases_per_batch": 10000, "label_names": [*names, "truck"], "num_vis": 3072}
    (tmp_path / "batches.meta").write_bytes(python2_pickle(meta))
    assert open_cifar10(tmp_path).class_names == [*names, "truck"]
    (tmp_path / "batches.meta").write_bytes(python2_pickle({"label_names": names}))
    with pytest.raises(ValueError, match=r"batches\.meta does not hold 10 names"):
        open_cifar10(tmp_path)


def test_cifar100(tmp_path):
    images, classes = random_bytes(2, 4, 3, 32, 32), [99, 0, 42, 7]
    content = {
        "filenames": ["bos_taurus_s_000507.png"] * 4,
        "batch_label": "training batch 1 of 1",
        "fine_labels": classes,
        "coarse_labels": [11, 15, 4, 14],
        "data": images.reshape(4, 3072),
    }
    (tmp_path / "train").write_bytes(python2_pickle(content))
    names = [f"thing {number}" for number in range(100)]
    meta = {"fine_label_names": names, "coarse_label_names": ["x"] * 20}
    (tmp_path / "meta").write_bytes(python2_pickle(meta))
    source = open_cifar100(tmp_path)
    np.testing.assert_array_equal(images_of(source), images.transpose(0, 2, 3, 1))
    check_labels(source, classes, 100)
    assert source.class_names == names


def test_cifar100_of_full_length(tmp_path):
    """The inert reader has limits; the real file, with its 50,000 names, lies within them."""
    content = {
        "filenames": [f"bos_taurus_s_{number:06d}.png" for number in range(50000)],
        "fine_labels": [number % 100 for number in range(50000)],
        "coarse_labels": [number % 20 for number in range(50000)],
        "data": np.zeros((50000, 3072), np.uint8),
    }
    (tmp_path / "train").write_bytes(python2_pickle(content))
    source = open_cifar100(tmp_path)
    assert source.num_images == 50000 and source.warnings == []


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file.*data_batch_2"),
        (b"no pickle", "data_batch_2 cannot be read"),
        (python2_pickle({"data": Evil(), "labels": []}), "data_batch_2 cannot be read.*print"),
        (python2_pickle([1, 2]), "not a batch of CIFAR"),
        (python2_pickle({"labels": [1]}), "expected `data`"),
        (python2_pickle({"data": [1], "labels": [1]}), "no images as bytes"),
        (python2_pickle({"data": np.zeros((1, 9), np.uint8), "labels": [1]}), "32x32"),
        (python2_pickle({"data": np.zeros((1, 3072), np.uint8), "labels": [1, 2]}), "one whole"),
        (python2_pickle({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}), "0 to 9"),
    ],
)
def test_cifar10_refuses(tmp_path, capsys, content, message):
    write_cifar10(tmp_path)
    path = tmp_path / "data_batch_2"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        open_cifar10(tmp_path)
    assert "executed" not in capsys.readouterr().out


def test_svhn_of_pickles(tmp_path):
    images = random_bytes(3, 9, 3, 32, 32)
    classes = np.array([1, 9, 2, 3, 0, 5, 0, 1, 9], np.uint8)
    for number in range(3):
        part = slice(3 * number, 3 * number + 3)
        raw = python2_pickle((images[part], classes[part]))
        (tmp_path / f"train_{number + 1}.pkl").write_bytes(raw)
    source = open_svhn(tmp_path)
    np.testing.assert_array_equal(images_of(source), images.transpose(0, 2, 3, 1))
    check_labels(source, classes, 10)
    assert source.shuffled and source.warnings[0].endswith("The whole data set has 73257.")


@pytest.mark.parametrize("compressed", [False, True])
def test_svhn_of_mat(tmp_path, compressed):
    images = random_bytes(4, 6, 32, 32, 3)  # [NHWC]
    digits = np.array([0, 1, 9, 0, 5, 8])
    content = {
        "X": np.asfortranarray(images.transpose(1, 2, 3, 0)),
        # The digit 0 is class 10, and the labels are a column.
        "y": np.where(digits == 0, 10, digits).astype(np.uint8)[:, None],
    }
    path = tmp_path / "train_32x32.mat"
    scipy.io.savemat(path, content, do_compression=compressed)
    for given in (tmp_path, path):
        source = open_svhn(given)
        np.testing.assert_array_equal(images_of(source), images)
        check_labels(source, digits, 10)


def test_svhn_of_mat_is_that_of_pickles(tmp_path):
    """Both forms of the same images give the same records."""
    images, digits = random_bytes(5, 3, 3, 32, 32), np.array([0, 1, 9], np.uint8)
    (tmp_path / "pickles").mkdir()
    for number in range(3):
        raw = python2_pickle((images[number : number + 1], digits[number : number + 1]))
        (tmp_path / "pickles" / f"train_{number + 1}.pkl").write_bytes(raw)
    y = np.where(digits == 0, 10, digits)[:, None]
    mat = tmp_path / "train_32x32.mat"
    scipy.io.savemat(mat, {"X": images.transpose(2, 3, 1, 0), "y": y})
    a, b = open_svhn(tmp_path / "pickles"), open_svhn(mat)
    np.testing.assert_array_equal(images_of(a), images_of(b))
    np.testing.assert_array_equal(a.labels, b.labels)


def test_svhn_refuses(tmp_path):
    with pytest.raises(ValueError, match=r"There is no file .*train_32x32\.mat"):
        open_svhn(tmp_path)
    mat = tmp_path / "train_32x32.mat"
    mat.write_bytes(b"no mat file" * 30)
    with pytest.raises(ValueError, match=r"train_32x32\.mat cannot be read"):
        open_svhn(tmp_path)
    scipy.io.savemat(mat, {"X": np.zeros((32, 32, 3, 2))})
    with pytest.raises(ValueError, match=r"is not SVHN"):
        open_svhn(tmp_path)
    (tmp_path / "train_1.pkl").write_bytes(python2_pickle([1]))
    with pytest.raises(ValueError, match=r"train_1\.pkl is not a pair"):
        open_svhn(tmp_path)
    images = np.zeros((2, 3, 32, 32), np.uint8)
    (tmp_path / "train_1.pkl").write_bytes(python2_pickle((images, np.zeros(2, np.uint8))))
    with pytest.raises(ValueError, match=r"There is no file .*train_2\.pkl"):
        open_svhn(tmp_path)
