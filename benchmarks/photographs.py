"""Crops of scikit-learn's two photographs: real images without a download."""

from PIL import Image
from sklearn.datasets import load_sample_images


def photograph_crops(num_images, side, rng):
    """Random squares, of the photographs in turn.

    Args:
        num_images: How many.
        side: Their side in pixels, at most 427.
        rng: `numpy.random.Generator`; every crop draws from it.

    Yields:
        RGB images of Pillow.
    """
    photographs = load_sample_images().images
    for i in range(num_images):
        photograph = photographs[i % len(photographs)]
        y, x = (rng.integers(length - side) for length in photograph.shape[:2])
        yield Image.fromarray(photograph[y : y + side, x : x + side])
