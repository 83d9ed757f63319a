import numpy as np
import pytest

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
