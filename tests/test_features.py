"""Features with a network small enough to be stated in numpy: means of the quarters of an image."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from support.stored_data_sets import random_images
from support.tiny_run import make_networks
from tqdm import tqdm

from metrics.cache import StatisticsCache
from metrics.feature_networks.network import FeatureExtractor, FeatureNetwork
from metrics.features import Features
from metrics.generated_images import GeneratedImages
from metrics.metric import MetricInputs
from metrics.moments import Moments

NUM_REALS = 10
FINGERPRINT = "abc"


def quarters(images):
    """What the network computes: float64 [N, 12], and its "logits" [N, 2]."""
    n, size = images.shape[:2]
    halves = images.astype(np.float64).reshape(n, 2, size // 2, 2, size // 2, -1)
    features = np.broadcast_to(halves.mean(axis=(2, 4)), (n, 2, 2, 3)).reshape(n, 12)
    return features, features[:, :2] * 2


def make_network(identity="weights"):
    def model(x):
        size = tf.shape(x)[1] // 2
        rows = [x[:, :size], x[:, size:]]
        parts = [part for row in rows for part in (row[:, :, :size], row[:, :, size:])]
        features = tf.concat([tf.reduce_mean(part, axis=(1, 2)) for part in parts], axis=1)
        return {"features": features, "logits": features[:, :2] * 2, "unused": features}

    prepare = functools.partial(tf.cast, dtype=tf.float32)
    return FeatureNetwork("quarters", identity, model, prepare, 12)


class CountedReals:
    """Reals that repeat, are mirrored all or none, and count how often they are read."""

    def __init__(self, images):
        self.images = images
        self.num_passes = 0

    def __call__(self, num_images, mirrored=True, shuffled=True):
        self.num_passes += 1
        for start in range(0, num_images, 4):
            indices = np.arange(start, min(start + 4, num_images)) % len(self.images)
            images = self.images[indices]
            yield images[:, :, ::-1] if mirrored else images


def make_features(tmp_path, reals=None, fakes=None, identity="weights", generator=None, **options):
    fakes = fakes or CountedReals(random_images(20, 16, seed=1))
    extractor = FeatureExtractor(make_network(identity), batch_size=4)
    cache = StatisticsCache(tmp_path / "cache", {"fingerprint": FINGERPRINT})
    inputs = MetricInputs(
        reals=reals or CountedReals(random_images(NUM_REALS, 16)),
        fakes=functools.partial(fakes, mirrored=False),
        num_reals=NUM_REALS,
        num_fakes=None,
        features=None,
        generator=generator,
        cache=cache,
        seed=0,
        scratch_dir=tmp_path / "scratch",
        progress=functools.partial(tqdm, disable=True),
        notice=print,
    )
    return Features(inputs, {"quarters": extractor}.__getitem__, None, cache=cache, **options)


def assert_moments(moments, features):
    np.testing.assert_allclose(moments.mean, features.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments.covariance, np.cov(features.T), rtol=1e-4, atol=1e-3)
    assert moments.num_images == len(features)


@pytest.mark.parametrize("sizes", [[7], [1, 2, 4], [4, 3], [5, 2]])
def test_batches_do_not_matter_to_the_extractor(sizes):
    images = random_images(7, 16)
    batches = np.split(images, np.cumsum(sizes)[:-1])
    found = list(FeatureExtractor(make_network(), batch_size=4)(iter(batches)))
    features, logits = quarters(images)
    for name, expected in (("features", features), ("logits", logits)):
        values = np.concatenate([outputs[name] for outputs in found])
        np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_images_of_changing_size_keep_their_order():
    sets = [random_images(3, 16), random_images(5, 8), random_images(2, 16)]
    found = FeatureExtractor(make_network(), batch_size=4)(iter(sets))
    values = np.concatenate([outputs["features"] for outputs in found])
    expected = np.concatenate([quarters(images)[0] for images in sets])
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_gray_images_are_shown_in_colour():
    gray = random_images(3, 16, 1)
    (outputs,) = FeatureExtractor(make_network(), batch_size=4)(iter([gray]))
    np.testing.assert_allclose(outputs["features"], quarters(gray)[0], rtol=1e-5)


def test_moments_of_reals_once_or_repeated_or_mirrored(tmp_path):
    images = random_images(NUM_REALS, 16)
    features = make_features(tmp_path, mirror_seed=0)
    assert_moments(features.real_moments("quarters", 0, mirrored=False), quarters(images)[0])
    repeated = np.concatenate([images, images[:5]])
    assert_moments(features.real_moments("quarters", 15, mirrored=False), quarters(repeated)[0])
    mirrored = quarters(images[:6, :, ::-1])[0]
    assert_moments(features.real_moments("quarters", 6, mirrored=True), mirrored)


def test_statistics_of_reals_are_kept_as_long_as_they_are_right(tmp_path):
    def passes(reals_needed=1, identity="weights", **options):
        reals = CountedReals(random_images(NUM_REALS, 16))
        make_features(tmp_path, reals, identity=identity, **options).real_moments(
            "quarters", 6, mirrored=True
        )
        return reals.num_passes

    assert passes() == 1
    assert passes() == 0
    assert passes(identity="other weights") == 1
    assert passes(mirror_seed=0) == 1
    assert passes(mirror_seed=1) == 1
    assert passes() == 0


def test_features_of_reals_are_kept_and_never_repeat(tmp_path):
    images = random_images(NUM_REALS, 16)
    for _ in range(2):
        reals = CountedReals(images)
        features = make_features(tmp_path, reals).reals("quarters", 50)
        np.testing.assert_allclose(features, quarters(images)[0], rtol=1e-5)
        few = make_features(tmp_path, reals).reals("quarters", 3)
        np.testing.assert_allclose(few, quarters(images[:3])[0], rtol=1e-5)
    assert reals.num_passes == 0


def test_fakes_are_looked_at_once_for_all_metrics(tmp_path):
    images = random_images(20, 16, seed=1)
    fakes = CountedReals(images)
    features = make_features(tmp_path, fakes=fakes)
    values = features.fakes("quarters", 20)
    np.testing.assert_allclose(values, quarters(images)[0], rtol=1e-5)
    np.testing.assert_allclose(
        features.fakes("quarters", 7, output="logits"), quarters(images[:7])[1], rtol=1e-5
    )
    assert_moments(features.fake_moments("quarters", 12), quarters(images[:12])[0])
    assert fakes.num_passes == 1
    # The scratch files have no name, and nothing is left of them.
    assert not list((tmp_path / "scratch").iterdir())


def test_every_scale_is_compared_with_reals_of_that_scale(tmp_path):
    generated = GeneratedImages(make_networks(channels=3).G_ema, 4)
    features = make_features(tmp_path, generator=generated)
    scales = features.scale_moments("quarters", 8, mirrored=False)
    assert list(scales) == [4, 8, 16]
    images = random_images(NUM_REALS, 16)[:8]
    for res, (reals, fakes) in scales.items():
        step = 16 // res
        means = images.reshape(8, res, step, res, step, 3).mean(axis=(2, 4))
        assert_moments(reals, quarters(np.rint(means))[0])
        batches = list(generated.scale_batches(8))
        assert_moments(
            fakes, quarters(np.concatenate([batch[[4, 8, 16].index(res)] for batch in batches]))[0]
        )


def test_imported_statistics_stand_for_the_reals(tmp_path):
    imported = Moments(np.zeros(12), np.eye(12), 100)
    features = make_features(tmp_path, imported=imported)
    assert features.real_moments("quarters", 50, mirrored=True) is imported
    wrong = make_features(tmp_path, imported=Moments(np.zeros(3), np.eye(3), 100))
    with pytest.raises(ValueError, match="have 3 numbers per image, the features of quarters 12"):
        wrong.real_moments("quarters", 50, mirrored=True)


def test_too_little_room_is_said(tmp_path):
    endless = CountedReals(random_images(4, 16))
    with pytest.raises(OSError, match="GiB are free"):
        make_features(tmp_path, fakes=endless).fakes("quarters", 2**44)
