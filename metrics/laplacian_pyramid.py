"""Laplacian pyramid of Burt and Adelson with the 5-tap binomial filter, as in the PGGAN's SWD.

Borders are mirrored without repeating the edge pixel. Equal to filtering with the 5x5 kernel
outer(f, f), f = [1, 4, 6, 4, 1] / 16, before taking every second pixel (down), or after spreading
the pixels apart with zeros and times 4 (up), written without the multiplications by zero.
"""

import numpy as np


def pyramid_down(images):
    """Halves the resolution: float32 `[N, H, W, C]` to `[N, H/2, W/2, C]`; even H, W >= 4."""
    return _down(_down(images, axis=1), axis=2)


def pyramid_up(images):
    """Doubles the resolution: float32 `[N, H, W, C]` to `[N, 2H, 2W, C]`; H, W >= 2."""
    return _up(_up(images, axis=1), axis=2)


def laplacian_pyramid(images, min_resolution):
    """Splits images into frequency bands.

    Args:
        images: float32 `[N, r, r, C]`, r a power of two.
        min_resolution: Resolution of the last level.

    Returns:
        List of float32 arrays, high to low resolution. Each but the last is what is lost by going
        down one level; the last is the remaining small image.
    """
    levels = []
    while images.shape[1] > min_resolution:
        smaller = pyramid_down(images)
        levels.append(images - pyramid_up(smaller))
        images = smaller
    return [*levels, images]


def _part(x, axis, start, stop, step=1):
    return x[(slice(None),) * axis + (slice(start, stop, step),)]


def _down(x, axis):
    n = x.shape[axis]
    x = np.pad(x, [(2, 1) if i == axis else (0, 0) for i in range(x.ndim)], mode="reflect")
    taps = [_part(x, axis, i, n + i, 2) for i in range(5)]
    y = taps[1] + taps[3]
    y *= 4.0
    y += taps[0]
    y += taps[4]
    y += 6.0 * taps[2]
    y *= 1.0 / 16.0
    return y


def _up(x, axis):
    n = x.shape[axis]
    # The mirrored neighbour on the left is the second pixel; on the right it is the last one,
    # because the row of pixels and zeros ends with a zero.
    x = np.concatenate([_part(x, axis, 1, 2), x, _part(x, axis, n - 1, n)], axis)
    left, middle, right = (_part(x, axis, i, n + i) for i in range(3))
    y = np.empty((*x.shape[:axis], 2 * n, *x.shape[axis + 1 :]), x.dtype)
    _part(y, axis, 0, None, 2)[...] = (left + right) * 0.125 + middle * 0.75
    _part(y, axis, 1, None, 2)[...] = (middle + right) * 0.5
    return y
