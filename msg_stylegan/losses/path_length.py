"""Path lengths: how fast an image changes with w."""

from msg_stylegan.lazy_tensorflow import tf


def path_lengths(synthesize, ws, directions, scale=None):
    """Lengths of the gradients of images, seen in random directions, with respect to their ws.

    Args:
        synthesize: Callable that maps ws to images `[N, H, W, C]`, to be differentiated twice.
        ws: `[N, num_ws, w_dim]`.
        directions: Standard normal `[N, H, W, C]`, another one for every sample and call.
        scale: As for `penalties.r1_penalty`.

    Returns:
        `[N]`: the root of the mean over the ws of the squared lengths. To be kept near a constant
        by the squared distance from it.

    Source:
        Karras et al. 2020 (StyleGAN2), section 3.2 and appendix B.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(ws)
        images = synthesize(ws)
        total = tf.reduce_sum(images * directions)
    gradient = tape.gradient(total, ws, output_gradients=scale)  # [N,num_ws,w_dim]
    if scale is not None:
        gradient /= scale
    squares = tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=2), axis=1)  # [N]
    num_pixels = float(directions.shape[1] * directions.shape[2])
    # The root has no derivative at 0, where images that do not depend on w are.
    return tf.sqrt(squares / num_pixels + 1e-12)
