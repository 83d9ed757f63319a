"""Images with structure."""

import numpy as np
import scipy.ndimage


def smooth_images(count, resolution=64, channels=3, seed=0):
    """Smooth shapes plus some noise, uint8 `[N, r, r, C]`."""
    rng = np.random.default_rng(seed)
    smooth = rng.normal(size=(count, resolution, resolution, channels))
    smooth = scipy.ndimage.gaussian_filter(smooth, (0, 2, 2, 0)) * 300 + 128
    return (smooth + rng.normal(size=smooth.shape) * 5).clip(0, 255).astype(np.uint8)
