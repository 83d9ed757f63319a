"""Adversarial losses and the R1 penalty. All are per sample and not reduced."""

import tensorflow as tf


def generator_logistic_loss(fake_logits):
    """Non-saturating logistic loss, -log sigmoid(fake).

    Args:
        fake_logits: `[N, 1]`.

    Returns:
        `[N, 1]`.

    Source:
        Goodfellow et al. 2014, section 3; the original's `G_logistic_nonsaturating`.
    """
    return tf.nn.softplus(-fake_logits)


def discriminator_logistic_loss(real_logits, fake_logits):
    """Logistic loss, -log sigmoid(real) - log(1 - sigmoid(fake)).

    Args:
        real_logits: `[N, 1]`.
        fake_logits: `[N, 1]`.

    Returns:
        `[N, 1]`.
    """
    return tf.nn.softplus(-real_logits) + tf.nn.softplus(fake_logits)


def r1_penalty(D, reals, pyramid):
    """Squared gradient norm of the logits with respect to the real images of all scales.

    With several scales the penalty is the mean over the scales of the per-scale penalty, so that
    `r1_gamma` keeps its single-scale meaning. The lower scales are made from the full resolution;
    the gradient with respect to a scale therefore also flows through the scales below it, as it
    does in the original's training graph. The logits of one sample may depend on the others of the
    batch (minibatch stddev); as in the original, the gradient of their sum is taken.

    Args:
        D: Callable that maps a list of images to logits `[N, 1]`.
        reals: Real images of the full resolution, `[N, r, r, C]` in [-1, 1].
        pyramid: Callable that maps `reals` to the list of images, low to high resolution.

    Returns:
        Tuple `(penalty, logits)`, both `[N, 1]`. The penalty is not yet multiplied by
        `r1_gamma / 2`. The logits are returned so that the caller needs no second pass.

    Source:
        Mescheder et al. 2018, section 4.1; the mean over the scales is the original's
        `D_logistic_simplegp`.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(reals)
        images = pyramid(reals)
        # Scales that do not depend on `reals` count as well.
        tape.watch(images)
        logits = D(images)
        total = tf.reduce_sum(logits)
    gradients = tape.gradient(total, images)
    squared_norms = [tf.reduce_sum(tf.square(g), axis=[1, 2, 3]) for g in gradients]  # [N] each
    return tf.reduce_mean(tf.stack(squared_norms, axis=1), axis=1, keepdims=True), logits  # [N1]
