"""Plain statements of the operations in NumPy, which the tests compare ours with."""

import numpy as np


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def convolve(x, kernel):
    """Stride 1, zeros beyond the border, odd kernel; NHWC and HWIO."""
    n, height, width, _ = x.shape
    size = kernel.shape[0]
    border = size // 2
    padded = np.pad(x.astype(np.float64), [(0, 0), (border, border), (border, border), (0, 0)])
    out = np.zeros((n, height, width, kernel.shape[3]))
    for i in range(height):
        for j in range(width):
            window = padded[:, i : i + size, j : j + size]
            out[:, i, j] = np.einsum("nhwc,hwcf->nf", window, kernel)
    return out


def nearest(x):
    return x.repeat(2, axis=-3).repeat(2, axis=-2)


def means(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4.0


def blurred(x, taps):
    taps = np.array(taps, np.float64) / np.sum(taps)
    channels = x.shape[-1]
    return convolve(x, np.outer(taps, taps)[:, :, None, None] * np.eye(channels))


def group_stddev(x, group_size, num_channels):
    """Sample i belongs to group i mod M; one number per group and share of the channels."""
    n, _, _, channels = x.shape
    num_groups = n // min(group_size, n)
    share = channels // num_channels
    out = np.zeros((n, num_channels))
    for i in range(n):
        members = [j for j in range(n) if j % num_groups == i % num_groups]
        for k in range(num_channels):
            values = x[members][..., k * share : (k + 1) * share].astype(np.float64)
            out[i, k] = np.sqrt(values.var(axis=0) + 1e-8).mean()
    return out


def assert_close(ours, expected, tolerance=1e-5):
    ours = np.asarray(ours)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance)


def one_hot(classes, label_size):
    return np.eye(label_size, dtype=np.float32)[classes]


def append_stddev(x, group_size, num_channels):
    stddev = group_stddev(x, group_size, num_channels)[:, None, None]
    return np.concatenate([x, np.broadcast_to(stddev, (*x.shape[:3], num_channels))], axis=-1)
