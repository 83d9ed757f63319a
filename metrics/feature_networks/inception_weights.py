"""Weights of Inception under one set of names, whatever the file calls them.

A canonical dict holds per convolution the float32 arrays `<scope>/kernel` (height, width, in, out),
`/gamma`, `/beta`, `/moving_mean` and `/moving_variance`, with the scopes of the frozen graph
(`mixed_4/tower/conv_1`), and for the classes `logits/kernel` (2048, classes) and `logits/bias`.

Every function here takes the names and arrays of a file and refuses what it does not understand
completely, because a network with one wrong array still gives plausible numbers.
"""

import re

import numpy as np

from metrics.feature_networks.inception import NUM_FEATURES, kernel_shapes, torch_names

NUM_CLASSES = 1008
# Of the other network, that of Keras.
KERAS_CLASSES = 1000

_NORMALISATION = ("gamma", "beta", "moving_mean", "moving_variance")

# What the last part of a name may be, in files whose exact names are not known.
_KINDS = {
    "kernel": {"kernel", "conv2d_params", "weight", "weights"},
    "gamma": {"gamma"},
    "beta": {"beta", "bias", "biases"},
    "moving_mean": {"moving_mean", "running_mean", "mean"},
    "moving_variance": {"moving_variance", "running_var", "variance", "var"},
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_SILENT = {"batchnorm", "batch_norm", "bn", "conv2d"}
_CLASSIFIERS = {"softmax", "logits", "output", "fc"}

_SHOWN = 5


def from_torch(arrays):
    """Names of pytorch-fid's state dict, which torch-fidelity shares; kernels (out, in, h, w).

    Args:
        arrays: Dict such as `Mixed_5b.branch1x1.conv.weight` -> array.

    Returns:
        Canonical dict with 1008 classes.

    Raises:
        ValueError: Missing, unknown or misshapen arrays.
    """
    names = {"fc.weight": "logits/kernel", "fc.bias": "logits/bias"}
    for scope, layer in torch_names().items():
        names[f"{layer}.conv.weight"] = f"{scope}/kernel"
        for part, kind in zip(
            ("weight", "bias", "running_mean", "running_var"), _NORMALISATION, strict=True
        ):
            names[f"{layer}.bn.{part}"] = f"{scope}/{kind}"
    arrays = {k: v for k, v in arrays.items() if not k.endswith(".num_batches_tracked")}
    arrays = {k: v.transpose(_to_channels_last(v.ndim)) for k, v in arrays.items()}
    return _canonical(arrays, names)


def from_graph_def(arrays):
    """Constants of the frozen graph `classify_image_graph_def.pb`.

    Args:
        arrays: Dict such as `mixed/conv/batchnorm/beta` -> array. Constants that are not
            weights are passed over.

    Returns:
        Canonical dict with 1008 classes.

    Raises:
        ValueError: Missing, unknown or misshapen arrays.
    """
    names = {"softmax/weights": "logits/kernel", "softmax/biases": "logits/bias"}
    for scope in kernel_shapes():
        names[f"{scope}/conv2d_params"] = f"{scope}/kernel"
        names |= {f"{scope}/batchnorm/{kind}": f"{scope}/{kind}" for kind in _NORMALISATION}
    weights = {k: v for k, v in arrays.items() if re.search("/(conv2d_params|batchnorm/.*)$", k)}
    return _canonical(weights | {k: arrays[k] for k in names if k in arrays}, names)


def from_tflib(arrays):
    """Variables of NVIDIA's `inception_v3_features.pkl`.

    Its names are not documented. The scopes of the frozen graph are tried first, below any common
    prefix; then the order of the variables, if the kernels have the shapes of the network in the
    order of its layers. Gamma may be absent everywhere (it is 1 then), and so may the classes (the
    network then has no logits).

    Args:
        arrays: Dict of name -> array in the order of the file; kernels (h, w, in, out).

    Returns:
        Canonical dict with 1008 classes or none.

    Raises:
        ValueError: Missing, unknown or misshapen arrays.
    """
    arrays = {name.removesuffix(":0"): v for name, v in arrays.items() if v.ndim}
    names = _names_by_scope(arrays)
    if len(names) < len(arrays):
        names = _names_by_order(arrays) or names
    return _canonical(arrays, names, may_lack=True)


def from_keras(arrays):
    """Names of Keras' own InceptionV3 in an `.h5` file: ImageNet weights of another training.

    Layers count in the order of their creation, beginning with any number. There is no gamma.

    Args:
        arrays: Dict such as `conv2d_7/conv2d_7/kernel:0` -> array, in any order. A file without the
            classes ("notop") will do.

    Returns:
        Canonical dict with 1000 classes or none.

    Raises:
        ValueError: Missing, unknown or misshapen arrays.
    """
    numbers = {"conv2d": set(), "batch_normalization": set()}
    found = {}
    for name in arrays:
        layers = re.findall(
            r"(?:^|/)(conv2d|batch_normalization|predictions)(?:_(\d+))?(?=/)", name
        )
        if layers:
            layer, number = layers[-1][0], int(layers[-1][1] or 0)
            found[name] = layer, number, name.rpartition("/")[2].removesuffix(":0")
            numbers.setdefault(layer, set()).add(number)
    scopes = {
        layer: dict(zip(sorted(values), kernel_shapes(), strict=False))
        for layer, values in numbers.items()
    }
    names = {}
    for name, (layer, number, kind) in found.items():
        scope = "logits" if layer == "predictions" else scopes[layer].get(number)
        if scope and kind in ("kernel", "bias", *_NORMALISATION):
            names[name] = f"{scope}/{kind}"
    return _canonical(arrays, names, classes=KERAS_CLASSES, may_lack=True)


def _to_channels_last(ndim):
    return {4: (2, 3, 1, 0), 2: (1, 0)}.get(ndim, tuple(range(ndim)))


def _names_by_scope(arrays):
    """Canonical names of those arrays whose names end in a scope and a kind."""
    paths = {name: name.split("/") for name in arrays}
    scopes = set(kernel_shapes())
    # What all names begin with is the name of the network.
    shared = 0
    while len({path[shared] for path in paths.values() if len(path) > shared + 2}) == 1:
        shared += 1
    names = {}
    for name, path in paths.items():
        kind = _KIND_OF.get(path[-1].lower())
        scope = "/".join(part for part in path[shared:-1] if part.lower() not in _SILENT)
        if kind and scope in scopes:
            names[name] = f"{scope}/{kind}"
        elif kind in ("kernel", "beta") and scope.lower() in _CLASSIFIERS:
            names[name] = "logits/kernel" if kind == "kernel" else "logits/bias"
    return names


def _names_by_order(arrays):
    """Canonical names by the order of the arrays, or an empty dict if that is not clear."""
    kernels = [array.shape for array in arrays.values() if array.ndim == 4]
    if kernels != list(kernel_shapes().values()):
        return {}
    scopes = iter(kernel_shapes())
    names = {}
    scope = None
    for name, array in arrays.items():
        kind = _KIND_OF.get(re.split("[/.]", name)[-1].lower())
        if array.ndim == 4:
            scope, kind = next(scopes), "kernel"
        elif array.ndim == 2:
            scope, kind = "logits", "kernel"
        elif scope == "logits" and kind == "beta":
            kind = "bias"
        if scope is None or kind is None:
            return {}
        names[name] = f"{scope}/{kind}"
    return names


def _canonical(arrays, names, classes=NUM_CLASSES, may_lack=False):
    """Arrays under their canonical names, after all checks.

    Args:
        arrays: Dict of the file.
        names: Names of the file -> canonical names.
        classes: Number of classes.
        may_lack: Whether the layer of the classes may be absent, and gamma everywhere.
    """
    result = {names[name]: array for name, array in arrays.items() if name in names}
    shapes = {}
    for scope, shape in kernel_shapes().items():
        shapes[f"{scope}/kernel"] = shape
        shapes |= {f"{scope}/{kind}": shape[-1:] for kind in _NORMALISATION}
    shapes |= {"logits/kernel": (NUM_FEATURES, classes), "logits/bias": (classes,)}
    absent = {name for name in shapes if name not in result}
    gammas = {name for name in shapes if name.endswith("/gamma")}
    if may_lack and gammas <= absent:
        result |= {name: np.ones(shapes[name], np.float32) for name in gammas}
        absent -= gammas
    if may_lack and {"logits/kernel", "logits/bias"} <= absent:
        absent -= {"logits/kernel", "logits/bias"}
    theirs = {ours: name for name, ours in names.items()}
    given = [(name, array) for name, array in result.items() if name in theirs]
    problems = {
        "missing": [theirs.get(name, name) for name in shapes if name in absent],
        "unknown": [name for name in arrays if name not in names],
        "used twice": [n for n, ours in names.items() if n in arrays and theirs[ours] != n],
        "of another shape": [
            f"{theirs[name]} {list(array.shape)} instead of {list(shapes[name])}"
            for name, array in given
            if array.shape != shapes[name]
        ],
        "without sensible numbers": [
            theirs[name] for name, array in given if not _is_sensible(name, array)
        ],
    }
    found = []
    for problem, listed in problems.items():
        if listed:
            more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
            found.append(f"{problem}: {', '.join(listed[:_SHOWN])}{more}")
    if found:
        which = "Keras' InceptionV3" if classes == KERAS_CLASSES else "the Inception of 2015"
        raise ValueError(f"These are not the weights of {which}. Arrays {'; '.join(found)}.")
    return {name: np.asarray(array, np.float32) for name, array in result.items()}


def _is_sensible(name, array):
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        return False
    return not name.endswith("/moving_variance") or bool((array >= 0.0).all())
