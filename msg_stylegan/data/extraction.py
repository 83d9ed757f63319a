"""Turns a data set back into PNG files, which `create_from_images` can read again."""

import re
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from msg_stylegan.data.dataset import TFRecordDataset, class_names_of, classes_of, label_batches
from msg_stylegan.data.sources.labels import LABELS_NAME
from msg_stylegan.files import atomic_directory, write_json, write_text

LIST_NAME = "images.txt"

# What every file system allows, and does not make a hidden folder.
_SAFE_NAME = re.compile(r"\w([\w .,'()+-]{0,98}[\w)'])?")


def extract(path, output):
    """Writes the images of the largest level as `img00000000.png`, `img00000001.png` and so on.

    One-hot labels make a folder for each class, named like it or with its number, for
    `create_from_images --labels folders`. Labels of all kinds are also in `dataset.json`, for
    `--labels OUTPUT/dataset.json`; it keeps classes without images. `images.txt` lists the images
    in the order of the data set, which folders of classes do not keep.

    Args:
        path: Folder of the data set.
        output: Folder to make. It appears as a whole or not at all.

    Returns:
        Number of images.

    Raises:
        FileExistsError: `output` exists and is not empty.
        ValueError: `path` is not a data set, or is damaged.
    """
    dataset = TFRecordDataset(path, max_label_size=-1)
    classes = classes_of(dataset)
    class_names = class_names_of(dataset)
    names = [f"img{index:08d}.png" for index in range(dataset.num_images)]
    if classes is not None:
        folders = class_folders(dataset.label_size, class_names)
        names = [f"{folders[c]}/{name}" for c, name in zip(classes, names, strict=True)]
    with atomic_directory(output) as folder:
        for index, name in enumerate(tqdm(names, "Writing", unit=" images", smoothing=0.05)):
            _write_png(folder / name, dataset.read_images([index])[0])
        write_text(folder / LIST_NAME, "".join(f"{name}\n" for name in names))
        if dataset.label_size:
            _write_labels(folder, names, dataset, classes, class_names)
    return dataset.num_images


def class_folders(num_classes, class_names):
    """Names for the folders of classes; sorting them keeps the order of the classes.

    Args:
        num_classes: Number of classes.
        class_names: Their names, or None.

    Returns:
        List of `num_classes` names: those of the classes if they can be folders and are sorted,
        else their numbers.
    """
    digits = len(str(num_classes - 1))
    numbers = [f"{number:0{digits}d}" for number in range(num_classes)]
    if not class_names:
        return numbers
    different = len({name.casefold() for name in class_names}) == num_classes
    safe = all(_SAFE_NAME.fullmatch(name) for name in class_names)
    # Names that are numbers would be sorted as numbers.
    are_numbers = any(name.isdigit() for name in class_names)
    in_order = class_names == sorted(class_names) and not are_numbers
    plain = class_names == [str(number) for number in range(num_classes)]
    return class_names if different and safe and (in_order or plain) else numbers


def _write_png(path, image):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(path)


def _write_labels(folder, names, dataset, classes, class_names):
    """`dataset.json` as the tool of StyleGAN2 writes it, with names of classes added."""
    if classes is None:
        values = [label for labels in label_batches(dataset) for label in labels.tolist()]
    else:
        # Names keep classes that have no image.
        values = classes.tolist()
        class_names = class_names or [str(number) for number in range(dataset.label_size)]
    content = {"labels": [list(pair) for pair in zip(names, values, strict=True)]}
    if class_names:
        content["class_names"] = class_names
    write_json(Path(folder) / LABELS_NAME, content)
