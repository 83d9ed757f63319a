"""Images made fit for a network of another size and other channels, with derivatives."""

import tensorflow as tf


def fit_images(images, resolution, num_channels):
    """Resizes square images and changes their channels.

    Larger images become means over squares of pixels, as in our data sets, if the sides allow; the
    others are resized bilinearly. Grayscale is repeated, and colour becomes its luminance.

    Args:
        images: float `[n, r, r, C]`, C = 1 or 3, in any range; r is known when a graph is made.
        resolution: Side of the result.
        num_channels: Channels of the result, 1 or 3.

    Returns:
        float `[n, resolution, resolution, num_channels]` in the same range.
    """
    if images.shape[3] < num_channels:
        images = tf.repeat(images, num_channels, axis=3)
    elif images.shape[3] > num_channels:
        images = tf.image.rgb_to_grayscale(images)
    times, rest = divmod(images.shape[1], resolution)
    if images.shape[1] == resolution:
        return images
    if rest == 0:
        return tf.nn.avg_pool2d(images, times, times, "VALID")
    return tf.image.resize(images, [resolution, resolution], "bilinear")
