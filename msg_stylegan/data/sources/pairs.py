"""Pairs of data sets for two coupled generators: two domains that share no source image.

They are those of Soft-CoGAN, and any two folders whose files of the same name belong together. What
belongs together is known all the same, for scores: where the second domain is a known change of the
first, or where partners of the same name become data sets of their own.
"""

import dataclasses
import json
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from msg_stylegan.data.sources.arrays import Source, one_hot
from msg_stylegan.data.sources.celeba import CentralCelebaSource
from msg_stylegan.data.sources.digits import DigitsSource, open_fashion_mnist, open_mnist
from msg_stylegan.data.sources.fixed_form import FixedForm
from msg_stylegan.data.sources.image_files import EncodedImages, open_source, open_store
from msg_stylegan.data.sources.known_files import find_file
from msg_stylegan.data.sources.labels import find_member
from msg_stylegan.data.sources.svhn import open_svhn

_SHAPES_NAME = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
_ATTRIBUTES_NAME = "list_attr_celeba.txt"
_CATEGORIES_NAME = "categories.json"
# Value of the third factor of dSprites for the largest shapes.
_LARGEST = 5


class PartSource(Source):
    """Some images of another source, all changed in the same way.

    Args:
        source: The other source.
        indices: Numbers of its images.
        change: Function of uint8 `[r, r, C]` that returns the like; None for no change. It must be
            one that can be pickled.
        part: What the manifest calls the part.
        labels, class_names: Other labels than those of the source.
    """

    def __init__(self, source, indices, change=None, *, part, labels=None, class_names=None):
        self._source, self._change = source, change
        self._indices = np.asarray(indices, np.int64)
        if not len(self._indices):
            raise ValueError(f"There are no images for {part}.")
        self.num_images = len(self._indices)
        self.labels = source.labels if labels is None else labels
        if self.labels is not None:
            self.labels = self.labels[self._indices]
        self.class_names = class_names or source.class_names
        self.warnings = source.warnings
        self.description = {**source.description, "part": part, "num_images": self.num_images}

    def name(self, index):
        return self._source.name(self._indices[index])

    def read(self, index):
        image = self._source.read(self._indices[index])
        return image if self._change is None else self._change(image)


def negative(image):
    """What is black becomes white."""
    return 255 - image


def edge(image):
    """The outline: the image with every pixel as bright as its brightest neighbour, minus it."""
    padded = np.pad(image, [(1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
    return windows.max(axis=(3, 4)) - image


def rotated(image):
    """Turned by a quarter, against the clock."""
    return np.rot90(image)


# Name of a change -> the function; the known truth of the pairs `digits2...`.
CHANGES = {"negative": negative, "edge": edge, "rotated": rotated}


def _digits_and(name):
    def open_pair(options, folder=None):
        source = open_mnist(folder) if folder else DigitsSource()
        half = source.num_images // 2
        return {
            "a": PartSource(source, np.arange(half), part="first half"),
            "b": PartSource(
                source,
                np.arange(half, source.num_images),
                CHANGES[name],
                part=f"second half, {name}",
            ),
        }

    return open_pair


def _open_shapes(options, shapes, flowers):
    side = options.preparation.resolution or 32
    preparation = dataclasses.replace(options.preparation, resolution=side)
    return {"a": _Shapes(shapes, preparation), "b": open_source(flowers, preparation)}


class _Shapes(Source):
    """The largest shapes of dSprites, white on black.

    Args:
        folder: Folder of the `.npz` file.
        preparation: `ImagePreparation` with a resolution.
    """

    def __init__(self, folder, preparation):
        path = find_file(folder, _SHAPES_NAME)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                chosen = np.flatnonzero(arrays["latents_classes"][:, 2] == _LARGEST)
                # The file holds 3 GB of ones and zeros, of which a sixth is needed.
                self._images = arrays["imgs"][chosen]
        except (ValueError, LookupError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is damaged ({error}). Download it again.") from error
        self._preparation = preparation
        self.num_images = len(chosen)
        self.description = {"kind": "dsprites", "path": str(path), **preparation.description}

    def name(self, index):
        return f"shape {index}"

    def read(self, index):
        return self._preparation.prepare(Image.fromarray(255 * self._images[index]))


def _open_folders(options, path):
    """Training images of CycleGAN's data sets, which lie in folders trainA and trainB."""
    store = open_store(path)
    folders = [PurePosixPath(name).parent.name for name in store.names]
    missing = {"trainA", "trainB"} - set(folders)
    if missing:
        raise ValueError(f"{path} has no images in {' and '.join(sorted(missing))}.")
    images = EncodedImages(store, options.preparation)
    return {
        domain[-1].lower(): PartSource(
            images, [i for i, folder in enumerate(folders) if folder == domain], part=domain
        )
        for domain in ("trainA", "trainB")
    }


def _open_celeba(options, folder):
    """Faces with an attribute and faces without it."""
    if not options.attribute:
        raise ValueError("`create_pair celeba` needs `--attribute`, for example Smiling.")
    source = CentralCelebaSource(folder)
    has = _read_attribute(find_file(folder, _ATTRIBUTES_NAME), options.attribute)
    stems = [PurePosixPath(source.name(i)).stem for i in range(source.num_images)]
    missing = [stem for stem in stems if stem not in has]
    if missing:
        raise ValueError(
            f"{_ATTRIBUTES_NAME} says nothing about {len(missing)} images, such as {missing[0]}."
        )
    return {
        domain: PartSource(
            source,
            [i for i, stem in enumerate(stems) if has[stem] == wanted],
            part=f"{'' if wanted else 'not '}{options.attribute}",
        )
        for domain, wanted in (("a", True), ("b", False))
    }


def _read_attribute(path, attribute):
    """Dict of the name of an image, without its ending, -> whether it has the attribute."""
    # Their number, the names of the attributes, then a line for each image: 1 for yes, -1 for no.
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    names = lines[1].split() if len(lines) > 1 else []
    if attribute not in names:
        raise ValueError(
            f"{path} has no attribute {attribute!r}. Expected one of {', '.join(names) or 'none'}."
        )
    column, has = names.index(attribute), {}
    for number, line in enumerate(lines[2:], 3):
        file, *values = line.split() or [""]
        if not file:
            continue
        if len(values) != len(names) or values[column] not in ("1", "-1"):
            raise ValueError(
                f"Line {number} of {path} must be a name and {len(names)} numbers, each 1 or -1."
            )
        has[PurePosixPath(file).stem] = values[column] == "1"
    return has


def _open_same_names(options, path):
    """Half of the names from each of two folders, and their partners from the other folder."""
    store = open_store(path)
    numbers = {}
    for i, name in enumerate(map(PurePosixPath, store.names)):
        numbers.setdefault(str(name.parent), {})[name.name] = i
    if len(numbers) != 2:
        raise ValueError(f"{path} must hold two folders of images. Received: {sorted(numbers)}")
    (place_a, in_a), (place_b, in_b) = sorted(numbers.items())
    names = sorted(in_a.keys() & in_b.keys())
    left_out = len(store.names) - 2 * len(names)
    names = [names[i] for i in np.random.RandomState(123).permutation(len(names))]
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    images = EncodedImages(store, options.preparation)
    labels, class_names = _categories(store)

    def part(numbers, names, place, number):
        return PartSource(
            images,
            [numbers[name] for name in names],
            part=f"{place}, half {number} of the names",
            labels=labels,
            class_names=class_names,
        )

    found = {
        "a": part(in_a, halves[0], place_a, 1),
        "b": part(in_b, halves[1], place_b, 2),
        "a_partners": part(in_b, halves[0], place_b, 1),
        "b_partners": part(in_a, halves[1], place_a, 2),
    }
    if left_out:
        found["a"].warnings = [*images.warnings, f"{left_out} images without a partner are unused."]
    return found


def _categories(store):
    """Labels `[N, L]` of all images and names of the classes, by a file beside them; or None."""
    path = find_member(_CATEGORIES_NAME, store)
    if path is None:
        return None, None
    try:
        facts = json.loads(store.read_member(path))
        classes = [facts["labels"][PurePosixPath(name).name] for name in store.names]
        class_names = [str(name) for name in facts["categories"]]
        if len(set(class_names)) < len(class_names):
            raise ValueError("two categories of one name")
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"{path} of {store.path} must have different categories, and labels of all files. "
            f"Received: {error!r}"
        ) from error
    return one_hot(classes, len(class_names), path), class_names


@dataclasses.dataclass(frozen=True)
class PairOptions:
    """What pairs may be asked for.

    Attributes:
        preparation: `ImagePreparation` of image files.
        attribute: Of CelebA, the one by which faces are divided.
    """

    preparation: object
    attribute: str = ""


@dataclasses.dataclass(frozen=True)
class PairKind:
    """A pair that can be made.

    Attributes:
        what: The two domains, for the help.
        folders: What the arguments FOLDER are, for the help.
        open: Function of `PairOptions` and the folders; returns a dict of "a", "b" and perhaps
            "a_partners" and "b_partners" -> source. Image i of "a_partners" is the partner, from
            the domain of "b", of image i of "a".
        num_optional: How many of the folders may be left out.
        is_aligned: Whether images belong together by their numbers, so that none may be left out.
        has_attribute: Whether `PairOptions.attribute` decides the domains.
        form: `FixedForm` of the images if the files are not prepared as the options say; else None.
    """

    what: str
    folders: tuple[str, ...]
    open: Callable
    num_optional: int = 0
    is_aligned: bool = False
    has_attribute: bool = False
    form: FixedForm | None = None

    def check(self, options):
        """Refuses options that would change the images, but are not applied.

        Raises:
            ValueError: There are some; the message names them.
        """
        if options.attribute and not self.has_attribute:
            raise ValueError("`--attribute` is for `create_pair celeba` only. Leave it out.")
        refused = [] if self.form is None else self.form.changed_by(options.preparation)
        if refused:
            raise ValueError(
                f"The images of this pair are always {self.form}. Leave out {', '.join(refused)}."
            )


_MNIST = "folder of MNIST (without it: scikit-learn's digits)"
_CYCLE_GAN = ("folder or archive of trainA and trainB",)
PAIRS = {
    **{
        f"digits2{name}": PairKind(
            f"digits, {what}", (_MNIST,), _digits_and(name), 1, form=FixedForm(32, 1)
        )
        for name, what in (
            ("negative", "digits black on white"),
            ("edge", "outlines of digits"),
            ("rotated", "digits turned by 90 degrees"),
        )
    },
    "mnist2svhn": PairKind(
        "MNIST, SVHN",
        ("folder of MNIST", "folder of SVHN"),
        lambda options, mnist, svhn: {"a": open_mnist(mnist), "b": open_svhn(svhn)},
        form=FixedForm(32, None),
    ),
    "mnist2fashion": PairKind(
        "MNIST, Fashion-MNIST",
        ("folder of MNIST", "folder of Fashion-MNIST"),
        lambda options, mnist, fashion: {"a": open_mnist(mnist), "b": open_fashion_mnist(fashion)},
        form=FixedForm(32, 1),
    ),
    "shapes2flowers": PairKind(
        "shapes of dSprites, flowers", ("folder of dSprites", "flowers"), _open_shapes
    ),
    "apple2orange": PairKind("apples, oranges", _CYCLE_GAN, _open_folders),
    "horse2zebra": PairKind("horses, zebras", _CYCLE_GAN, _open_folders),
    "vangogh2photo": PairKind("paintings, photographs", _CYCLE_GAN, _open_folders),
    "celeba": PairKind(
        "faces with --attribute, faces without it",
        (f"folder of img_align_celeba and {_ATTRIBUTES_NAME}",),
        _open_celeba,
        has_attribute=True,
        form=FixedForm(128, 3, is_cut=True),
    ),
    "same_names": PairKind(
        "two folders of pictures; files of the same name belong together",
        ("folder or archive of two folders",),
        _open_same_names,
        is_aligned=True,
    ),
}


def open_pair(name, folders, options):
    """Opens the sources of a pair.

    Args:
        name: Key of `PAIRS`.
        folders: List of paths, as many as the pair needs.
        options: `PairOptions`.

    Returns:
        As `PairKind.open`.

    Raises:
        ValueError: Another number of folders, options that the pair does not apply, or what is in
            the folders cannot be used.
    """
    kind = PAIRS[name]
    kind.check(options)
    most = len(kind.folders)
    if not most - kind.num_optional <= len(folders) <= most:
        raise ValueError(
            f"`create_pair {name}` needs: {'; '.join(kind.folders)}. Received {len(folders)}."
        )
    sources = kind.open(options, *map(Path, folders))
    # Parts of one source would all repeat what it has to say.
    for domain, source in sources.items():
        if isinstance(source, PartSource) and domain != "a":
            source.warnings = ()
    return sources
