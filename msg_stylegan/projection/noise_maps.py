"""The stored noise maps of a generator: copies that may be changed, and what keeps them noise."""

import numpy as np
import tensorflow as tf

from msg_stylegan.networks import ops


def copied_generator(G):
    """A second generator with the same weights and weights of its own."""
    copy = type(G).from_config(G.get_config())
    copy.build()
    for target, source in zip(copy.variables, G.variables, strict=True):
        target.assign(source)
    return copy


def generator_with_noise_maps(G, maps):
    """A generator that draws with other noise maps in the noise mode "const".

    Args:
        G: Generator; it is left as it is.
        maps: List of float32 `[r, r]` as in `Projection.noise_maps`; None or empty for the stored
            ones.

    Returns:
        A copy of G, or G itself if there are no maps.

    Raises:
        ValueError: The maps are not those of this generator.
    """
    if not maps:
        return G
    expected = [(layer.resolution, layer.resolution) for layer in G.synthesis.noise_layers]
    if [np.shape(array) for array in maps] != expected:
        raise ValueError(
            f"Expected noise maps of the shapes {expected}. "
            f"Received: {[np.shape(array) for array in maps]}"
        )
    copy = copied_generator(G)
    for layer, array in zip(copy.synthesis.noise_layers, maps, strict=True):
        layer.const.assign(np.asarray(array, np.float32)[None, :, :, None])
    return copy


def correlation(noise):
    """How far a noise map is from white noise: squared correlations of neighbours at all scales.

    Args:
        noise: `[1, r, r, 1]`, mean square about 1.

    Returns:
        Scalar, near 0 for white noise. 0 for maps of 8x8 and less, where chance correlates more
        than any optimisation.

    Source:
        Karras et al. 2020 (StyleGAN2), appendix D.
    """
    total = 0.0
    while noise.shape[1] > 8:
        for axis in (1, 2):
            total += tf.square(tf.reduce_mean(noise * tf.roll(noise, 1, axis)))
        # A sum of four independent values divided by 2 has the variance of one.
        noise = 2.0 * ops.downsample(noise)
    return total


def with_moments_of(noise, stored):
    """`noise` shifted and scaled to the mean and the standard deviation of `stored`."""
    mean, variance = tf.nn.moments(noise, axes=[0, 1, 2, 3])
    stored_mean, stored_variance = tf.nn.moments(stored, axes=[0, 1, 2, 3])
    return (noise - mean) * tf.sqrt(stored_variance / (variance + 1e-8)) + stored_mean
