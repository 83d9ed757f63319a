"""What sources share, and images that are in memory whole: the small classic data sets."""

import numpy as np


class Source:
    """What sources have unless they say otherwise; see `msg_stylegan.data.sources`."""

    labels = None
    class_names = None
    # As the original does unless told otherwise.
    shuffled = True
    warnings = ()

    def __getstate__(self):
        # Copies are for other processes to read images with; labels can be much larger.
        return {**self.__dict__, "labels": None}


class ArraySource(Source):
    """An array of images, with classes.

    Args:
        images: uint8 `[N, C, r, r]`.
        classes: Class of each image, whole numbers `[N]`.
        num_classes: Size of the one-hot labels.
        description: Facts for the manifest; `kind` is needed.
        class_names: List of `num_classes` names, or None.
        expected_images: Number of images of the whole data set. Any other is only a warning.

    Raises:
        ValueError: The arrays do not fit each other, or a class is out of range.
    """

    def __init__(
        self, images, classes, num_classes, *, description, expected_images, class_names=None
    ):
        path = description["path"]
        if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
            raise ValueError(
                f"{path}: expected bytes [images, channels, height, width]. "
                f"Received: {images.dtype} {list(images.shape)}"
            )
        self.labels = one_hot(classes, num_classes, path)
        if len(self.labels) != len(images):
            raise ValueError(f"{path} holds {len(images)} images but {len(self.labels)} labels.")
        self.images = images
        self.num_images = len(images)
        self.class_names = class_names
        self.description = description
        self.warnings = count_warnings(path, self.num_images, expected_images)

    def name(self, index):
        return f"{self.description['kind']} image {index}"

    def read(self, index):
        return np.ascontiguousarray(self.images[index].transpose(1, 2, 0))  # [HWC]


def one_hot(classes, num_classes, path):
    """One-hot labels of classes, as the original makes them.

    Args:
        classes: Whole numbers `[N]`.
        num_classes: Number of classes.
        path: For the message.

    Returns:
        float32 `[N, num_classes]`.

    Raises:
        ValueError: These are not classes.
    """
    classes = np.asarray(classes)
    if classes.ndim != 1 or (len(classes) and classes.dtype.kind not in "iu"):
        raise ValueError(f"{path}: the labels are not a list of whole numbers.")
    if len(classes) and not 0 <= classes.min() <= classes.max() < num_classes:
        raise ValueError(
            f"{path}: classes must be 0 to {num_classes - 1}. "
            f"Received: {classes.min()} to {classes.max()}"
        )
    labels = np.zeros((len(classes), num_classes), np.float32)
    labels[np.arange(len(classes)), classes.astype(np.int64)] = 1
    return labels


def count_warnings(path, num_images, expected):
    """List of one text if the number of images is not that of the whole data set, else of none."""
    if num_images == expected:
        return []
    return [f"{path} holds {num_images} images. The whole data set has {expected}."]
