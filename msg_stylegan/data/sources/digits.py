"""Handwritten digits: MNIST from its IDX files, MNIST-RGB, and those of scikit-learn; clothes.

The images of MNIST-RGB are three digits on top of each other. Fashion-MNIST has MNIST's format.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from msg_stylegan.data.sources.arrays import ArraySource, Source, count_warnings
from msg_stylegan.data.sources.known_files import find_file
from msg_stylegan.mistaken_file import what_it_is

_IMAGES_NAME = "train-images-idx3-ubyte"
_LABELS_NAME = "train-labels-idx1-ubyte"
_NUM_IMAGES = 60000
_CLOTHES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker"]
_CLOTHES += ["Bag", "Ankle boot"]
# From 28x28 to 32x32.
_MARGIN = 2


def open_mnist(folder):
    """The training images of MNIST: 32x32 grayscale with a black margin, ten classes.

    Args:
        folder: Folder of `train-images-idx3-ubyte.gz` and `train-labels-idx1-ubyte.gz`, which may
            be unpacked and lie in folders of it.

    Raises:
        ValueError: A file is missing or is not what its name says.
    """
    return _open_idx(folder, "mnist", [str(digit) for digit in range(10)])


def open_fashion_mnist(folder):
    """The training images of Fashion-MNIST (Xiao et al. 2017), in files like those of MNIST."""
    return _open_idx(folder, "fashion_mnist", _CLOTHES)


def _open_idx(folder, kind, class_names):
    return ArraySource(
        _read_images(folder)[:, np.newaxis],
        _read_idx(folder, _LABELS_NAME, 1),
        10,
        description={"kind": kind, "path": str(folder)},
        expected_images=_NUM_IMAGES,
        class_names=class_names,
    )


class MnistRgbSource(Source):
    """Images whose red, green and blue are each a random digit of MNIST; they have no labels.

    Args:
        folder: Folder of `train-images-idx3-ubyte.gz`.
        num_images: Images to make.
        random_seed: Decides on the digits, as in the original.

    Raises:
        ValueError: The file is missing or damaged, or a number makes no sense.
    """

    shuffled = False

    def __init__(self, folder, num_images=1000000, random_seed=123):
        if num_images < 1:
            raise ValueError(f"`--num_images` must be 1 or more. Received: {num_images}")
        if not 0 <= random_seed < 2**32:
            raise ValueError(f"`--random_seed` must be 0 to {2**32 - 1}. Received: {random_seed}")
        self.num_images = num_images
        self._digits = _read_images(folder)
        self.warnings = count_warnings(folder, len(self._digits), _NUM_IMAGES)
        self.description = {
            "kind": "mnistrgb",
            "path": str(folder),
            "num_images": num_images,
            "random_seed": random_seed,
        }
        # All at once are the same draws as three for each image in turn.
        picks = np.random.RandomState(random_seed).randint(len(self._digits), size=(num_images, 3))
        self._picks = picks.astype(np.uint32)

    def name(self, index):
        return f"mnistrgb image {index}"

    def read(self, index):
        return np.stack(self._digits[self._picks[index]], axis=-1)  # [HWC]


def _read_images(folder):
    """Padded digits, uint8 `[N, 32, 32]`."""
    images = _read_idx(folder, _IMAGES_NAME, 3)
    if images.shape[1:] != (28, 28) or not len(images):
        raise ValueError(
            f"{Path(folder) / _IMAGES_NAME}: expected images of 28x28. "
            f"Received: {list(images.shape)}"
        )
    return np.pad(images, [(0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)])


def _read_idx(folder, name, num_dimensions):
    """Reads a file of bytes in the IDX format: uint8 with the given number of dimensions."""
    # Some tools unpack to a name with a dot in place of the hyphen.
    plain = (name, name.replace("-idx", ".idx"))
    path = find_file(folder, *(f"{name}.gz" for name in plain), *plain)
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        reason = what_it_is(path, expected="gzip") or f"{error}. Download it again."
        raise ValueError(f"{path} is damaged: {reason}") from error
    # Two zeros, 8 for bytes, the number of dimensions, then the sides as big-endian numbers.
    header_size = 4 + 4 * num_dimensions
    if data[:4] != bytes([0, 0, 8, num_dimensions]) or len(data) < header_size:
        what = what_it_is(data)
        raise ValueError(
            f"{path} is not an IDX file of bytes with {num_dimensions} dimensions."
            f"{f' {what}' if what else ''}"
        )
    shape = [int(side) for side in np.frombuffer(data, ">u4", num_dimensions, offset=4)]
    if len(data) - header_size != math.prod(shape):
        raise ValueError(
            f"{path} is damaged: {shape} need {math.prod(shape)} bytes, "
            f"but there are {len(data) - header_size}."
        )
    return np.frombuffer(data, np.uint8, offset=header_size).reshape(shape)


class DigitsSource(Source):
    """scikit-learn's 1,797 handwritten digits, enlarged from 8x8 to 32x32 grayscale.

    The labels are one-hot, of size 10.

    Raises:
        ValueError: scikit-learn is not installed.
    """

    def __init__(self):
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise ValueError(
                "create_digits needs scikit-learn. Install it with `pip install -e .[demo]`."
            ) from None
        digits = load_digits()
        self._images = digits.images  # [NHW], values 0 to 16
        self.num_images = len(digits.images)
        self.labels = np.eye(10, dtype=np.float32)[digits.target]
        self.class_names = [str(digit) for digit in range(10)]
        self.description = {"kind": "digits", "num_images": self.num_images}

    def name(self, index):
        return f"digit {index}"

    def read(self, index):
        # The strokes reach the border: a margin of one pixel keeps them from being cut off.
        image = np.pad(self._images[index] * (255 / 16), 1).astype(np.float32)
        # Resized as floats, so that the filter's overshoot is clipped once, at the end.
        image = Image.fromarray(image)
        image = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC))
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)[:, :, np.newaxis]
