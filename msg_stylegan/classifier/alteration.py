"""Random changes of images from which a classifier learns what its classes do not depend on."""

from msg_stylegan.lazy_tensorflow import tf


def invert(images):
    """Makes half of the images their negatives."""
    return tf.where(_coin(images), -images, images)


def mirror(images):
    """Mirrors half of the images left to right."""
    return tf.where(_coin(images), tf.reverse(images, [2]), images)


def shift(images):
    """Moves each image by up to an eighth of its side; pixels at the border are repeated."""
    side = images.shape[1]
    for axis in (1, 2):
        offsets = tf.random.uniform([tf.shape(images)[0], 1], -(side // 8), side // 8 + 1, tf.int32)
        positions = tf.clip_by_value(tf.range(side) + offsets, 0, side - 1)  # [NH] or [NW]
        images = tf.gather(images, positions, axis=axis, batch_dims=1)
    return images


# Name of a change -> function of images float32 [n, r, r, C] in [-1, 1].
ALTERATIONS = {"invert": invert, "mirror": mirror, "shift": shift}


def _coin(images):
    return tf.random.uniform([tf.shape(images)[0], 1, 1, 1]) < 0.5
