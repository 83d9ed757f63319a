"""VGG19 and VGG16 (Simonyan and Zisserman 2015) as judges of how images look, layer by layer.

Content and style are compared in such activations (Gatys et al. 2016). VGG19 has the weights of
Keras, which are those of the paper: they want the order blue, green, red and no division. VGG16 has
those of torchvision, see `vgg16.py`.
"""

import hashlib
import re

import tensorflow as tf
from tensorflow import keras

from metrics.feature_networks import vgg16
from metrics.feature_networks.weight_files import checked_array

# Raise it when the numbers change.
VERSION = 1

# Four maxima of 2x2 leave one pixel of it.
MIN_RESOLUTION = 16
# As `vgg16.BLOCKS`.
VGG19_BLOCKS = (*vgg16.BLOCKS[:2], *((channels,) * 4 for channels in (256, 512, 512)))
# Blue, green, red of the images that VGG19 was trained with.
_VGG19_MEAN = (103.939, 116.779, 123.68)
_HALF_RANGE = 127.5
_VGG19_TITLE = "Keras' weights of VGG19"


def vgg19_from_keras(arrays):
    """Canonical weights of the convolutions, from any `.h5` file of Keras' VGG19.

    Args:
        arrays: Dict such as "block1_conv1/block1_conv1_W_1:0" (the published file),
            "block1_conv1/block1_conv1/kernel:0" or "layers/conv2d/vars/0" -> array. A file
            without the classes ("notop") will do.

    Returns:
        Dict of "<layer>/kernel" `[3, 3, in, out]` and "<layer>/bias" `[out]`, see
        `vgg16.kernel_shapes`.

    Raises:
        ValueError: It is another network.
    """
    found, numbered = {}, {}
    for name, array in arrays.items():
        part = {4: "kernel", 1: "bias"}.get(array.ndim)
        if layers := re.findall(r"(?:^|/)block(\d_conv\d)(?=/)", name):
            found[f"conv{layers[-1].replace('_conv', '_')}/{part}"] = array
        elif match := re.search(r"(?:^|/)conv2d(?:_(\d+))?/vars/[01]$", name):
            numbered[int(match[1] or 0), part] = array
    shapes = vgg16.kernel_shapes(VGG19_BLOCKS)
    # Keras 3 counts the layers of a file in their order.
    for number, layer in zip(sorted({number for number, _ in numbered}), shapes, strict=False):
        for part in ("kernel", "bias"):
            if (number, part) in numbered:
                found[f"{layer}/{part}"] = numbered[number, part]
    return {
        f"{layer}/{part}": checked_array(found, f"{layer}/{part}", of_part, _VGG19_TITLE)
        for layer, shape in shapes.items()
        for part, of_part in (("kernel", shape), ("bias", shape[3:]))
    }


class PerceptualTaps:
    """The activations of all convolutions of a network, after their ReLU.

    They can be differentiated with respect to the images, also inside a `tf.function`, which leaves
    out layers that are not used. The weights are not trainable; make it in the scope of the
    strategy.

    Attributes:
        name: Name of the network.
        layers: Names of the layers, in order: "block1_conv1", "block1_conv2", ...
        unit: By how much the input of the network changes when the images change by 1, which is
            the scale of its activations.
        identity: Hex digest of weights, preprocessing and version of our code.

    Args:
        name: Name of the network.
        blocks: Channels of its convolutions, as `vgg16.BLOCKS`.
        weights: Canonical weights, see `vgg16.convolutions_from_torch`.
        prepare: Function that turns RGB `[n, h, w, 3]`, values 0..255, into what the network wants.
        std: By how many of these values the input of the network changes by 1.
        digest: Hex digest that identifies the weights.
    """

    def __init__(self, name, blocks, weights, prepare, std, digest):
        images = keras.Input((None, None, 3), name="images", dtype="float32")
        last = vgg16.convolutions(images, blocks)[-1]
        convolutions = keras.Model(images, last)
        taps = {
            f"block{i + 1}_conv{j + 1}": convolutions.get_layer(f"conv{i + 1}_{j + 1}").output
            for i, block in enumerate(blocks)
            for j in range(len(block))
        }
        self._model = keras.Model(images, taps, name=name)
        vgg16.set_weights(self._model, weights)
        self._prepare = prepare
        self.name = name
        self.unit = _HALF_RANGE / std
        self.layers = tuple(taps)
        self.identity = hashlib.sha256(f"{name} taps {VERSION} {digest}".encode()).hexdigest()

    def __call__(self, images):
        """Activations of images.

        Args:
            images: float32 `[n, r, r, C]` in [-1, 1], C = 1 or 3, r at least `MIN_RESOLUTION`.
                Grayscale is repeated. Not resized.

        Returns:
            Dict of layer -> float32 `[n, r / 2^k, r / 2^k, channels]` in block k + 1.
        """
        if images.shape[3] == 1:
            images = tf.repeat(images, 3, axis=3)
        return self._model(self._prepare((images + 1.0) * _HALF_RANGE))


def vgg19_taps(weights, digest):
    """`PerceptualTaps` of VGG19; `weights` as `vgg19_from_keras` returns them."""
    return PerceptualTaps("vgg19", VGG19_BLOCKS, weights, _prepare_vgg19, 1.0, digest)


def vgg16_taps(weights, digest):
    """`PerceptualTaps` of VGG16; `weights` as `vgg16.convolutions_from_torch` returns them."""
    std = sum(vgg16.COLOUR_STD) / 3
    return PerceptualTaps("vgg16", vgg16.BLOCKS, weights, vgg16.normalize, std, digest)


def _prepare_vgg19(images):
    return tf.reverse(images, axis=[3]) - _VGG19_MEAN
