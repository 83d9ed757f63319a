"""scikit-learn's handwritten digits: a data set without a download."""

import numpy as np
from PIL import Image


class DigitsSource:
    """scikit-learn's 1,797 handwritten digits, enlarged from 8x8 to 32x32 grayscale.

    The labels are one-hot, of size 10.

    Raises:
        ValueError: scikit-learn is not installed.
    """

    def __init__(self):
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise ValueError(
                "create_digits needs scikit-learn. Install it with `pip install -e .[demo]`."
            ) from None
        digits = load_digits()
        self._images = digits.images  # [NHW], values 0 to 16
        self.num_images = len(digits.images)
        self.labels = np.eye(10, dtype=np.float32)[digits.target]
        self.class_names = [str(digit) for digit in range(10)]
        self.description = {"kind": "digits", "num_images": self.num_images}

    def name(self, index):
        return f"digit {index}"

    def read(self, index):
        # The strokes reach the border: a margin of one pixel keeps them from being cut off.
        image = np.pad(self._images[index] * (255 / 16), 1).astype(np.float32)
        # Resized as floats, so that the filter's overshoot is clipped once, at the end.
        image = Image.fromarray(image)
        image = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC))
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)[:, :, np.newaxis]
