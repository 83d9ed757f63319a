"""Stored images on their way to the discriminator: batches, values, mirror images, scales."""

import tensorflow as tf

from msg_stylegan.data.batches import training_batches
from msg_stylegan.networks.ops import downsample, mix, upsample


def distributed_batches(datasets, strategy, batch_size, seed, start):
    """Iterator over the training batches from image `start` on, shared out to the replicas.

    Args:
        datasets: `TFRecordDataset` of each domain.
        strategy: The `tf.distribute.Strategy`.
        batch_size: Images per update, over all replicas.
        seed: Decides the order of the images, another one in each domain.
        start: Number of the first image.

    Returns:
        Iterator over tuples with the batch of each domain, see `training_batches`.
    """

    def make_dataset(context):
        of_domains = [
            training_batches(
                dataset,
                batch_size=batch_size,
                # Domains as large as each other must not go through their images in step.
                seed=seed + number,
                start=start,
                input_context=context,
            )
            for number, dataset in enumerate(datasets)
        ]
        return tf.data.Dataset.zip(tuple(of_domains))

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
