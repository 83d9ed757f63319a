"""Exponential moving average of the generator's weights (ProGAN, section 7; the original's Gs)."""

import tensorflow as tf

from msg_stylegan.networks.variables import tensorflow_variable


def ema_beta(batch_size, half_life_kimg):
    """Decay per update such that the weight of an image halves every `half_life_kimg`.

    Args:
        batch_size: Images per update.
        half_life_kimg: Half-life in thousands of images, a number or a scalar tensor; 0 or less
            means no average at all.

    Returns:
        The same kind of number.
    """
    if tf.is_tensor(half_life_kimg):
        return _beta(batch_size, half_life_kimg * 1000.0)
    if half_life_kimg <= 0:
        return 0.0
    return 0.5 ** (batch_size / (half_life_kimg * 1000.0))


def ramped_ema_beta(batch_size, half_life_kimg, rampup, nimg):
    """Decay per update with a half-life that grows with the training.

    Args:
        batch_size: Images per update.
        half_life_kimg: Longest half-life, in thousands of images.
        rampup: Largest half-life relative to the images shown so far, such as 0.05.
        nimg: Scalar tensor: images shown so far. 0 gives a decay of 0, a copy.

    Returns:
        Scalar float32 tensor.

    Source:
        StyleGAN2-ADA, of its "auto" settings.
    """
    half_life = tf.minimum(half_life_kimg * 1000.0, tf.cast(nimg, tf.float32) * rampup)
    return _beta(batch_size, half_life)


def _beta(batch_size, half_life):
    """Decay per update with a half-life in images, a tensor."""
    return 0.5 ** tf.math.divide_no_nan(float(batch_size), half_life) * tf.cast(
        half_life > 0.0, tf.float32
    )


def update_average(average, network, beta, strategy):
    """Moves `average` towards `network`: weights by `1 - beta`, everything else at once.

    Called across replicas. The running mean of w and the fixed noise are copied, as in the
    original, because they are averages and constants already.

    Args:
        average: Network that holds the average.
        network: Network of the same architecture that is trained.
        beta: Share of the old value that stays.
        strategy: The `tf.distribute.Strategy` both were made in.
    """
    for target, source in _pairs(average.trainable_variables, network.trainable_variables):
        strategy.extended.update(
            target, lambda t, s: t.assign(s + (t - s) * beta, read_value=False), args=(source,)
        )
    for target, source in _pairs(average.non_trainable_variables, network.non_trainable_variables):
        strategy.extended.update(target, lambda t, s: t.assign(s, read_value=False), args=(source,))


def _pairs(targets, sources):
    for target, source in zip(targets, sources, strict=True):
        if target.shape != source.shape:
            raise ValueError(f"{target.name} {target.shape} does not match {source.name}.")
        yield tensorflow_variable(target), tensorflow_variable(source)
