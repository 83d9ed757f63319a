"""Which images of the other domain are near, how near they look, and what an encoder finds."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from support.metric_inputs import array_inputs, make_metric, results_of
from support.synthetic_vgg16 import lpips_arrays, torch_convolutions
from support.tiny_pair import generated_pairs, make_pair, pair_inputs, random_pixels

from metrics import cycle_error, pair_lpips, retrieval
from metrics.comparisons import COMPARISONS, brightness_patterns, squared_distances
from metrics.cycle_error import latent_errors
from metrics.feature_networks import lpips, vgg16
from metrics.ranks import partner_ranks, rank_scores, scores_of_both
from msg_stylegan.data.sources.pairs import CHANGES

# Ranks.


def test_ranks_count_those_that_are_nearer_and_as_far():
    distances = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.2, 0.2, 0.1], [0.3, 0.3, 0.3, 0.3]])
    ranks = partner_ranks(distances, np.array([0, 1, 2]))
    np.testing.assert_array_equal(ranks, [[0, 1], [1, 2], [0, 4]])
    scores = rank_scores(ranks, 4)
    # Second or third; any of four.
    assert scores["mean_rank"] == pytest.approx((1 + 2.5 + 2.5) / 3)
    assert scores["median_rank"] == 2.5
    assert scores["top1"] == pytest.approx((1 + 0 + 1 / 4) / 3)
    assert scores["top5"] == scores["chance_top5"] == 1
    assert scores["chance_top1"] == 1 / 4 and scores["chance_mean_rank"] == 2.5


def test_scores_are_those_of_sorting_with_ties_in_random_order():
    rng = np.random.default_rng(0)
    distances = rng.integers(0, 4, (30, 12)) / 4.0
    partners = rng.integers(0, 12, 30)
    scores = rank_scores(partner_ranks(distances, partners), 12)
    found = []
    for _ in range(2000):
        order = np.lexsort((rng.random(distances.shape), distances), axis=1)
        found.append((order == partners[:, None]).argmax(axis=1) + 1)
    found = np.array(found)
    assert scores["mean_rank"] == pytest.approx(found.mean(), abs=0.05)
    assert scores["top1"] == pytest.approx((found <= 1).mean(), abs=0.01)
    assert scores["top5"] == pytest.approx((found <= 5).mean(), abs=0.01)


def test_both_directions_have_one_mean():
    a2b, b2a = np.array([[0, 1], [2, 1]]), np.array([[4, 1]])
    results = scores_of_both("m", a2b, b2a, (10, 20))
    assert results["m_a2b_mean_rank"] == 2 and results["m_b2a_mean_rank"] == 5
    assert results["m_mean_rank"] == 3.5 and results["m_chance_mean_rank"] == (5.5 + 10.5) / 2
    assert results["m_a2b_top1"] == 0.5 and results["m_top1"] == 0.25


# Comparisons.


def test_correlation_is_that_of_numpy_and_blind_to_contrast():
    a, b = random_pixels(3, channels=3), random_pixels(4, seed=1)
    compare = COMPARISONS["correlation"]
    distances = compare.distances(*(compare.embed(None, images) for images in (a, b)))
    gray = [images.mean(axis=3).reshape(len(images), -1) for images in (a, b)]
    expected = 1 - np.abs(np.corrcoef(*gray)[:3, 3:])
    np.testing.assert_allclose(distances, expected, atol=1e-6)
    dark = (255 - b) // 2
    again = compare.distances(*(compare.embed(None, images) for images in (b, dark)))
    # Half of the grey levels are lost.
    np.testing.assert_allclose(np.diag(again), np.zeros(4), atol=1e-3)
    assert (again + np.eye(4)).min() > 0.3


def test_correlation_is_measured_between_means_of_large_images():
    small = random_pixels(2, side=32)
    np.testing.assert_allclose(
        brightness_patterns(small.repeat(4, axis=1).repeat(4, axis=2)),
        brightness_patterns(small),
        atol=1e-6,
    )


def test_images_of_one_grey_correlate_with_nothing():
    flat = np.full((1, 8, 8, 1), 200, np.uint8)
    compare = COMPARISONS["correlation"]
    patterns = (compare.embed(None, images) for images in (flat, random_pixels(3)))
    np.testing.assert_array_equal(compare.distances(*patterns), np.ones((1, 3)))


@pytest.fixture(scope="module")
def lpips_weights():
    channels = lpips.from_torch(lpips_arrays(np.random.default_rng(1)))
    return vgg16.convolutions_from_torch(torch_convolutions()), channels, "digest"


@pytest.mark.parametrize("size", [16, 32])
def test_distances_of_embedded_images_are_lpips(lpips_weights, size):
    a, b = (np.float32(random_pixels(2, size, 3, seed)) for seed in (0, 1))
    network = lpips.lpips_embedding(*lpips_weights)
    points = [network.model(network.prepare(x))["features"].numpy() for x in (a, b)]
    distance = lpips.Lpips(*lpips_weights).distance
    expected = [[float(distance(x[None], y[None])[0]) for y in b] for x in a]
    np.testing.assert_allclose(squared_distances(*points), expected, rtol=1e-4)
    np.testing.assert_allclose(squared_distances(points[0], points[0]).diagonal(), 0, atol=1e-6)


def test_large_images_are_embedded_at_64_pixels(lpips_weights):
    network = lpips.lpips_embedding(*lpips_weights)
    small = random_pixels(1, 64, 3)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(network.prepare(large), np.float32(small), atol=1e-4)
    np.testing.assert_array_equal(network.prepare(small), np.float32(small))


# Retrieval.


def retrieval_scores(a, b, **options):
    inputs = pair_inputs(array_inputs(), a, b, **options)
    return results_of(retrieval.FAMILY, f"retrieval{len(a)}_correlation", inputs)


@pytest.mark.parametrize("change", ["negative", None])
def test_partners_of_perfect_pairs_come_first(change):
    a = random_pixels(100)
    b = np.stack([CHANGES[change](image) for image in a]) if change else a
    scores = retrieval_scores(a, b)
    for direction in ("", "_a2b", "_b2a"):
        assert scores[f"{direction}_top1"] == scores[f"{direction}_top5"] == 1
        assert scores[f"{direction}_mean_rank"] == scores[f"{direction}_median_rank"] == 1


def test_partners_of_unrelated_pairs_come_anywhere():
    scores = retrieval_scores(random_pixels(1000), random_pixels(1000, seed=1))
    for name in ("top1", "top5", "mean_rank"):
        chance = scores[f"_chance_{name}"]
        assert scores[f"_{name}"] == pytest.approx(chance, rel=0.06 if name == "mean_rank" else 0.5)
    assert (scores["_chance_top1"], scores["_chance_mean_rank"]) == (0.02, 25.5)


def test_images_that_are_all_alike_are_retrieved_by_chance():
    a, b = (random_pixels(1, seed=seed).repeat(50, axis=0) for seed in (0, 1))
    scores = retrieval_scores(a, b)
    for name in ("top1", "top5", "mean_rank", "median_rank"):
        assert scores[f"_{name}"] == pytest.approx(scores[f"_chance_{name}"])


def test_retrieval_is_symmetric_and_blind_to_batches():
    a, b = random_pixels(100), random_pixels(100, seed=1)
    b[:30] = a[:30]
    ab, ba = retrieval_scores(a, b), retrieval_scores(b, a, num_batches=7)
    swapped = {"_a2b": "_b2a", "_b2a": "_a2b"}
    for key, value in ab.items():
        assert ba[swapped.get(key[:4], key[:4]) + key[4:]] == pytest.approx(value)


# LPIPS of pairs.


class SquaredDifference:
    """A distance in place of LPIPS: float32 `[n]` of images 0..255."""

    def lpips(self):
        return self

    def distance(self, a, b):
        return tf.reduce_mean(tf.square(a - b), axis=(1, 2, 3))


@pytest.mark.parametrize("num_batches", [1, 4])
def test_pair_lpips_is_the_mean_distance_of_partners_and_of_others(num_batches):
    a, b = random_pixels(7, 16), random_pixels(7, 16, 3, seed=1)
    inputs = pair_inputs(array_inputs(features=SquaredDifference()), a, b, num_batches=num_batches)
    scores = results_of(pair_lpips.FAMILY, "pair_lpips7", inputs)

    def mean(other):
        return np.mean(np.square(np.float64(a) - other))

    assert scores[""] == pytest.approx(mean(b), rel=1e-5)
    assert scores["_unrelated"] == pytest.approx(mean(np.roll(b, -1, axis=0)), rel=1e-5)


def test_equal_images_are_at_no_distance():
    a = random_pixels(6, 16)
    inputs = pair_inputs(array_inputs(features=SquaredDifference()), a, a)
    scores = results_of(pair_lpips.FAMILY, "pair_lpips6", inputs)
    assert scores[""] == 0 and scores["_unrelated"] > 1000


# Cycles.


def cycle_scores(pairs, count=10):
    inputs = dataclasses.replace(array_inputs(), pairs=pairs)
    return results_of(cycle_error.FAMILY, f"cycle_error{count}", inputs)


def test_latents_that_are_found_have_no_error():
    z = np.random.default_rng(0).normal(size=(400, 8))
    errors = latent_errors(z, z, z + 0.5)
    assert errors[""] == pytest.approx(0.25)
    assert errors["_z_a"] == 0 and errors["_z_b"] == pytest.approx(0.5)
    # Two normal numbers differ by 2 / sqrt(pi) on average.
    assert latent_errors(z, z, z)["_z_unrelated"] == pytest.approx(2 / np.sqrt(np.pi), abs=0.05)


def test_cycles_go_through_the_encoder_into_the_other_domain():
    nets = make_pair(channels=(1, 3), has_encoder=True)
    pairs = generated_pairs(nets)
    cycles = list(pairs.cycles(6))
    assert [len(cycle.z) for cycle in cycles] == [4, 2]
    images = list(pairs.batches(6))
    for cycle, (a, b) in zip(cycles, images, strict=True):
        for partner, expected in zip(cycle.partners, (b, a), strict=True):
            np.testing.assert_allclose(partner * 127.5 + 127.5, expected, atol=1.5)
        assert cycle.translated[0].shape == b.shape and cycle.translated[1].shape == a.shape
        assert cycle.found[0].shape == cycle.found[1].shape == cycle.z.shape


def test_equal_domains_have_equal_cycles():
    scores = cycle_scores(generated_pairs(make_pair("same", has_encoder=True)))
    assert scores["_image_a2b"] == pytest.approx(scores["_image_b2a"], rel=1e-5)
    assert scores["_z_a"] == scores["_z_b"] == scores[""]
    # An untrained encoder has found nothing.
    assert scores[""] == pytest.approx(scores["_z_unrelated"], rel=0.3)
    assert scores["_image_a2b_unrelated"] > 0


def test_an_encoder_that_finds_the_latents_makes_no_error():
    pairs = generated_pairs(make_pair())
    # It knows which latents are asked for.
    chunks = [tf.constant(z) for z, *_ in pairs.a.latent_chunks(4)]
    pairs.encoder = _Knowing(chunks[0])
    scores = cycle_scores(pairs, 4)
    for end in ("", "_z_a", "_z_b", "_image_a2b", "_image_b2a"):
        assert scores[end] == pytest.approx(0, abs=1e-5)
    assert min(scores[f"{end}_unrelated"] for end in ("_z", "_image_a2b", "_image_b2a")) > 0.01


class _Knowing:
    """In place of an `Encoder`: always finds the same latents."""

    def __init__(self, z):
        self._z = z

    def __call__(self, images):
        return self._z


def test_cycles_need_an_encoder():
    with pytest.raises(ValueError, match=r"cycle_error10 needs the encoder .* coupling\.cycle"):
        cycle_scores(generated_pairs(make_pair()))


@pytest.mark.parametrize(
    ("family", "name"),
    [
        (pair_lpips.FAMILY, "pair_lpips1k"),
        (retrieval.FAMILY, "retrieval1k_lpips"),
        (cycle_error.FAMILY, "cycle_error1k"),
    ],
)
def test_one_domain_has_no_pairs(family, name):
    metric = make_metric(family, name)
    assert metric.of_pair
    with pytest.raises(ValueError, match=f"{name} compares images of two domains"):
        metric.compute(array_inputs())
