import numpy as np
import pytest
import tensorflow as tf

from msg_stylegan.sampling.latent_paths import gaussian_loop, key_frame_path, lerp, slerp


def steps(path):
    """Distances between neighbours, the last one from the end to the beginning."""
    return np.linalg.norm(np.roll(path, -1, axis=0) - path, axis=1)


@pytest.mark.parametrize(("num_frames", "sigma"), [(60, 5.0), (30, 30.0), (7, 2.0), (1, 1.0)])
def test_a_loop_has_no_seam_and_the_length_of_latents(num_frames, sigma):
    path = gaussian_loop(3, num_frames, 64, sigma)
    assert path.shape == (num_frames, 64) and path.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 8, rtol=1e-6)
    # The step over the seam is like the others.
    assert steps(path)[-1] <= 2 * np.median(steps(path)) + 1e-6


def test_a_loop_is_slower_with_a_wider_filter():
    speeds = [steps(gaussian_loop(0, 200, 32, sigma)).mean() for sigma in (2, 5, 20)]
    assert speeds[0] > 2 * speeds[1] > 4 * speeds[2] > 0


def test_loops_follow_from_their_seed():
    np.testing.assert_array_equal(gaussian_loop(1, 9, 4, 2.0), gaussian_loop(1, 9, 4, 2.0))
    assert not np.allclose(gaussian_loop(1, 9, 4, 2.0), gaussian_loop(2, 9, 4, 2.0))


@pytest.mark.parametrize("interpolate", [lerp, slerp])
@pytest.mark.parametrize("transition", [1, 2, 10])
@pytest.mark.parametrize("closed", [False, True])
def test_key_frames_are_met_exactly(interpolate, transition, closed):
    points = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)
    path = key_frame_path(points, transition, interpolate, closed)
    assert len(path) == (4 * transition if closed else 3 * transition + 1)
    assert path.dtype == np.float32
    np.testing.assert_array_equal(path[::transition], points)
    for i in range(len(path)):
        start, end = points[i // transition], points[(i // transition + 1) % 4]
        expected = interpolate(start[None], end[None], np.float32(i % transition / transition))
        np.testing.assert_allclose(path[i], expected[0], rtol=1e-5, atol=1e-5)


def vectors(seed, count=20, dim=64):
    return np.random.default_rng(seed).normal(size=(count, dim))


def angles(a, b):
    cosine = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return np.arccos(cosine)


@pytest.mark.parametrize("interpolate", [lerp, slerp])
def test_paths_lead_from_one_end_to_the_other(interpolate):
    a, b = vectors(0), vectors(1)
    np.testing.assert_allclose(interpolate(a, b, 0.0), a, rtol=1e-12)
    np.testing.assert_allclose(interpolate(a, b, 1.0), b, rtol=1e-9)
    np.testing.assert_allclose(interpolate(a, b, 0.3), interpolate(b, a, 0.7), rtol=1e-9)


def test_lerp_is_the_weighted_mean():
    a, b = vectors(0), vectors(1)
    t = np.linspace(0, 1, 20)[:, None]
    np.testing.assert_allclose(lerp(a, b, t), (1 - t) * a + t * b, rtol=1e-9)


def test_slerp_divides_the_angle_and_the_lengths():
    a, b = vectors(0), vectors(1) * 3
    t = np.linspace(0.1, 0.9, 20)[:, None]
    points = slerp(a, b, t).numpy()
    np.testing.assert_allclose(angles(a, points), t[:, 0] * angles(a, b), rtol=1e-9)
    np.testing.assert_allclose(angles(points, b), (1 - t[:, 0]) * angles(a, b), rtol=1e-9)
    lengths = (1 - t[:, 0]) * np.linalg.norm(a, axis=1) + t[:, 0] * np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), lengths, rtol=1e-12)


def test_slerp_of_equal_and_opposite_vectors_is_finite():
    a = vectors(0)
    for dtype in (np.float32, np.float64):
        x = a.astype(dtype)
        np.testing.assert_allclose(slerp(x, 2 * x, dtype(0.5)), 1.5 * x, rtol=1e-5)
        assert np.isfinite(slerp(x, -x, dtype(0.5))).all()


def test_a_tiny_step_in_float32_keeps_its_length():
    # The step of path lengths, which an arc cosine would blur for neighbouring vectors.
    a, b = (vectors(seed, dim=512).astype(np.float32) for seed in (0, 1))
    step = np.linalg.norm(slerp(a, b, 1e-4).numpy() - a, axis=1)
    a, b = a.astype(np.float64), b.astype(np.float64)
    exact = np.linalg.norm(slerp(a, b, 1e-4).numpy() - a, axis=1)
    np.testing.assert_allclose(step, exact, rtol=5e-3)


def test_both_can_be_compiled():
    a, b = (vectors(seed).astype(np.float32) for seed in (0, 1))
    t = np.full((20, 1), 0.4, np.float32)
    for interpolate in (lerp, slerp):
        compiled = tf.function(interpolate, autograph=False)
        np.testing.assert_allclose(compiled(a, b, t), interpolate(a, b, t), rtol=1e-4, atol=1e-5)
