"""Stored images on their way to the discriminator: batches, values, mirror images, scales."""

import tensorflow as tf

from msg_stylegan.data.batches import training_batches
from msg_stylegan.networks.ops import downsample, mix, upsample


def distributed_batches(dataset, strategy, batch_size, seed, start):
    """Iterator over the training batches from image `start` on, shared out to the replicas.

    Args:
        dataset: `TFRecordDataset`.
        strategy: The `tf.distribute.Strategy`.
        batch_size: Images per update, over all replicas.
        seed: Decides the order of the images.
        start: Number of the first image.
    """

    def make_dataset(context):
        return training_batches(
            dataset, batch_size=batch_size, seed=seed, start=start, input_context=context
        )

    return iter(strategy.distribute_datasets_from_function(make_dataset))


def images_to_float(images):
    """Maps pixels from 0 to 255 to float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) * (2.0 / 255.0) - 1.0


def mirror_images(images, chosen):
    """Mirrors the chosen samples left to right: `[N, H, W, C]`, bool `[N]`."""
    return tf.where(chosen[:, None, None, None], tf.reverse(images, axis=[2]), images)


def fade_images(images, alpha):
    """Mixes images with their half resolution in a fade, as the generator mixes its own.

    Args:
        images: `[N, H, W, C]`.
        alpha: Share of the images as they are.

    Returns:
        float32 images.

    Source:
        ProGAN's training loop; PGGAN-PyTorch shows the sharp images from the start.
    """
    images = tf.cast(images, tf.float32)
    return mix(upsample(downsample(images)), images, alpha)
