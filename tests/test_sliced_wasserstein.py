import dataclasses

import numpy as np
import pytest
import scipy.ndimage
from support.smooth_images import smooth_images

from metrics.laplacian_pyramid import laplacian_pyramid, pyramid_down, pyramid_up
from metrics.sliced_wasserstein import Descriptors, collect_descriptors, sliced_wasserstein

KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, :, :, None] / 256
SEED = (0, 9)


def collect(images, tmp_path, seed=(0, 0), batch_size=16):
    batches = (images[i : i + batch_size] for i in range(0, len(images), batch_size))
    return collect_descriptors(batches, len(images), seed=seed, scratch_dir=tmp_path)


def distances(a, b):
    return [sliced_wasserstein(x, y, seed=SEED) for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("resolution", [4, 16, 32])
def test_pyramid_steps_equal_mirrored_filters(resolution):
    images = smooth_images(2, resolution).astype(np.float32)

    filtered = scipy.ndimage.convolve(images.astype(np.float64), KERNEL, mode="mirror")
    np.testing.assert_allclose(pyramid_down(images), filtered[:, ::2, ::2], atol=1e-4)

    spread = np.zeros((2, 2 * resolution, 2 * resolution, 3))
    spread[:, ::2, ::2] = images
    filtered = scipy.ndimage.convolve(spread, 4 * KERNEL, mode="mirror")
    np.testing.assert_allclose(pyramid_up(images), filtered, atol=1e-4)


def test_pyramid_steps_work_on_rows_and_columns_alike():
    images = smooth_images(2, 32).astype(np.float32)
    for step in (pyramid_down, pyramid_up):
        turned = step(images.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
        np.testing.assert_allclose(step(images), turned, atol=1e-4)


def test_images_can_be_rebuilt_from_their_pyramid():
    images = smooth_images(2, 64).astype(np.float32)
    *bands, rebuilt = laplacian_pyramid(images, 16)
    assert [band.shape[1] for band in bands] == [64, 32]
    assert rebuilt.shape == (2, 16, 16, 3)
    for band in reversed(bands):
        rebuilt = pyramid_up(rebuilt) + band
    np.testing.assert_allclose(rebuilt, images, atol=1e-3)


def test_flat_images_have_empty_bands():
    images = np.full((1, 64, 64, 1), 77, np.float32)
    *bands, rest = laplacian_pyramid(images, 16)
    assert all((band == 0).all() for band in bands)
    assert (rest == 77).all()


def test_descriptors_are_all_patches_with_centres_inside_the_margin(tmp_path):
    # Every pixel says where it is; 16 pixels is the last level, which is the image itself.
    image = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    (level,) = collect(np.repeat(image, 50, axis=0), tmp_path)
    patches = level.values.reshape(-1, 7, 7)
    y, x = patches[:, 0, 0] // 16, patches[:, 0, 0] % 16
    assert len(patches) == 50 * 128
    assert set(y) == set(x) == set(range(10))
    offsets = np.arange(7)[:, None] * 16 + np.arange(7)
    np.testing.assert_array_equal(patches, patches[:, :1, :1] + offsets)


def test_descriptors_do_not_depend_on_the_batches(tmp_path):
    images = smooth_images(40, 32)
    for a, b in zip(
        collect(images, tmp_path, batch_size=40),
        collect(images, tmp_path, batch_size=7),
        strict=True,
    ):
        np.testing.assert_array_equal(a.values, b.values)
        np.testing.assert_array_equal(a.mean, b.mean)
        np.testing.assert_array_equal(a.std, b.std)


def test_levels_and_statistics(tmp_path):
    levels = collect(smooth_images(8, 64), tmp_path)
    assert [level.resolution for level in levels] == [64, 32, 16]
    for level in levels:
        channels = np.asarray(level.values, np.float64).reshape(8 * 128, 3, 49)
        np.testing.assert_allclose(level.mean, channels.mean(axis=(0, 2)), atol=1e-9)
        np.testing.assert_allclose(level.std, channels.std(axis=(0, 2)), rtol=1e-9)


def test_distance_of_a_set_to_itself_is_zero(tmp_path):
    levels = collect(smooth_images(20, 32), tmp_path)
    assert distances(levels, levels) == [0.0, 0.0]


def test_distance_is_symmetric(tmp_path):
    a = collect(smooth_images(20, 32, seed=1), tmp_path)
    b = collect(smooth_images(20, 32, seed=2), tmp_path)
    assert distances(a, b) == distances(b, a)
    assert min(distances(a, b)) > 0


@pytest.mark.parametrize("channels", [1, 3])
def test_distance_equals_a_plain_statement_of_the_definition(tmp_path, channels):
    a = collect(smooth_images(20, 32, channels, seed=1), tmp_path, seed=(0, 1))
    b = collect(smooth_images(20, 32, channels, seed=2), tmp_path, seed=(0, 2))
    for x, y, distance in zip(a, b, distances(a, b), strict=True):
        rng = np.random.default_rng((*SEED, x.resolution))
        directions = rng.standard_normal((512, channels * 49))
        directions /= np.sqrt((directions**2).sum(axis=1, keepdims=True))
        projected = []
        for level in (x, y):
            patches = np.asarray(level.values, np.float64).reshape(-1, channels, 49)
            patches = patches - patches.mean(axis=(0, 2), keepdims=True)
            patches /= patches.std(axis=(0, 2), keepdims=True)
            projected.append(np.sort(patches.reshape(len(patches), -1) @ directions.T, axis=0))
        plain = 1000 * np.abs(projected[0] - projected[1]).mean()
        np.testing.assert_allclose(distance, plain, rtol=1e-4)


def test_distance_of_shifted_descriptors_has_a_closed_form():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1000, 147)).astype(np.float32)
    shift = rng.normal(size=147)
    a = Descriptors(16, values, np.zeros(3), np.ones(3))
    b = Descriptors(16, (values + shift).astype(np.float32), np.zeros(3), np.ones(3))
    # A shift moves every rank of a projection by the projected shift, whose mean size over all
    # directions of a d-dimensional space is |shift| sqrt(2 / (pi d)), up to 1 / (4d).
    expected = 1000 * np.linalg.norm(shift) * np.sqrt(2 / (np.pi * 147))
    np.testing.assert_allclose(sliced_wasserstein(a, b, seed=SEED), expected, rtol=0.1)


def test_brightness_and_contrast_of_a_whole_set_do_not_count(tmp_path):
    images = (smooth_images(20, 32) // 4).astype(np.uint8)
    changed = images * np.array([1, 2, 3], np.uint8) + np.array([20, 7, 0], np.uint8)
    assert max(distances(collect(images, tmp_path), collect(changed, tmp_path))) < 1e-2


def test_a_planted_difference_is_found_at_its_level(tmp_path):
    images = smooth_images(60, 32)
    other = smooth_images(60, 32, seed=1)
    # A checkerboard is the highest frequency: it appears at 32 pixels and is gone at 16.
    board = (np.indices((32, 32)).sum(axis=0) % 2 * 30).astype(np.uint8)[:, :, None]
    planted = (other // 2 + board).astype(np.uint8)
    reals = collect(images // 2, tmp_path, seed=(0, 0))
    floor = distances(reals, collect(other // 2, tmp_path, seed=(0, 1)))
    found = distances(reals, collect(planted, tmp_path, seed=(0, 1)))
    assert found[0] > 10 * floor[0]
    assert found[1] < 2 * floor[1]


def test_a_collapsed_generator_gets_a_finite_score(tmp_path):
    reals = collect(smooth_images(20, 32), tmp_path)
    flat = collect(np.full((20, 32, 32, 3), 100, np.uint8), tmp_path)
    assert all(np.isfinite(value) and value > 100 for value in distances(reals, flat))


def test_scratch_files_vanish(tmp_path):
    levels = collect(smooth_images(4, 32), tmp_path)
    assert levels[0].values.sum() != 0
    del levels
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("images", "count", "message"),
    [
        (np.zeros((4, 8, 8, 3), np.uint8), 4, "at least 16 pixels. Received 8x8"),
        (np.zeros((4, 24, 24, 3), np.uint8), 4, "power of two"),
        (np.zeros((4, 32, 16, 3), np.uint8), 4, "square uint8"),
        (np.zeros((4, 32, 32, 3), np.float32), 4, "Received float32"),
        (np.zeros((4, 32, 32, 3), np.uint8), 5, "Expected 5 images. Received 4"),
        (np.zeros((0, 32, 32, 3), np.uint8), 5, "Expected 5 images. Received 0"),
    ],
)
def test_bad_images_are_refused(tmp_path, images, count, message):
    with pytest.raises(ValueError, match=message):
        collect_descriptors(iter([images]), count, seed=(0,), scratch_dir=tmp_path)


def test_more_images_than_announced_are_refused(tmp_path):
    images = np.zeros((4, 16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match=r"Expected 6 images\. Received 8"):
        collect_descriptors(iter([images, images]), 6, seed=(0,), scratch_dir=tmp_path)


def test_a_change_of_shape_is_refused(tmp_path):
    batches = iter([np.zeros((2, 32, 32, 3), np.uint8), np.zeros((2, 32, 32, 1), np.uint8)])
    with pytest.raises(ValueError, match="one shape"):
        collect_descriptors(batches, 4, seed=(0,), scratch_dir=tmp_path)


def test_sets_of_different_size_are_refused(tmp_path):
    a, b = collect(smooth_images(4, 32), tmp_path), collect(smooth_images(5, 32), tmp_path)
    with pytest.raises(ValueError, match="equally many"):
        sliced_wasserstein(a[0], b[0], seed=SEED)
    with pytest.raises(ValueError, match="equally large"):
        sliced_wasserstein(a[0], dataclasses.replace(a[0], resolution=16), seed=SEED)


def test_too_little_room_is_said_before_the_work(tmp_path):
    batch = np.zeros((1, 32, 32, 3), np.uint8)
    with pytest.raises(OSError, match="GiB are free"):
        collect_descriptors(iter([batch]), 2**40, seed=(0,), scratch_dir=tmp_path)
