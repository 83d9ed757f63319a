"""Where pictures of the same thing differ: the standard deviation of each pixel."""

import numpy as np


class StandardDeviation:
    """Collects uint8 images `[H, W, C]` one by one."""

    def __init__(self):
        self._count = 0
        # Whole numbers, so that equal images give exactly 0.
        self._sum = np.int64(0)
        self._sum_of_squares = np.int64(0)

    def add(self, image):
        image = image.astype(np.int64)
        self._count += 1
        self._sum = self._sum + image
        self._sum_of_squares = self._sum_of_squares + image**2

    def result(self):
        """float64 `[H, W, 1]`: standard deviation, mean over the channels."""
        variance = self._count * self._sum_of_squares - self._sum**2
        return np.sqrt(variance).mean(axis=2, keepdims=True) / self._count


def brightness(deviation, white, channels):
    """A picture of a map of deviations.

    Args:
        deviation: float `[H, W, 1]`.
        white: What is drawn white; 0 is drawn black.
        channels: Channels of the picture.

    Returns:
        uint8 `[H, W, channels]`.
    """
    gray = np.rint(255 * np.clip(deviation / max(white, 1e-9), 0, 1)).astype(np.uint8)
    return gray.repeat(channels, axis=2)
