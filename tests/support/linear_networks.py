"""Feature networks that are linear, and images of several classes for them."""

import functools

import numpy as np
import tensorflow as tf

from metrics.feature_networks.network import FeatureNetwork

SIZE = 16
NUM_CLASSES, PER_CLASS = 4, 10


def pictures(seed):
    """uint8 `[40, 16, 16, 3]`, class by class: each class has a colour of its own, and noise."""
    rng = np.random.default_rng(seed)
    colours = np.random.default_rng(0).integers(30, 220, (NUM_CLASSES, 1, 1, 1, 3))
    noise = rng.integers(-30, 30, (NUM_CLASSES, PER_CLASS, SIZE, SIZE, 3))
    return (colours + noise).astype(np.uint8).reshape(-1, SIZE, SIZE, 3)


class Networks:
    """Feature networks of every name: random linear functions of the quarters of an image."""

    def get(self, name):
        rng = np.random.default_rng(1)
        kernel = tf.constant(rng.normal(size=(12, 5)) / 20, tf.float32)

        def model(x):
            x = tf.reshape(tf.nn.avg_pool2d(x, SIZE // 2, SIZE // 2, "VALID"), (-1, 12))
            return {"features": tf.matmul(x, kernel), "logits": tf.matmul(x, kernel) / 3}

        return FeatureNetwork(name, name, model, functools.partial(tf.cast, dtype=tf.float32), 5)
