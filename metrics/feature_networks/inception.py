"""The Inception network of December 2015 behind FID, KID and the Inception Score.

Szegedy et al. 2016, "Rethinking the Inception architecture", in the version that Google published
as a frozen graph (`inception-2015-12-05`) and Heusel et al. 2017 measure FID with. It differs from
the ImageNet networks of Keras and torchvision; Keras' is offered too, under its own name.

Convolutions have the scopes of the frozen graph. Batch normalisation is part of their kernels and
biases: the network is faster and has no training mode.
"""

import dataclasses
import functools
import hashlib

import numpy as np
import tensorflow as tf
from tensorflow import keras

from metrics.feature_networks.network import IN_NHWC, FeatureNetwork
from metrics.feature_networks.resize import resize_clean, resize_tf1_bilinear

# Raise it when the numbers change.
VERSION = 1

INPUT_SIZE = (299, 299)
NUM_FEATURES = 2048
# Added to the variance of a batch normalisation.
EPSILON = 1e-3


@dataclasses.dataclass(frozen=True)
class _Conv:
    """Convolution, batch normalisation and ReLU."""

    channels: int
    size: tuple = (1, 1)
    stride: int = 1
    padding: str = "same"
    # Names in the frozen graph and in pytorch-fid, those of the block left out.
    scope: str = ""
    torch: str = ""


@dataclasses.dataclass(frozen=True)
class _Pool:
    """Pooling of 3x3 pixels. An average leaves the padding out."""

    kind: str
    stride: int = 1
    padding: str = "same"


_HALVE = _Pool("max", stride=2, padding="valid")


def _row(scope, torch, *convolutions):
    """Convolutions in a row, numbered by both networks, but only by ours if there is one."""
    return tuple(
        dataclasses.replace(
            convolution,
            scope=f"{scope}_{i}" if i else scope,
            torch=f"{torch}_{i + 1}" if len(convolutions) > 1 else torch,
        )
        for i, convolution in enumerate(convolutions)
    )


_STEM = (
    _Conv(32, (3, 3), 2, "valid", "conv", "Conv2d_1a_3x3"),
    _Conv(32, (3, 3), 1, "valid", "conv_1", "Conv2d_2a_3x3"),
    _Conv(64, (3, 3), 1, "same", "conv_2", "Conv2d_2b_3x3"),
    _HALVE,
    _Conv(80, (1, 1), 1, "same", "conv_3", "Conv2d_3b_1x1"),
    _Conv(192, (3, 3), 1, "valid", "conv_4", "Conv2d_4a_3x3"),
    _HALVE,
)


def _mixed_35(pool_channels):
    """Block at 35x35 pixels (figure 5 of the paper): branches, each a row of steps."""
    return (
        _row("conv", "branch1x1", _Conv(64)),
        _row("tower/conv", "branch5x5", _Conv(48), _Conv(64, (5, 5))),
        _row("tower_1/conv", "branch3x3dbl", _Conv(64), _Conv(96, (3, 3)), _Conv(96, (3, 3))),
        (_Pool("average"), *_row("tower_2/conv", "branch_pool", _Conv(pool_channels))),
    )


def _mixed_17(channels):
    """Block at 17x17 pixels with factorised 7x7 convolutions (figure 6)."""
    point, wide, high = (_Conv(channels, size) for size in ((1, 1), (1, 7), (7, 1)))
    last_wide, last_high = _Conv(192, (1, 7)), _Conv(192, (7, 1))
    return (
        _row("conv", "branch1x1", _Conv(192)),
        _row("tower/conv", "branch7x7", point, wide, last_high),
        _row("tower_1/conv", "branch7x7dbl", point, high, wide, high, last_wide),
        (_Pool("average"), *_row("tower_2/conv", "branch_pool", _Conv(192))),
    )


def _mixed_8(pool):
    """Block at 8x8 pixels (figure 7). A tuple in place of a step forks the branch."""
    double = _row("tower_1/conv", "branch3x3dbl", _Conv(448), _Conv(384, (3, 3)))
    return (
        _row("conv", "branch1x1", _Conv(320)),
        (*_row("tower/conv", "branch3x3_1", _Conv(384)), _fork("tower/mixed", "branch3x3_2")),
        (*double, _fork("tower_1/mixed", "branch3x3dbl_3")),
        (_Pool(pool), *_row("tower_2/conv", "branch_pool", _Conv(192))),
    )


def _fork(scope, torch):
    return (
        _Conv(384, (1, 3), scope=f"{scope}/conv", torch=f"{torch}a"),
        _Conv(384, (3, 1), scope=f"{scope}/conv_1", torch=f"{torch}b"),
    )


def _halving(channels):
    return _Conv(channels, (3, 3), stride=2, padding="valid")


_TO_17 = (
    _row("conv", "branch3x3", _halving(384)),
    _row("tower/conv", "branch3x3dbl", _Conv(64), _Conv(96, (3, 3)), _halving(96)),
    (_HALVE,),
)

_FACTORISED = (_Conv(192), _Conv(192, (1, 7)), _Conv(192, (7, 1)))
_TO_8 = (
    _row("tower/conv", "branch3x3", _Conv(192), _halving(320)),
    _row("tower_1/conv", "branch7x7x3", *_FACTORISED, _halving(192)),
    (_HALVE,),
)


def _blocks(last_pool):
    """Dict of the name of a block -> its name in pytorch-fid, and its branches."""
    return {
        "mixed": ("Mixed_5b", _mixed_35(32)),
        "mixed_1": ("Mixed_5c", _mixed_35(64)),
        "mixed_2": ("Mixed_5d", _mixed_35(64)),
        "mixed_3": ("Mixed_6a", _TO_17),
        "mixed_4": ("Mixed_6b", _mixed_17(128)),
        "mixed_5": ("Mixed_6c", _mixed_17(160)),
        "mixed_6": ("Mixed_6d", _mixed_17(160)),
        "mixed_7": ("Mixed_6e", _mixed_17(192)),
        "mixed_8": ("Mixed_7a", _TO_8),
        "mixed_9": ("Mixed_7b", _mixed_8("average")),
        "mixed_10": ("Mixed_7c", _mixed_8(last_pool)),
    }


def torch_names():
    """Names of all 94 convolutions in pytorch-fid: dict of scope -> name."""
    names = {step.scope: step.torch for step in _STEM if isinstance(step, _Conv)}
    for block, (torch, branches) in _blocks("max").items():
        # Steps, and the two of a fork.
        convolutions = (step for step in tf.nest.flatten(branches) if isinstance(step, _Conv))
        names |= {f"{block}/{conv.scope}": f"{torch}.{conv.torch}" for conv in convolutions}
    return names


def kernel_shapes():
    """Shapes of all 94 kernels: dict of scope -> (height, width, in, out), in creation order."""
    shapes = {}

    def apply(scope, step, channels):
        if isinstance(step, _Pool):
            return channels
        shapes[scope] = (*step.size, channels, step.channels)
        return step.channels

    _run(apply, lambda block, channels: sum(channels), 3, last_pool="max")
    return shapes


def inception_networks(weights, digest):
    """The 2015 network behind both of the usual ways to resize images for it.

    Args:
        weights: Canonical arrays, see `metrics.feature_networks.inception_weights`.
        digest: Hex digest that identifies the weights.

    Returns:
        Dict of `FeatureNetwork`: "inception" resizes as the graph itself does, "clean_inception" as
        Clean-FID does. They share one Keras model with the outputs "features" [n, 2048] and, if the
        weights have that layer, "logits" [n, 1008] without their bias.
    """
    model = _build_model(weights, last_pool="max", name="inception_2015")
    resizes = {"inception": resize_tf1_bilinear, "clean_inception": resize_clean}
    return {
        name: _network(name, digest, model, functools.partial(_prepare, resize, 128.0))
        for name, resize in resizes.items()
    }


def keras_inception_network(weights, digest):
    """Keras' InceptionV3, trained anew on ImageNet. Not comparable with any published FID.

    Images are resized as for "inception".

    Args:
        weights: Canonical arrays of Keras' file.
        digest: Hex digest that identifies the weights.

    Returns:
        A `FeatureNetwork` with the same outputs, but 1000 classes.
    """
    # Keras' architecture averages in the last block too.
    model = _build_model(weights, last_pool="average", name="inception_keras")
    prepare = functools.partial(_prepare, resize_tf1_bilinear, 127.5)
    return _network("keras_inception", digest, model, prepare)


def _network(name, digest, model, prepare):
    identity = hashlib.sha256(f"{name} {VERSION} {digest}".encode()).hexdigest()
    return FeatureNetwork(name, identity, model, prepare, NUM_FEATURES)


def _prepare(resize, middle, images):
    """Maps 0..255 to about [-1, 1] at the size of the network; grey level `middle` becomes 0."""
    return (resize(images, INPUT_SIZE) - middle) / middle


def _run(apply, join, x, last_pool):
    """Walks through the network: apply(scope, step, x) at each step, join(block, xs) at its end."""
    for i, step in enumerate(_STEM):
        x = apply(step.scope if isinstance(step, _Conv) else f"stem/pool_{i}", step, x)
    for block, (_, branches) in _blocks(last_pool).items():
        outputs = []
        for branch in branches:
            outputs += _run_branch(apply, block, branch, x)
        x = join(block, outputs)
    return x


def _run_branch(apply, block, branch, x):
    for step in branch:
        if isinstance(step, tuple):
            return [apply(f"{block}/{part.scope}", part, x) for part in step]
        scope = step.scope if isinstance(step, _Conv) else "pool"
        x = apply(f"{block}/{scope}", step, x)
    return [x]


def _build_model(weights, last_pool, name):
    """Keras model of images float32 [n, 299, 299, 3] with its weights set."""

    def join(block, xs):
        return keras.layers.Concatenate(name=_layer_name(block), dtype="float32")(xs)

    images = keras.Input((*INPUT_SIZE, 3), name="images", dtype="float32")
    x = _run(_apply_layer, join, images, last_pool)
    features = keras.layers.GlobalAveragePooling2D(name="features", **IN_NHWC)(x)
    outputs = {"features": features}
    if "logits/kernel" in weights:
        classes = weights["logits/kernel"].shape[1]
        options = {"use_bias": False, "kernel_initializer": "zeros", "dtype": "float32"}
        outputs["logits"] = keras.layers.Dense(classes, name="classifier", **options)(features)
    model = keras.Model(images, outputs, name=name)
    model.trainable = False
    _set_weights(model, weights)
    return model


def _apply_layer(scope, step, x):
    options = {"name": _layer_name(scope), "padding": step.padding, **IN_NHWC}
    if isinstance(step, _Conv):
        options |= {"activation": "relu", "kernel_initializer": "zeros"}
        return keras.layers.Conv2D(step.channels, step.size, step.stride, **options)(x)
    pooling = {"average": keras.layers.AveragePooling2D, "max": keras.layers.MaxPooling2D}
    return pooling[step.kind]((3, 3), step.stride, **options)(x)


def _layer_name(scope):
    # Keras forbids the slash.
    return scope.replace("/", ".")


def _set_weights(model, weights):
    for scope in kernel_shapes():
        # In float64, so that the order of the products does not matter.
        kernel, gamma, beta, mean, variance = (
            weights[f"{scope}/{part}"].astype(np.float64)
            for part in ("kernel", "gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        model.get_layer(_layer_name(scope)).set_weights([kernel * scale, beta - mean * scale])
    if "logits/kernel" in weights:
        model.get_layer("classifier").set_weights([weights["logits/kernel"]])
