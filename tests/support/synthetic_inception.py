"""Synthetic weights of the 2015 Inception network, under the names of every kind of file.

The table of convolutions here is written apart from the one of the code under test, so that a slip
in either shows. The numbers are those of the recordings (golden/README.md).
"""

import functools
import zlib

import numpy as np

CLASSES = 1008
NUM_PARAMETERS = 23_885_392


def _chain(torch, tf, channels_in, *layers):
    """(name of pytorch-fid, TF scope, OIHW shape) of convolutions in a row: (h, w, channels)."""
    rows = []
    for i, (height, width, channels) in enumerate(layers):
        torch_name = torch if len(layers) == 1 else f"{torch}_{i + 1}"
        tf_name = tf if i == 0 else f"{tf}_{i}"
        rows.append((torch_name, tf_name, (channels, channels_in, height, width)))
        channels_in = channels
    return rows


def _stem():
    torch = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
    tf = ("conv", "conv_1", "conv_2", "conv_3", "conv_4")
    shapes = ((32, 3, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (80, 64, 1, 1), (192, 80, 3, 3))
    return list(zip(torch, tf, shapes, strict=True))


def _mixed_35(torch, tf, c, pool):
    return [
        *_chain(f"{torch}.branch1x1", f"{tf}/conv", c, (1, 1, 64)),
        *_chain(f"{torch}.branch5x5", f"{tf}/tower/conv", c, (1, 1, 48), (5, 5, 64)),
        *_chain(
            f"{torch}.branch3x3dbl", f"{tf}/tower_1/conv", c, (1, 1, 64), (3, 3, 96), (3, 3, 96)
        ),
        *_chain(f"{torch}.branch_pool", f"{tf}/tower_2/conv", c, (1, 1, pool)),
    ]


def _mixed_17(torch, tf, c):
    seven = [(1, 1, c), (1, 7, c), (7, 1, 192)]
    double = [(1, 1, c), (7, 1, c), (1, 7, c), (7, 1, c), (1, 7, 192)]
    return [
        *_chain(f"{torch}.branch1x1", f"{tf}/conv", 768, (1, 1, 192)),
        *_chain(f"{torch}.branch7x7", f"{tf}/tower/conv", 768, *seven),
        *_chain(f"{torch}.branch7x7dbl", f"{tf}/tower_1/conv", 768, *double),
        *_chain(f"{torch}.branch_pool", f"{tf}/tower_2/conv", 768, (1, 1, 192)),
    ]


def _mixed_8(torch, tf, c):
    return [
        (f"{torch}.branch1x1", f"{tf}/conv", (320, c, 1, 1)),
        (f"{torch}.branch3x3_1", f"{tf}/tower/conv", (384, c, 1, 1)),
        (f"{torch}.branch3x3_2a", f"{tf}/tower/mixed/conv", (384, 384, 1, 3)),
        (f"{torch}.branch3x3_2b", f"{tf}/tower/mixed/conv_1", (384, 384, 3, 1)),
        (f"{torch}.branch3x3dbl_1", f"{tf}/tower_1/conv", (448, c, 1, 1)),
        (f"{torch}.branch3x3dbl_2", f"{tf}/tower_1/conv_1", (384, 448, 3, 3)),
        (f"{torch}.branch3x3dbl_3a", f"{tf}/tower_1/mixed/conv", (384, 384, 1, 3)),
        (f"{torch}.branch3x3dbl_3b", f"{tf}/tower_1/mixed/conv_1", (384, 384, 3, 1)),
        (f"{torch}.branch_pool", f"{tf}/tower_2/conv", (192, c, 1, 1)),
    ]


# (name of pytorch-fid, TF scope, OIHW shape of the kernel), in the order of creation.
CONVOLUTIONS = [
    *_stem(),
    *_mixed_35("Mixed_5b", "mixed", 192, 32),
    *_mixed_35("Mixed_5c", "mixed_1", 256, 64),
    *_mixed_35("Mixed_5d", "mixed_2", 288, 64),
    *_chain("Mixed_6a.branch3x3", "mixed_3/conv", 288, (3, 3, 384)),
    *_chain("Mixed_6a.branch3x3dbl", "mixed_3/tower/conv", 288, (1, 1, 64), (3, 3, 96), (3, 3, 96)),
    *_mixed_17("Mixed_6b", "mixed_4", 128),
    *_mixed_17("Mixed_6c", "mixed_5", 160),
    *_mixed_17("Mixed_6d", "mixed_6", 160),
    *_mixed_17("Mixed_6e", "mixed_7", 192),
    *_chain("Mixed_7a.branch3x3", "mixed_8/tower/conv", 768, (1, 1, 192), (3, 3, 320)),
    *_chain(
        "Mixed_7a.branch7x7x3",
        "mixed_8/tower_1/conv",
        768,
        *[(1, 1, 192), (1, 7, 192), (7, 1, 192), (3, 3, 192)],
    ),
    *_mixed_8("Mixed_7b", "mixed_9", 1280),
    *_mixed_8("Mixed_7c", "mixed_10", 2048),
]

# Part of a normalisation: in PyTorch, in the GraphDef, in Keras.
_NORMALISATION = (
    ("weight", "gamma"),
    ("bias", "beta"),
    ("running_mean", "moving_mean"),
    ("running_var", "moving_variance"),
)


@functools.cache
def torch_arrays():
    """All arrays as pytorch-fid's state dict has them; kernels OIHW. Do not change them."""
    arrays = {}

    def add(name, shape):
        arrays[name] = _draw(name, shape)
        arrays[name].flags.writeable = False

    for name, _, shape in CONVOLUTIONS:
        add(f"{name}.conv.weight", shape)
        for part, _ in _NORMALISATION:
            add(f"{name}.bn.{part}", shape[:1])
        arrays[f"{name}.bn.num_batches_tracked"] = np.zeros((), np.int64)
    add("fc.weight", (CLASSES, 2048))
    add("fc.bias", (CLASSES,))
    return arrays


def graph_def_arrays():
    """The same weights under the names of `classify_image_graph_def.pb`; kernels HWIO."""
    return {
        name.replace(":gamma", "/batchnorm/gamma")
        .replace(":beta", "/batchnorm/beta")
        .replace(":moving", "/batchnorm/moving")
        .replace(":kernel", "/conv2d_params"): array
        for name, array in _scoped_arrays(gamma=True).items()
    } | {
        "softmax/weights": np.ascontiguousarray(torch_arrays()["fc.weight"].T),
        "softmax/biases": torch_arrays()["fc.bias"],
    }


def tflib_arrays(gamma=True, logits=True):
    """The same weights under the scopes that NVIDIA's pickle is expected to use.

    Without gamma, it is taken into beta and the variance, as a network without it would be saved.
    """
    arrays = {
        name.replace(":kernel", "/weight").replace(":", "/"): array
        for name, array in _scoped_arrays(gamma).items()
    }
    if logits:
        arrays["softmax/weight"] = np.ascontiguousarray(torch_arrays()["fc.weight"].T)
        arrays["softmax/bias"] = torch_arrays()["fc.bias"]
    return arrays


def keras_arrays(first=0):
    """Arrays of the shapes and names of Keras' ImageNet file, in alphabetical order.

    Args:
        first: Number of the first convolution. Older Keras counts from 1, newer from 0 (no number).
    """
    arrays = {}
    for i, (name, *_) in enumerate(CONVOLUTIONS):
        number = f"_{i + first}" if i + first else ""
        kernel = torch_arrays()[f"{name}.conv.weight"].transpose(2, 3, 1, 0)
        arrays[f"conv2d{number}/conv2d{number}/kernel:0"] = np.ascontiguousarray(kernel)
        scope = f"batch_normalization{number}"
        for torch_part, part in _NORMALISATION[1:]:
            array = torch_arrays()[f"{name}.bn.{torch_part}"]
            arrays[f"{scope}/{scope}/{part}:0"] = array
    kernel = np.ascontiguousarray(torch_arrays()["fc.weight"][:1000].T)
    arrays["predictions/predictions/kernel:0"] = kernel
    arrays["predictions/predictions/bias:0"] = torch_arrays()["fc.bias"][:1000]
    return dict(sorted(arrays.items()))


def _scoped_arrays(gamma):
    arrays = {}
    for name, scope, _ in CONVOLUTIONS:
        kernel = torch_arrays()[f"{name}.conv.weight"]
        arrays[f"{scope}:kernel"] = np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))
        parts = {tf: torch_arrays()[f"{name}.bn.{torch}"] for torch, tf in _NORMALISATION}
        if not gamma:
            # gamma / sqrt(variance + 0.001) stays what it was.
            variance = (parts["moving_variance"] + 1e-3) / parts.pop("gamma") ** 2 - 1e-3
            parts["moving_variance"] = variance.astype(np.float32)
        arrays |= {f"{scope}:{part}": array for part, array in parts.items()}
    return arrays


def _draw(name, shape):
    """One array of the recordings' synthetic weights."""
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        array = rng.uniform(0.5, 1.5, shape)
    elif name.endswith(("running_mean", "bias")):
        array = 0.1 * rng.randn(*shape)
    elif name.endswith("bn.weight"):
        array = rng.uniform(0.8, 1.2, shape)
    else:
        array = rng.randn(*shape) * np.sqrt(2.0 / np.prod(shape[1:]))
    return array.astype(np.float32)
