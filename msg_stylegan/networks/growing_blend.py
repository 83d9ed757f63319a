"""What the two growing networks share: which stages there are, and the blend of a fade."""

import tensorflow as tf

from msg_stylegan.resolutions import scales


def check_stage(resolution, is_fading, full_resolution):
    """Checks a stage of networks that grow to `full_resolution`.

    Raises:
        ValueError: There is no such level, or none below it to fade from.
    """
    if resolution not in scales(full_resolution):
        raise ValueError(
            f"Expected a stage out of {scales(full_resolution)} pixels. Received: {resolution}"
        )
    if is_fading and resolution == 4:
        raise ValueError("The 4x4 stage has no level below it to fade from.")


def lerp(a, b, alpha):
    """`a` at alpha 0, `b` at alpha 1. Tensors of one shape, and a scalar tensor or variable."""
    return a + (b - a) * tf.convert_to_tensor(alpha)


def upsample(x):
    """Repeats every pixel twice in both directions: `[N, H, W, C]` -> `[N, 2H, 2W, C]`."""
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
