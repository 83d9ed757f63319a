"""Weights of EfficientNet-Lite0 in the form of PyTorch, of random numbers, and what they compute.

The network is stated here once more, block by block, in NumPy with 64 bits.
"""

import numpy as np

# Side of the depthwise kernel, stride, channels before, inside and after each block.
BLOCKS = (
    (3, 1, 32, 32, 16),
    (3, 2, 16, 96, 24),
    (3, 1, 24, 144, 24),
    (5, 2, 24, 144, 40),
    (5, 1, 40, 240, 40),
    (3, 2, 40, 240, 80),
    (3, 1, 80, 480, 80),
    (3, 1, 80, 480, 80),
    (5, 1, 80, 480, 112),
    (5, 1, 112, 672, 112),
    (5, 1, 112, 672, 112),
    (5, 2, 112, 672, 192),
    (5, 1, 192, 1152, 192),
    (5, 1, 192, 1152, 192),
    (5, 1, 192, 1152, 192),
    (3, 1, 192, 1152, 320),
)


def torch_arrays(seed=0):
    """A state dict with the names and shapes of the published one."""
    rng = np.random.default_rng(seed)
    arrays = {}

    def add(conv, norm, channels_in, channels, size=1):
        scale = np.float32(np.sqrt(2.0 / (channels_in * size * size)))
        shape = (channels, channels_in, size, size)
        arrays[f"{conv}.weight"] = rng.standard_normal(shape, np.float32) * scale
        arrays[f"{norm}.weight"] = rng.uniform(0.5, 1.5, channels).astype(np.float32)
        arrays[f"{norm}.bias"] = rng.normal(size=channels).astype(np.float32) / 5
        arrays[f"{norm}.running_mean"] = rng.normal(size=channels).astype(np.float32) / 5
        # Not so small that activations grow from layer to layer, and rounding with them.
        arrays[f"{norm}.running_var"] = rng.uniform(0.5, 2.0, channels).astype(np.float32)
        arrays[f"{norm}.num_batches_tracked"] = np.array(1, np.int64)

    add("_conv_stem", "_bn0", 3, 32, 3)
    for i, (size, _, before, inside, after) in enumerate(BLOCKS):
        if inside > before:
            add(f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0", before, inside)
        add(f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1", 1, inside, size)
        add(f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2", inside, after)
    add("_conv_head", "_bn1", 320, 1280)
    arrays["_fc.weight"] = rng.standard_normal((1000, 1280), np.float32) / 36
    arrays["_fc.bias"] = rng.standard_normal(1000, np.float32)
    return arrays


def plain_features(arrays, x):
    """Features `[1280]` of one prepared image float64 `[3, 224, 224]`."""

    def normalized(x, norm):
        gamma, beta, mean, variance = (
            arrays[f"{norm}.{part}"].astype(np.float64)[:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def relu6(x):
        return np.clip(x, 0.0, 6.0)

    def convolved(x, name, stride=1):
        return convolution(x, arrays[f"{name}.weight"].astype(np.float64), stride)

    x = relu6(normalized(convolved(x, "_conv_stem", 2), "_bn0"))
    for i, (_, stride, before, inside, after) in enumerate(BLOCKS):
        y, prefix = x, f"_blocks.{i}."
        if inside > before:
            y = relu6(normalized(convolved(y, f"{prefix}_expand_conv"), f"{prefix}_bn0"))
        y = relu6(normalized(convolved(y, f"{prefix}_depthwise_conv", stride), f"{prefix}_bn1"))
        y = normalized(convolved(y, f"{prefix}_project_conv"), f"{prefix}_bn2")
        x = x + y if stride == 1 and before == after else y
    return relu6(normalized(convolved(x, "_conv_head"), "_bn1")).mean(axis=(1, 2))


def convolution(x, kernel, stride):
    """Convolution of `[C, H, W]`, padded to ceil(H / stride) rows, the odd pixel at the end.

    The kernel is `[O, C, k, k]`, or `[C, 1, k, k]` for one image per channel.
    """
    size = kernel.shape[2]
    sides = [-(-side // stride) for side in x.shape[1:]]
    margins = [
        max(0, (out - 1) * stride + size - side)
        for out, side in zip(sides, x.shape[1:], strict=True)
    ]
    padded = np.pad(x, ((0, 0), *((margin // 2, margin - margin // 2) for margin in margins)))
    total = 0.0
    for i in range(size):
        for j in range(size):
            shifted = padded[:, i::stride, j::stride][:, : sides[0], : sides[1]]
            if kernel.shape[1] == 1:
                total = total + kernel[:, 0, i, j, None, None] * shifted
            else:
                total = total + np.tensordot(kernel[:, :, i, j], shifted, 1)
    return total
