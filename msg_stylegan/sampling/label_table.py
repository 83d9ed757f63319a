"""The labels that a network draws images with: those that it was trained with."""

import dataclasses
from pathlib import Path

import numpy as np

from msg_stylegan.data.dataset import TFRecordDataset, class_names_of, classes_of, label_batches
from msg_stylegan.wording import count_of

# Most rows, and most numbers, of label vectors that a snapshot holds.
_MAX_ROWS = 1024
_MAX_NUMBERS = 2**15
_SAMPLE_SEED = 0
# Most classes that a text lists.
_NUM_LISTED = 20


@dataclasses.dataclass(frozen=True)
class LabelTable:
    """Different labels, and how often each occurred. `draw_latents` takes it for a data set.

    Labels are one-hot, of `classes`, or any `vectors`; the other one is None. Without labels both
    are.

    Attributes:
        label_size: Numbers per label, L.
        classes: int64 `[K]`, rising: the classes that occurred.
        vectors: float32 `[K, L]`.
        counts: int64 `[K]`, numbers of images.
        names: List of L names, of the classes or of the numbers of a vector; or None.
        choice: Dictionary of JSON values: the class or label that the user has chosen.
        notice: Sentence for the user: what is not known about the labels; or None.
    """

    label_size: int
    classes: np.ndarray | None = None
    vectors: np.ndarray | None = None
    counts: np.ndarray | None = None
    names: list | None = None
    choice: dict = dataclasses.field(default_factory=lambda: {"class": None})
    notice: str | None = None

    @property
    def num_images(self):
        return int(self.counts.sum())

    def read_labels(self, indices):
        """Labels of images by their numbers: float32 `[N, L]`, each row as often as it occurred."""
        return self._rows(np.searchsorted(np.cumsum(self.counts), indices, side="right"))

    def of_seeds(self, seeds):
        """Labels that belong to seeds, each independent of the other seeds.

        Args:
            seeds: Whole numbers.

        Returns:
            float32 `[N, L]`: classes all alike, vectors as often as they occurred. None without
            labels.
        """
        if not self.label_size:
            return None
        is_one_hot = self.classes is not None
        count = len(self.classes) if is_one_hot else self.num_images
        # The second word keeps this stream apart from that of `z_of_seeds`.
        drawn = [int(np.random.default_rng((seed, 1)).integers(count)) for seed in seeds]
        return self._rows(drawn) if is_one_hot else self.read_labels(drawn)

    def of_samples(self, seeds):
        """As `of_seeds`, for the statistics of many images: classes exactly alike."""
        if self.classes is None:
            return self.of_seeds(seeds)
        return self._rows(np.arange(len(seeds)) % len(self.classes))

    def of_class(self, number):
        """Label of a class, float32 `[1, L]`."""
        return one_hot([number], self.label_size)

    def chosen(self, label_class=None, label=None):
        """The table with one label only.

        Args:
            label_class: Text: name of a class, or its number where not all names are numbers.
            label: List of numbers. With neither, the table stays as it is.

        Raises:
            ValueError: The class does not exist, or the labels are of a different kind.
        """
        if label_class is not None:
            number = self._number_of_class(label_class)
            name = self._class_name(number)
            choice = {"class": number} | ({} if name is None else {"class_name": name})
            return dataclasses.replace(
                self, classes=np.array([number]), counts=np.array([1]), choice=choice
            )
        if label is None:
            return self
        if len(label) != self.label_size:
            raise ValueError(
                f"--label has {count_of(len(label), 'number')}, but this network "
                + (
                    f"takes labels of {self.label_size}."
                    if self.label_size
                    else "was trained without labels."
                )
            )
        if max(map(abs, label)) > float(np.finfo(np.float32).max):
            raise ValueError(f"--label has numbers too large for 32 bits. Received: {label}")
        return dataclasses.replace(
            self,
            classes=None,
            vectors=np.array([label], np.float32),
            counts=np.array([1]),
            choice={"label": label},
            notice=None,
        )

    def metadata(self, seeds):
        """Dictionary of texts: what a picture tells about the labels of its seeds."""
        labels = self.of_seeds(seeds)
        if labels is None:
            return {}
        if self.classes is None:
            return {"label": "; ".join(map(vector_text, labels))}
        return self.class_metadata(labels.argmax(axis=1).tolist())

    def class_metadata(self, classes):
        """Dictionary of texts: numbers of classes, and their names if they have any."""
        names = [self._class_name(number) for number in classes]
        numbers = {"class": ",".join(map(str, classes))}
        return numbers if None in names else {**numbers, "class_name": ",".join(names)}

    def describe(self):
        """Text that says what a label of this network is."""
        if not self.label_size:
            return "none"
        if self.classes is None:
            names = f" ({_listed(self.names)})" if self.names else ""
            return (
                f"vectors of {count_of(self.label_size, 'number')}{names}, such as "
                f"{vector_text(self.vectors[0])}"
            )
        return f"one-hot, {count_of(len(self.classes), 'class')}: {self._numbered_classes()}"

    def class_text(self, number):
        """Text with a class: `2 (dog)`, or `2` if it has no name of its own."""
        name = self._class_name(number)
        return str(number) if name is None else f"{number} ({name})"

    def class_list(self):
        """Text with what `--class` may be: `0 to 9`, `0 (cat), 2 (dog)`, or `1990, 1995`."""
        if self.names is not None and all(map(str.isdigit, self.names)):
            return _listed([self.names[number] for number in self.classes])
        return self._numbered_classes()

    def _numbered_classes(self):
        """Text with all classes that occurred: `0 to 9`, or `0 (1990), 2 (1995)`."""
        if self.names is None and len(self.classes) == self.label_size:
            return f"0 to {self.label_size - 1}"
        return _listed(list(map(self.class_text, self.classes)))

    def _rows(self, indices):
        if self.classes is None:
            return self.vectors[indices]
        return one_hot(self.classes[indices], self.label_size)

    def _class_name(self, number):
        """The name of a class; None if that says no more than its number."""
        name = str(number) if self.names is None else self.names[number]
        return None if name == str(number) else name

    def _number_of_class(self, text):
        if not self.label_size:
            self._refuse_class(text, "this network was trained without labels.")
        if self.classes is None:
            example = vector_text(self.vectors[0])
            self._refuse_class(
                text,
                f"the labels of this network are not classes, but vectors of "
                f"{count_of(self.label_size, 'number')}. Give one by --label={example}.",
            )
        names = self.names or [str(number) for number in range(self.label_size)]
        is_number = text.isascii() and text.isdigit() and len(text) < 19
        if text in names:
            number = names.index(text)
        elif is_number and str(int(text)) in names:
            number = names.index(str(int(text)))
        # Where all names are numbers, it would be another class than the one that is meant.
        elif is_number and int(text) < self.label_size and not all(map(str.isdigit, names)):
            number = int(text)
        else:
            self._refuse_class(text, f"this network has classes {self.class_list()}.")
        if number not in self.classes:
            self._refuse_class(
                text, f"no image of the training had it, only the classes {self.class_list()}."
            )
        return number

    def _refuse_class(self, text, reason):
        raise ValueError(f"--class {text} is not possible: {reason}")


def label_table(network, info):
    """The labels of a network.

    Args:
        network: Generator or discriminator, for `label_size`.
        info: `Networks.info`. Files from before labels were stored in it, and those of other
            systems, have none; then the data set of the training counts, if it is there; else the
            labels are taken for classes that all occurred.

    Raises:
        ValueError: What is stored does not fit the network.
    """
    size = network.label_size
    if not size:
        return LabelTable(0)
    facts = info.get("labels") or _facts_of_training_data(info, size)
    if facts is None:
        return LabelTable(
            size,
            classes=np.arange(size),
            counts=np.ones(size, np.int64),
            notice="The file does not say which labels the network was trained with. They are "
            f"taken for the classes 0 to {size - 1}.",
        )
    try:
        return _table_of_facts(facts, size)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"What the file says about the labels does not fit its network ({error})."
        ) from None


def label_facts(dataset):
    """What a snapshot holds of the labels of its data set.

    Label vectors are stored whole if there are few different ones, else a sample of them.

    Args:
        dataset: `TFRecordDataset`.

    Returns:
        Dictionary of JSON values for `Networks.info["labels"]`; None without labels.
    """
    if not dataset.label_size:
        return None
    names = class_names_of(dataset)
    classes = classes_of(dataset)
    if classes is not None:
        counts = np.bincount(classes, minlength=dataset.label_size)
        return {"kind": "classes", "counts": counts.tolist(), "names": names}
    most = min(_MAX_ROWS, max(1, _MAX_NUMBERS // dataset.label_size))
    vectors, counts = _different_rows(dataset, most) or _sampled_rows(dataset, most)
    return {
        "kind": "vectors",
        "vectors": [[short_float(x) for x in vector] for vector in vectors],
        "counts": counts,
        "names": names,
    }


def one_hot(classes, label_size):
    """One-hot labels, float32 `[N, label_size]`."""
    rows = np.zeros((len(classes), label_size), np.float32)
    rows[np.arange(len(classes)), classes] = 1
    return rows


def vector_text(vector):
    """A label as the option `--label` takes it: `0.3,12`."""
    return ",".join(str(np.float32(x)).removesuffix(".0") for x in vector)


def _listed(names):
    return ", ".join([*names[:_NUM_LISTED], *(["..."] if len(names) > _NUM_LISTED else [])])


def _table_of_facts(facts, size):
    counts, names = np.array(facts["counts"], np.int64), facts.get("names")
    if counts.ndim != 1 or counts.min() < 0 or not counts.any():
        raise ValueError("numbers of images are missing")
    if names is not None and [type(name) for name in names] != [str] * size:
        raise ValueError(f"there are not {size} names")
    if facts["kind"] == "classes":
        if len(counts) != size:
            raise ValueError(f"{len(counts)} classes for labels of size {size}")
        classes = np.flatnonzero(counts)
        return LabelTable(size, classes=classes, counts=counts[classes], names=names)
    vectors = np.array(facts["vectors"], np.float32)
    if vectors.shape != (len(counts), size) or not np.isfinite(vectors).all():
        raise ValueError(f"vectors of the shape {list(vectors.shape)}")
    return LabelTable(size, vectors=vectors, counts=counts, names=names)


def _facts_of_training_data(info, label_size):
    try:
        options = info["options"]
        path = Path(options["data_dir"]) / options["dataset"]["path"]
        dataset = TFRecordDataset(path, max_label_size=label_size)
    # It has moved, or has been replaced by another.
    except (KeyError, ValueError, OSError):
        return None
    return label_facts(dataset)


def _different_rows(dataset, most):
    """Rows and counts of a data set with at most so many different labels, else None."""
    counts = {}
    for labels in label_batches(dataset):
        for row, count in zip(*np.unique(labels, axis=0, return_counts=True), strict=True):
            key = row.tobytes()
            counts[key] = counts.get(key, 0) + int(count)
        if len(counts) > most:
            return None
    rows = [np.frombuffer(key, np.float32) for key in counts]
    return rows, list(counts.values())


def _sampled_rows(dataset, most):
    rng = np.random.default_rng(_SAMPLE_SEED)
    chosen = np.sort(rng.choice(dataset.num_images, most, replace=False))
    return dataset.read_labels(chosen), [1] * most


def short_float(x):
    """The shortest decimal number that is the same float32."""
    return float(str(np.float32(x)))
