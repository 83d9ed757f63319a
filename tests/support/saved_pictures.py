"""What is in saved pictures."""

import numpy as np
from PIL import Image


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def text(path):
    with Image.open(path) as picture:
        return picture.text
