"""Penalties on the gradient of the logits with respect to images of several scales.

Each is per sample, not yet weighted, and the mean over the scales of the per-scale penalty, so
that a weight keeps its single-scale meaning. The logits of one sample may depend on the others of
the batch (minibatch stddev); as in the original, the gradient of their sum is taken.

A gradient that passes through float16 would vanish there: `scale` multiplies it on its way and
divides it afterwards. None is for types that have more exponents.
"""

from msg_stylegan.lazy_tensorflow import tf


def r1_penalty(D, reals, pyramid, scale=None):
    """Squared gradient norm of the logits with respect to the real images of all scales.

    The lower scales are made from the full resolution; the gradient with respect to a scale
    therefore also flows through the scales below it, as it does in the original's training graph.

    Args:
        D: Callable that maps a list of images to logits `[N, 1]`.
        reals: Real images of the full resolution, `[N, r, r, C]` in [-1, 1].
        pyramid: Callable that maps `reals` to the list of images, low to high resolution.
        scale: None, or a scalar tensor, see above.

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
    return _mean_over_scales(_squared_norms(tape, total, images, scale)), logits


def r2_penalty(D, fakes, scale=None):
    """Squared gradient norm of the logits with respect to the generated images of all scales.

    The scales are what the generator gave: none is made from another.

    Args:
        D: Callable that maps a list of images to logits `[N, 1]`.
        fakes: List of generated images, low to high resolution. What made them is not part of the
            penalty: they are constants.
        scale: As for `r1_penalty`.

    Returns:
        Tuple `(penalty, logits)` as from `r1_penalty`, to be multiplied by `r2_gamma / 2`.

    Source:
        Mescheder et al. 2018, section 4.1. The original's own raised an error with several scales.
    """
    return r1_penalty(D, fakes, lambda images: images, scale)


def gradient_penalty(D, reals, fakes, epsilon, target=1.0, scale=None):
    """Squared distance of the gradient norm from `target`, between reals and fakes.

    A sample is mixed with the same share at every scale, so that the scales show one image. Each
    scale of the mixture is an input of its own, as the fakes are.

    Args:
        D: Callable that maps a list of images to logits `[N, 1]`.
        reals: List of real images, low to high resolution.
        fakes: List of generated images of the same shapes; constants, as in `r2_penalty`.
        epsilon: `[N, 1, 1, 1]` in [0, 1], the share of the reals.
        target: Norm of the gradient at which the penalty of a scale is 0.
        scale: As for `r1_penalty`.

    Returns:
        `[N, 1]`, to be multiplied by `gp_lambda / target^2`.

    Source:
        Gulrajani et al. 2017, section 4; the weight with `target` is ProGAN's. The mean over the
        scales is MSG-GAN's, section 3.
    """
    mixed = [fake + epsilon * (real - fake) for real, fake in zip(reals, fakes, strict=True)]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(mixed)
        total = tf.reduce_sum(D(mixed))
    squared_norms = _squared_norms(tape, total, mixed, scale)
    # The root has no derivative at 0, where a dead discriminator is.
    norms = [tf.sqrt(squared_norm + 1e-12) for squared_norm in squared_norms]
    return _mean_over_scales([tf.square(norm - target) for norm in norms])


def _squared_norms(tape, total, images, scale):
    gradients = tape.gradient(total, images, output_gradients=scale)
    if scale is not None:
        gradients = [gradient / scale for gradient in gradients]
    return [tf.reduce_sum(tf.square(g), axis=[1, 2, 3]) for g in gradients]  # [N] each


def _mean_over_scales(per_scale):
    return tf.reduce_mean(tf.stack(per_scale, axis=1), axis=1, keepdims=True)  # [N1]
