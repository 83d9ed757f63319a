"""SVHN, cropped digits of house numbers, from the official `.mat` file or from pickles."""

from pathlib import Path

import numpy as np

from msg_stylegan.data.sources.arrays import ArraySource
from msg_stylegan.data.sources.known_files import check_images, find_file, read_pickled_file
from msg_stylegan.mistaken_file import what_it_is

_MAT_NAME = "train_32x32.mat"
_NUM_IMAGES = 73257


def open_svhn(path):
    """The training images of SVHN: 32x32 RGB, ten classes.

    Args:
        path: Folder of `train_1.pkl` to `train_3.pkl`, which the original reads, or of the official
            `train_32x32.mat`, or one above it; or path of a `.mat` file.

    Raises:
        ValueError: A file is missing or damaged.
    """
    path = Path(path)
    file = path if path.suffix == ".mat" else find_file(path, "train_1.pkl", _MAT_NAME)
    if file.suffix == ".pkl":
        parts = [_read_pickle(file.with_name(f"train_{number}.pkl")) for number in range(1, 4)]
    else:
        parts = [_read_mat(file)]
    return ArraySource(
        np.concatenate([images for images, _ in parts]),
        np.concatenate([classes for _, classes in parts]),
        10,
        description={"kind": "svhn", "path": str(path)},
        expected_images=_NUM_IMAGES,
        class_names=[str(digit) for digit in range(10)],
    )


def _read_pickle(path):
    value = read_pickled_file(path)
    if not isinstance(value, (list, tuple)) or len(value) < 2:
        raise ValueError(f"{path} is not a pair of images and labels.")
    images = check_images(value[0], path)
    classes = np.asarray(value[1])
    if classes.shape != (len(images),):
        raise ValueError(f"{path}: the labels are not one number for each image.")
    return images, classes


def _read_mat(path):
    import scipy.io  # Worker processes do without.

    try:
        value = scipy.io.loadmat(path, variable_names=("X", "y"))
    # A damaged file ends in many kinds of errors.
    except Exception as error:
        reason = what_it_is(path) or f"{error}. Download it again."
        raise ValueError(f"{path} cannot be read as a .mat file: {reason}") from error
    images, classes = value.get("X"), value.get("y")
    if images is None or classes is None or images.ndim != 4 or images.shape[:3] != (32, 32, 3):
        raise ValueError(f"{path} is not SVHN: expected `X` [32, 32, 3, images] and `y`.")
    # The digit 0 is class 10 there.
    classes = classes.reshape(-1).astype(np.int64)
    return images.transpose(3, 2, 0, 1), np.where(classes == 10, 0, classes)  # [NCHW]
