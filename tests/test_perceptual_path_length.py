import numpy as np
import pytest
import tensorflow as tf
from support.metric_inputs import ArrayFeatures, array_inputs, make_metric
from support.network_weights import multiply_outputs
from support.synthetic_vgg16 import lpips_arrays, torch_convolutions
from support.tiny_run import make_networks

from metrics.feature_networks import lpips, vgg16
from metrics.generated_images import GeneratedImages
from metrics.perceptual_path_length import FAMILY, ImageDistance, path_length, prepare_images


def squared(a, b):
    """A distance that is quadratic, as LPIPS is for small steps."""
    return tf.reduce_mean(tf.square(a - b), axis=(1, 2, 3))


class LinearGenerator:
    """Images that are a linear function of latents, whose path lengths have a closed form."""

    resolutions = (16, 32)

    def __init__(self, num_pairs, batch_size=4):
        rng = np.random.default_rng(0)
        self.weights = rng.normal(size=(6, 8 * 8 * 3)) * 0.1
        self.ends = rng.normal(size=(2, num_pairs, 6))
        self.batch_size = batch_size
        self.calls = []

    def path_distances(self, num_paths, distance, *, space, sampling, epsilon):
        self.calls.append((num_paths, space, sampling, epsilon))
        for start in range(0, num_paths, self.batch_size):
            a, b = self.ends[:, start : min(start + self.batch_size, num_paths)]
            images = (self.images(a + (b - a) * t) for t in (0.0, epsilon))
            yield distance(*map(tf.constant, images)).numpy()

    def images(self, latents):
        # float64, so that the test is not about rounding.
        return (latents @ self.weights).reshape(-1, 8, 8, 3)

    def lengths(self, crop=np.s_[:, :]):
        """(255 / 2)^2 times the mean square of the image of b - a."""
        steps = self.images(self.ends[1] - self.ends[0])
        return 127.5**2 * np.square(steps[(np.s_[:], *crop)]).mean(axis=(1, 2, 3))


def trimmed_mean(values):
    """Mean without the first and last percent; a value on the border stays."""
    values = np.sort(values)
    last = len(values) - 1
    return values[int(np.floor(last * 0.01)) : int(np.ceil(last * 0.99)) + 1].mean()


def inputs_of(generator):
    return array_inputs(features=ArrayFeatures(distance=squared), generator=generator)


@pytest.mark.parametrize(
    ("name", "space", "sampling", "crop"),
    [
        ("ppl2_wend", "w", "end", np.s_[:, :]),
        ("ppl_wend", "w", "end", np.s_[3:7, 2:6]),
        ("ppl_zend", "z", "end", np.s_[3:7, 2:6]),
        ("ppl_wfull", "w", "full", np.s_[3:7, 2:6]),
        ("ppl_zfull", "z", "full", np.s_[3:7, 2:6]),
    ],
)
def test_paths_of_a_linear_generator_have_a_closed_form(name, space, sampling, crop):
    # 250 is no multiple of the batch size.
    generator = LinearGenerator(250)
    metric = make_metric(FAMILY, f"{name}250")
    expected = trimmed_mean(generator.lengths(crop))
    assert metric.compute(inputs_of(generator)) == {f"{name}250": pytest.approx(expected, rel=1e-6)}
    assert generator.calls == [(250, space, sampling, 1e-4)]


def test_outer_percents_are_left_out():
    values = np.concatenate([[1e9, 0.0], np.full(198, 3.0)])
    assert path_length(values, 0.5) == 12.0
    # With few paths, all of them lie within: "lower" and "higher" keep the borders.
    assert path_length(np.array([1.0, 2, 6]), 1) == 3.0
    assert path_length(np.array([5.0]), 0.1) == pytest.approx(500)


@pytest.mark.parametrize("count", [2, 99, 100, 101, 102, 1000])
def test_trimming_is_that_of_the_definition(count):
    values = np.random.default_rng(count).exponential(size=count)
    assert path_length(values, 1) == pytest.approx(trimmed_mean(values), rel=1e-12)
    assert path_length(values[::-1], 1) == pytest.approx(path_length(values, 1))


def test_distances_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        path_length(np.array([1.0, np.nan]), 1)


def test_images_get_the_range_of_lpips_unrounded_and_unlimited():
    x = tf.constant([-1.0, 0, 1, 2, 1e-4 - 1])[None, :, None, None]
    x = tf.tile(x, (1, 1, 5, 3))
    found = prepare_images(x, crop=False)[0, :, 0, 0]
    np.testing.assert_allclose(found, [0, 127.5, 255, 382.5, 0.01275], rtol=1e-3)


@pytest.mark.parametrize(
    ("resolution", "crop", "side"),
    [(16, False, 16), (256, False, 256), (512, False, 256), (16, True, 8), (1024, True, 256)],
)
def test_large_images_are_averaged_down_after_cropping(resolution, crop, side):
    x = np.random.default_rng(0).normal(size=(1, resolution, resolution, 1)).astype(np.float32)
    found = prepare_images(tf.constant(x), crop=crop).numpy()
    assert found.shape == (1, side, side, 3)
    if crop:
        c = resolution // 8
        x = x[:, 3 * c : 7 * c, 2 * c : 6 * c]
    factor = x.shape[1] // side
    boxes = x.reshape(side, factor, side, factor).mean(axis=(1, 3))
    for channel in range(3):
        np.testing.assert_allclose(found[0, :, :, channel], (boxes + 1) * 127.5, atol=1e-3)


def test_the_same_distance_is_compiled_once():
    assert ImageDistance(squared, True) == ImageDistance(squared, True)
    assert hash(ImageDistance(squared, True)) == hash(ImageDistance(squared, True))
    assert ImageDistance(squared, True) != ImageDistance(squared, False)


def test_files_have_no_paths():
    with pytest.raises(ValueError, match="ppl2_wend9 looks into a generator"):
        make_metric(FAMILY, "ppl2_wend9").compute(array_inputs(num_fakes=9))


@pytest.mark.slow
def test_a_real_generator_through_the_real_network():
    # Random weights, as nothing else is at hand; everything between latents and number is real.
    convolutions = vgg16.convolutions_from_torch(torch_convolutions())
    channels = lpips.from_torch(lpips_arrays(np.random.default_rng(1)))
    distance = lpips.Lpips(convolutions, channels, "")
    G = make_networks(channels=3).G_ema
    generator = GeneratedImages(G, 4)

    def length():
        inputs = array_inputs(
            features=ArrayFeatures(distance=distance.distance), generator=generator
        )
        return make_metric(FAMILY, "ppl2_wend8").compute(inputs)["ppl2_wend8"]

    strong = length()
    assert length() == strong > 0
    # LPIPS compares directions of features: of strong images it need not fall with their contrast.
    # Of weak ones, whose features are nearly equal, it does.
    multiply_outputs(G, 0.01)
    assert 0 < length() < strong / 10
    multiply_outputs(G, 0)
    assert length() == 0


def test_small_images_are_refused():
    generator = GeneratedImages(make_networks().G_ema, 4)
    with pytest.raises(ValueError, match="ppl_zfull8 needs a generator of at least 32x32 pixels"):
        make_metric(FAMILY, "ppl_zfull8").compute(inputs_of(generator))
