"""The Inception network of December 2015 behind FID, KID and the Inception Score.

Szegedy et al. 2016, "Rethinking the Inception architecture", in the version that Google published
as a frozen graph (`inception-2015-12-05`) and Heusel et al. 2017 measure FID with. It differs from
the ImageNet networks of Keras and torchvision; Keras' is offered too, under its own name.

Convolutions bear the scopes of the frozen graph. Batch normalisation is part of their kernels and
biases, so that the network is faster and has no training mode.
"""

import dataclasses
import functools
import hashlib

import numpy as np
import tensorflow as tf
from tensorflow import keras

from metrics.feature_networks.network import FeatureNetwork
from metrics.feature_networks.resize import resize_clean, resize_tf1_bilinear

# Raise it when the numbers change.
VERSION = 1

INPUT_SIZE = (299, 299)
NUM_FEATURES = 2048
# Added to the variance of a batch normalisation.
EPSILON = 1e-3
# Spelled out because what a program has chosen for all its layers must not reach here.
_IN_NHWC = {"data_format": "channels_last", "dtype": "float32"}

# Nash et al. 2021 (sFID): this layer, and so many of its channels.
_SPATIAL_LAYER = "mixed_6/conv"
_SPATIAL_CHANNELS = 7


@dataclasses.dataclass(frozen=True)
class _Conv:
    """Convolution, batch normalisation and ReLU."""

    scope: str
    channels: int
    size: tuple = (1, 1)
    stride: int = 1
    padding: str = "same"


@dataclasses.dataclass(frozen=True)
class _Pool:
    """Pooling of 3x3 pixels. An average leaves the padding out."""

    kind: str
    stride: int = 1
    padding: str = "same"


_HALVE = _Pool("max", stride=2, padding="valid")

_STEM = (
    _Conv("conv", 32, (3, 3), stride=2, padding="valid"),
    _Conv("conv_1", 32, (3, 3), padding="valid"),
    _Conv("conv_2", 64, (3, 3)),
    _HALVE,
    _Conv("conv_3", 80),
    _Conv("conv_4", 192, (3, 3), padding="valid"),
    _HALVE,
)


def _mixed_35(pool_channels):
    """Block at 35x35 pixels (figure 5 of the paper): branches, each a row of steps."""
    return (
        (_Conv("conv", 64),),
        (_Conv("tower/conv", 48), _Conv("tower/conv_1", 64, (5, 5))),
        (
            _Conv("tower_1/conv", 64),
            _Conv("tower_1/conv_1", 96, (3, 3)),
            _Conv("tower_1/conv_2", 96, (3, 3)),
        ),
        (_Pool("average"), _Conv("tower_2/conv", pool_channels)),
    )


def _mixed_17(channels):
    """Block at 17x17 pixels with factorised 7x7 convolutions (figure 6)."""
    return (
        (_Conv("conv", 192),),
        (
            _Conv("tower/conv", channels),
            _Conv("tower/conv_1", channels, (1, 7)),
            _Conv("tower/conv_2", 192, (7, 1)),
        ),
        (
            _Conv("tower_1/conv", channels),
            _Conv("tower_1/conv_1", channels, (7, 1)),
            _Conv("tower_1/conv_2", channels, (1, 7)),
            _Conv("tower_1/conv_3", channels, (7, 1)),
            _Conv("tower_1/conv_4", 192, (1, 7)),
        ),
        (_Pool("average"), _Conv("tower_2/conv", 192)),
    )


def _mixed_8(pool):
    """Block at 8x8 pixels (figure 7). A tuple in place of a step forks the branch."""
    return (
        (_Conv("conv", 320),),
        (_Conv("tower/conv", 384), _fork("tower/mixed")),
        (_Conv("tower_1/conv", 448), _Conv("tower_1/conv_1", 384, (3, 3)), _fork("tower_1/mixed")),
        (_Pool(pool), _Conv("tower_2/conv", 192)),
    )


def _fork(scope):
    return _Conv(f"{scope}/conv", 384, (1, 3)), _Conv(f"{scope}/conv_1", 384, (3, 1))


_TO_17 = (
    (_Conv("conv", 384, (3, 3), stride=2, padding="valid"),),
    (
        _Conv("tower/conv", 64),
        _Conv("tower/conv_1", 96, (3, 3)),
        _Conv("tower/conv_2", 96, (3, 3), stride=2, padding="valid"),
    ),
    (_HALVE,),
)

_TO_8 = (
    (_Conv("tower/conv", 192), _Conv("tower/conv_1", 320, (3, 3), stride=2, padding="valid")),
    (
        _Conv("tower_1/conv", 192),
        _Conv("tower_1/conv_1", 192, (1, 7)),
        _Conv("tower_1/conv_2", 192, (7, 1)),
        _Conv("tower_1/conv_3", 192, (3, 3), stride=2, padding="valid"),
    ),
    (_HALVE,),
)


def _blocks(last_pool):
    return {
        "mixed": _mixed_35(32),
        "mixed_1": _mixed_35(64),
        "mixed_2": _mixed_35(64),
        "mixed_3": _TO_17,
        "mixed_4": _mixed_17(128),
        "mixed_5": _mixed_17(160),
        "mixed_6": _mixed_17(160),
        "mixed_7": _mixed_17(192),
        "mixed_8": _TO_8,
        "mixed_9": _mixed_8("average"),
        "mixed_10": _mixed_8(last_pool),
    }


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
        Clean-FID does. They share one Keras model with the outputs "features" [n, 2048], "spatial"
        [n, 2023], and, if the weights have that layer, "logits" and "logits_with_bias" [n, 1008].
    """
    model = _build_model(weights, last_pool="max", name="inception_2015")
    resizes = {"inception": resize_tf1_bilinear, "clean_inception": resize_clean}
    return {
        name: _network(name, digest, model, functools.partial(_prepare, resize, 128.0))
        for name, resize in resizes.items()
    }


def keras_inception_network(weights, digest):
    """Keras' InceptionV3, trained anew on ImageNet. Its numbers compare with no published FID.

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
    for block, branches in _blocks(last_pool).items():
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
    activations = {}

    def apply(scope, step, x):
        activations[scope] = _layer(scope, step)(x)
        return activations[scope]

    def join(block, xs):
        return keras.layers.Concatenate(name=_layer_name(block), dtype="float32")(xs)

    images = keras.Input((*INPUT_SIZE, 3), name="images", dtype="float32")
    x = _run(apply, join, images, last_pool)
    features = keras.layers.GlobalAveragePooling2D(name="features", **_IN_NHWC)(x)
    spatial = activations[_SPATIAL_LAYER][..., :_SPATIAL_CHANNELS]
    spatial = keras.layers.Flatten(name="spatial", **_IN_NHWC)(spatial)
    outputs = {"features": features, "spatial": spatial}
    if "logits/kernel" in weights:
        classifier = _Classifier(len(weights["logits/bias"]), name="classifier", dtype="float32")
        outputs["logits"], outputs["logits_with_bias"] = classifier(features)
    model = keras.Model(images, outputs, name=name)
    model.trainable = False
    _set_weights(model, weights)
    return model


def _layer(scope, step):
    options = {"name": _layer_name(scope), "padding": step.padding, **_IN_NHWC}
    if isinstance(step, _Conv):
        return keras.layers.Conv2D(
            step.channels,
            step.size,
            step.stride,
            activation="relu",
            kernel_initializer="zeros",
            **options,
        )
    pooling = {"average": keras.layers.AveragePooling2D, "max": keras.layers.MaxPooling2D}
    return pooling[step.kind]((3, 3), step.stride, **options)


def _layer_name(scope):
    # Keras forbids the slash.
    return scope.replace("/", ".")


class _Classifier(keras.layers.Layer):
    """Fully connected layer with two results: without its bias, and with it."""

    def __init__(self, classes, **options):
        super().__init__(**options)
        self.classes = classes

    def build(self, input_shape):
        shape = (input_shape[-1], self.classes)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=shape[1:], initializer="zeros")

    def call(self, x):
        logits = tf.matmul(x, self.kernel)
        return logits, logits + self.bias


def _set_weights(model, weights):
    for scope in kernel_shapes():
        # In float64, so that the order of the products does not matter.
        kernel, *parts = (
            weights[f"{scope}/{part}"].astype(np.float64)
            for part in ("kernel", "gamma", "beta", "moving_mean", "moving_variance")
        )
        gamma, beta, mean, variance = parts
        scale = gamma / np.sqrt(variance + EPSILON)
        model.get_layer(_layer_name(scope)).set_weights([kernel * scale, beta - mean * scale])
    if "logits/kernel" in weights:
        model.get_layer("classifier").set_weights(
            [weights["logits/kernel"], weights["logits/bias"]]
        )
