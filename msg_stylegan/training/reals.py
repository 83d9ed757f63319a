"""Stored images on their way to the discriminator: values, mirror images, scales."""

import tensorflow as tf


def images_to_float(images):
    """Maps uint8 pixels to float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) * (2.0 / 255.0) - 1.0


def mirror_images(images, chosen):
    """Mirrors the chosen samples left to right: `[N, H, W, C]`, bool `[N]`."""
    return tf.where(chosen[:, None, None, None], tf.reverse(images, axis=[2]), images)


def select_scales(images, resolutions):
    """The images of a list that have one of the resolutions."""
    return [image for image in images if image.shape[1] in resolutions]
