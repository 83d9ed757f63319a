"""Paths from latent to latent: points between two of them, and one point per frame of a video."""

import numpy as np

from msg_stylegan.lazy_tensorflow import tf

# Keeps the random numbers of loops apart from those that belong to a seed elsewhere.
_LOOP = 2


def lerp(a, b, t):
    """Point on the straight line from `a` (t = 0) to `b` (t = 1).

    Args:
        a: Float `[..., d]`.
        b: Float `[..., d]`.
        t: Float, broadcast against `a` and `b`: `[N, 1]` for one position per path.
    """
    return a + (b - a) * t


def slerp(a, b, t):
    """Point on the arc from `a` (t = 0) to `b` (t = 1), at constant speed along the angle.

    Between vectors of different lengths the length changes linearly. (StyleGAN's slerp returns
    unit vectors, which is the same to a network that normalises z.) Opposite vectors have no
    unique arc; the result is then finite and means nothing.

    Args:
        a: Float `[..., d]`, not zero.
        b: Float `[..., d]`, not zero.
        t: Float, broadcast against `a` and `b`.
    """
    a_length = tf.norm(a, axis=-1, keepdims=True)
    b_length = tf.norm(b, axis=-1, keepdims=True)
    a, b = a / a_length, b / b_length
    cosine = tf.reduce_sum(a * b, axis=-1, keepdims=True)
    across = b - cosine * a
    # Not the arc cosine, which loses half of the digits for small angles.
    angle = t * tf.atan2(tf.norm(across, axis=-1, keepdims=True), cosine)
    direction = a * tf.cos(angle) + tf.math.l2_normalize(across, axis=-1) * tf.sin(angle)
    return direction * lerp(a_length, b_length, t)


def gaussian_loop(seed, num_frames, size, sigma):
    """A smooth random walk whose end joins its beginning.

    Normal noise is smoothed along time, around the end of the video, and brought back to the usual
    length of a latent.

    Args:
        seed: Whole number that decides the walk.
        num_frames: Points of the walk.
        size: Components of a latent.
        sigma: Standard deviation of the Gaussian, in frames: about the time in which a picture
            changes into another one.

    Returns:
        float32 `[num_frames, size]`, each row of length sqrt(size).

    Source:
        Progressive GAN (Karras et al. 2018), the latent space interpolations of its video.
    """
    # SciPy is large: `--help` need not wait for it.
    from scipy.ndimage import gaussian_filter1d

    noise = np.random.default_rng((seed, _LOOP)).standard_normal((num_frames, size))
    walk = gaussian_filter1d(noise, sigma, axis=0, mode="wrap")
    walk *= np.sqrt(size) / np.linalg.norm(walk, axis=1, keepdims=True)
    return walk.astype(np.float32)


def has_w_of_sphere(G):
    """Whether the w of a generator lie on a sphere: those that are z, without a mapping network."""
    is_cube = G.options.z_space == "uniform" and not G.options.normalize_z
    return not G.has_mapping and not is_cube


def interpolation_of_w(G):
    """The function, `lerp` or `slerp`, that leads from w to w through those of a generator."""
    return slerp if has_w_of_sphere(G) else lerp


def key_frame_path(points, transition, interpolate, closed):
    """A path through given points, which it meets exactly.

    Args:
        points: float32 `[K, ..., size]`.
        transition: Frames from one point to the next.
        interpolate: `lerp` or `slerp`.
        closed: Whether the path goes on from the last point to the first, where the video begins
            again. Otherwise the last point is the last frame.

    Returns:
        float32 `[K * transition, ..., size]`, or `[(K - 1) * transition + 1, ..., size]` if it is
        not closed. Frame `i * transition` is point i.
    """
    points = np.asarray(points, np.float32)
    t = np.linspace(0, 1, transition, endpoint=False, dtype=np.float32)[1:]
    t = t.reshape(-1, *[1] * (points.ndim - 1))
    frames = []
    ends = np.roll(points, -1, axis=0)
    for i, (start, end) in enumerate(zip(points, ends, strict=True)):
        frames.append(start[None])
        if closed or i < len(points) - 1:
            frames.append(np.asarray(interpolate(start[None], end[None], t), np.float32))
    return np.concatenate(frames)
