"""Images of TensorFlow Datasets."""

import dataclasses

import numpy as np

from msg_stylegan.data.sources.arrays import Source, one_hot


class TfdsSource(Source):
    """The images of one split of a data set of TensorFlow Datasets, with its classes if it has any.

    It is downloaded and prepared first, if needed, as ArrayRecord files: only these can be read in
    any order. A copy by `pickle` reads the same images, but has no labels.

    Args:
        name: Name such as `cifar10` or `imagenet_resized/64x64:0.1.0`.
        preparation: `ImagePreparation`; its `channels` may be None for those of the data set.
        split: Name such as `train` or `train+test`, or a part such as `train[:10%]`.
        data_dir: Folder of prepared data sets; None = that of TensorFlow Datasets.

    Raises:
        ValueError: tensorflow-datasets is not installed, or there is no such data set or split, or
            it has no images.
    """

    def __init__(self, name, preparation, split="train", data_dir=None):
        builder = _prepared_builder(name, data_dir)
        features = builder.info.features
        self._image_key = _image_key(name, features)
        channels = preparation.channels or (1 if features[self._image_key].shape[-1] == 1 else 3)
        self._preparation = dataclasses.replace(preparation, channels=channels)
        self._records = _open(builder, name, split, self._image_key)
        self.num_images = len(self._records)
        if not self.num_images:
            raise ValueError(f"{name}, {split} holds no images.")
        self._title = f"{name}, {split}"
        self.labels, self.class_names = self._read_labels(features)
        self.description = {"kind": "tfds", "path": builder.info.full_name, "split": split}

    def name(self, index):
        return f"{self._title}, image {index}"

    def read(self, index):
        data = self._records[int(index)][self._image_key]
        return self._preparation.prepare(self._preparation.reader.open(data))

    def _read_labels(self, features):
        """One-hot labels and names of the classes, or None for both."""
        key = _label_key(features)
        if key is None:
            return None, None
        classes = np.array([self._records[i][key] for i in range(self.num_images)])
        names = features[key].names
        return one_hot(classes, features[key].num_classes, self._title), list(names)


def _prepared_builder(name, data_dir):
    try:
        import tensorflow_datasets
    except ImportError:
        raise ValueError(
            "create_from_tfds needs tensorflow-datasets. Install it with `pip install -e .[tfds]`."
        ) from None
    try:
        builder = tensorflow_datasets.builder(name, data_dir=data_dir)
        if not builder.is_prepared():
            builder = tensorflow_datasets.builder(
                name, data_dir=data_dir, file_format="array_record"
            )
            builder.download_and_prepare()
    except tensorflow_datasets.core.DatasetNotFoundError:
        raise ValueError(f"TensorFlow Datasets has no data set {name!r}.") from None
    return builder


def _open(builder, name, split, image_key):
    """The records of a split by number, with the image as the bytes of its file."""
    import tensorflow_datasets

    decoders = {image_key: tensorflow_datasets.decode.SkipDecoding()}
    try:
        return builder.as_data_source(split=split, decoders=decoders)
    except NotImplementedError:
        raise ValueError(
            f"{name} was prepared in {builder.info.data_dir} in a format that cannot be read in "
            "any order. Give another `--data_dir`, where it will be prepared as ArrayRecord."
        ) from None
    except (KeyError, ValueError) as error:
        known = ", ".join(builder.info.splits)
        raise ValueError(f"{name} has no split {split!r}, only {known} ({error}).") from error


def _image_key(name, features):
    keys = _keys_of_type(features, "Image")
    if len(keys) != 1 and "image" not in keys:
        raise ValueError(
            f"{name} must have one image per example, or one called `image`. "
            f"It has: {', '.join(keys) or 'none'}"
        )
    key = "image" if "image" in keys else keys[0]
    if features[key].np_dtype != np.uint8:
        raise ValueError(f"{name}: images must be of bytes. Received: {features[key].np_dtype}")
    return key


def _label_key(features):
    keys = _keys_of_type(features, "ClassLabel")
    if "label" in keys:
        return "label"
    return keys[0] if len(keys) == 1 else None


def _keys_of_type(features, kind):
    return [key for key, feature in features.items() if type(feature).__name__ == kind]
