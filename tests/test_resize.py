"""Resizing for feature networks: against the formulas, Pillow and TensorFlow, and by its laws."""

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from metrics.feature_networks.resize import (
    METHODS,
    resize_clean,
    resize_filtered,
    resize_tf1_bilinear,
)

RESIZES = {
    "tf1": resize_tf1_bilinear,
    "clean": resize_clean,
    **{m: lambda images, size, m=m: resize_filtered(images, size, m) for m in METHODS},
    **{
        f"plain {m}": lambda images, size, m=m: resize_filtered(images, size, m, antialias=False)
        for m in METHODS
    },
}
every_resize = pytest.mark.parametrize("resize", RESIZES.values(), ids=RESIZES)

# (height, width) in and out: up, down, odd, not square, one axis up and the other down.
SIZES = [
    ((48, 48), (299, 299)),
    ((512, 512), (299, 299)),
    ((33, 17), (299, 299)),
    ((331, 300), (299, 299)),
    ((100, 41), (7, 80)),
    ((1, 3), (8, 8)),
]


def noise(height, width, count=2):
    rng = np.random.default_rng((height, width))
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def pillow(images, size, resample):
    """Pillow's resize of float images, channel by channel."""
    resized = np.empty((len(images), *size, images.shape[3]), np.float32)
    for n, c in np.ndindex(len(images), images.shape[3]):
        channel = PIL.Image.fromarray(images[n, :, :, c].astype(np.float32))
        resized[n, :, :, c] = channel.resize(size[::-1], resample)
    return resized


def tf1_formula(images, size):
    """The definition: pixel i lies at i * (in / out), between its floor and the one after that."""

    def blend(x, count):
        # [rows, ...] to [count, ...]
        position = np.arange(count, dtype=np.float32) * np.float32(len(x) / count)
        lower = np.floor(position).astype(int)
        upper = np.minimum(lower + 1, len(x) - 1)
        share = (position - lower).astype(np.float32).reshape(-1, *[1] * (x.ndim - 1))
        return x[lower] + (x[upper] - x[lower]) * share

    x = images.astype(np.float32)
    x = blend(x.transpose(2, 0, 1, 3), size[1]).transpose(1, 2, 0, 3)
    return blend(x.transpose(1, 0, 2, 3), size[0]).transpose(1, 0, 2, 3)


@pytest.mark.parametrize(("size_in", "size_out"), SIZES)
def test_tf1_bilinear_is_its_formula(size_in, size_out):
    images = noise(*size_in)
    # One rounding of float32 at 255.
    np.testing.assert_allclose(
        resize_tf1_bilinear(images, size_out), tf1_formula(images, size_out), rtol=0, atol=2e-5
    )


@pytest.mark.parametrize(("size_in", "size_out"), SIZES)
def test_clean_is_pillow_in_float_mode(size_in, size_out):
    images = noise(*size_in)
    expected = pillow(images, size_out, PIL.Image.Resampling.BICUBIC).clip(0.0, 255.0)
    np.testing.assert_allclose(resize_clean(images, size_out), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("size_in", "size_out"), SIZES)
def test_bilinear_is_pillow(size_in, size_out):
    images = noise(*size_in)
    expected = pillow(images, size_out, PIL.Image.Resampling.BILINEAR)
    ours = resize_filtered(images, size_out, "bilinear")
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("size_in", "size_out"), SIZES)
def test_without_antialiasing_is_tensorflow(size_in, size_out, method):
    images = noise(*size_in)
    expected = tf.image.resize(images, size_out, method)
    ours = resize_filtered(images, size_out, method, antialias=False)
    # TensorFlow computes positions in float32, and looks the weights of bicubic up in a table.
    tolerance = {"bilinear": 0.02, "bicubic": 0.3}[method]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance)


def test_area_is_the_mean_of_blocks():
    images = noise(12, 20)
    expected = images.reshape(2, 4, 3, 10, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(
        resize_filtered(images, (4, 10), "area"), expected, rtol=0, atol=1e-3
    )


def test_area_keeps_the_mean():
    images = noise(50, 31)
    ours = resize_filtered(images, (17, 12), "area").numpy()
    np.testing.assert_allclose(ours.mean((1, 2)), images.mean((1, 2)), rtol=0, atol=1e-3)


@every_resize
def test_same_size_changes_nothing(resize):
    images = noise(37, 29)
    np.testing.assert_allclose(resize(images, (37, 29)), images, rtol=0, atol=1e-4)


@every_resize
@pytest.mark.parametrize(("size_in", "size_out"), SIZES)
def test_one_colour_stays_that_colour(resize, size_in, size_out):
    colour = np.array([0.0, 77.5, 255.0], np.float32)
    images = np.broadcast_to(colour, (1, *size_in, 3))
    expected = np.broadcast_to(colour, (1, *size_out, 3))
    np.testing.assert_allclose(resize(images, size_out), expected, rtol=0, atol=5e-4)


@pytest.mark.parametrize("axis", [1, 2])
@every_resize
def test_mirror_images_stay_mirror_images_but_in_tensorflow_1(resize, axis):
    images = noise(20, 24)
    flipped = np.flip(resize(np.flip(images, axis), (33, 31)), axis)
    difference = np.abs(flipped - resize(images, (33, 31))).max()
    # Without half-pixel centres everything moves to one side: the reason to keep it apart.
    assert difference > 10.0 if resize is resize_tf1_bilinear else difference < 1e-3


@every_resize
def test_size_may_be_unknown_until_it_runs(resize):
    signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
    compiled = tf.function(lambda images: resize(images, (19, 23)), input_signature=signature)
    for size in ((48, 31), (8, 64)):
        images = noise(*size)
        np.testing.assert_allclose(compiled(images), resize(images, (19, 23)), rtol=0, atol=1e-3)


@every_resize
def test_integers_and_floats_are_the_same_grey_levels(resize):
    images = noise(16, 16)
    np.testing.assert_array_equal(
        resize(images, (21, 9)), resize(images.astype(np.float32), (21, 9))
    )


def test_clean_stays_within_the_grey_levels():
    stripes = np.zeros((1, 16, 16, 3), np.uint8)
    stripes[:, :, ::4] = 255
    assert resize_filtered(stripes, (64, 64), "bicubic").numpy().min() < -1.0
    ours = resize_clean(stripes, (64, 64)).numpy()
    assert ours.min() == 0.0
    assert ours.max() == 255.0


@pytest.mark.parametrize("kind", ["tf1_bilinear", "clean"])
def test_resized_image_of_the_recording(golden, kind):
    resize = {"tf1_bilinear": resize_tf1_bilinear, "clean": resize_clean}[kind]
    with np.load(golden / "fid_inception_dev.npz") as recording:
        ours = resize(recording["in/images_48"], (299, 299))[:, ::13, ::13]
        expected = recording[f"out/resized_48_{kind}"]
    np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-4)
