import numpy as np
import pytest
from support.metric_inputs import ArrayFeatures, array_inputs, make_metric
from support.plain_neighbors import features, plain_distances, plain_radii, whole_numbers

from metrics.nearest_neighbors import distance_blocks, neighbor_balls
from metrics.precision_recall import FAMILY, precision_recall


def plain_precision_recall(reals, fakes, k):
    distances = plain_distances(reals, fakes)
    precision = (distances <= plain_radii(reals, k)[:, None]).any(axis=0).mean()
    recall = (distances <= plain_radii(fakes, k)[None]).any(axis=1).mean()
    return precision, recall


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("make", [features, whole_numbers])
def test_radii_are_distances_to_the_kth_other_point(block, make, k):
    points = make(60)
    balls = neighbor_balls(points, k)
    radii = plain_radii(points, k)
    np.testing.assert_allclose(balls.closed, radii, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(balls.open, radii, rtol=1e-10, atol=1e-10)
    assert (balls.open <= balls.closed).all()


def test_blocks_hold_all_distances(block):
    x, y = features(30), features(20, seed=1)
    distances = np.full((30, 20), np.nan)
    for i, j, some in distance_blocks(x, y):
        assert np.isnan(distances[i, j]).all()
        distances[i, j] = some
    np.testing.assert_allclose(distances, plain_distances(x, y), rtol=1e-9)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_precision_and_recall_equal_a_plain_statement_of_the_definition(block, shift, k):
    reals, fakes = features(80), features(60, seed=1, shift=shift)
    assert precision_recall(reals, fakes, k) == plain_precision_recall(reals, fakes, k)


@pytest.mark.parametrize("seed", range(5))
def test_ties_and_copies_follow_the_definition(block, seed):
    reals, fakes = whole_numbers(30, seed), whole_numbers(25, seed + 10) + 1
    assert precision_recall(reals, fakes) == plain_precision_recall(reals, fakes, 3)


def test_copies_of_reals_lie_on_the_surface_of_their_balls(block):
    # The fakes are copies of all but one of the reals, which is the third neighbour of nobody.
    # Every tie between a distance of reals and that of a copy must be seen in spite of rounding.
    reals = features(60, dim=300) * 100
    fakes = reals[::-1][:59].copy()
    assert precision_recall(reals, fakes)[0] == 1.0
    far = np.concatenate([reals, np.full((1, 300), 1e4, np.float32)])
    assert precision_recall(far, reals) == (1.0, 60 / 61)


def test_the_nearest_neighbour_that_is_a_copy_counts_for_ties(block):
    # Two reals and k = 1: the ball of each ends in the other one, where the fakes lie.
    reals = features(2, dim=300) * 100
    fakes = np.repeat(reals[:1], 2, axis=0)
    assert precision_recall(reals, fakes, k=1) == (1.0, 0.5)


def test_equal_sets_are_perfect(block):
    x = features(50)
    assert precision_recall(x, x) == (1.0, 1.0)


def test_sets_far_apart_share_nothing(block):
    assert precision_recall(features(50), features(50, shift=100)) == (0.0, 0.0)


def test_exchanging_the_sets_exchanges_the_numbers(block):
    a, b = features(80), features(60, seed=1, shift=0.7)
    precision, recall = precision_recall(a, b)
    assert precision_recall(b, a) == (recall, precision)
    assert 0 < min(precision, recall) < 1


def test_precision_and_recall_tell_bad_images_from_missing_ones():
    # A generator that has learned one half of the data, and one that adds rubbish.
    reals = np.concatenate([features(100), features(100, seed=1, shift=50)])
    one_half = features(100, seed=2)
    assert precision_recall(reals, one_half)[0] > 0.8 > 0.5 >= precision_recall(reals, one_half)[1]
    rubbish = np.concatenate([features(100, seed=3), features(100, seed=4, shift=-50)])
    precision, recall = precision_recall(reals[:100], rubbish)
    assert precision <= 0.5 < 0.8 < recall


def test_a_collapsed_generator(block):
    reals = features(50)
    fakes = np.repeat(reals[:1] + np.float32(0.01), 50, axis=0)
    assert precision_recall(reals, fakes) == (1.0, 0.0)


def test_order_shift_and_scale_do_not_count():
    reals, fakes = features(80), features(60, seed=1, shift=1)
    value = precision_recall(reals, fakes)
    assert precision_recall(reals[::-1], np.roll(fakes, 7, axis=0)) == value
    assert precision_recall(reals * 4 + 2, fakes * 4 + 2) == value


def test_a_large_offset_does_not_drown_the_distances():
    # |x|^2 - 2 x.y + |y|^2 in float32 would be rounding only.
    reals, fakes = (x.astype(np.float64) for x in (features(80), features(60, seed=1, shift=1)))
    value = precision_recall(reals, fakes)
    assert precision_recall(reals + 10_000, fakes + 10_000) == value


def test_features_in_files_and_progress(tmp_path, block):
    reals, fakes = features(30), features(20, seed=1)
    np.save(tmp_path / "reals.npy", reals)
    mapped = np.load(tmp_path / "reals.npy", mmap_mode="r")
    counts = []
    value = precision_recall(mapped, fakes, report=counts.append)
    assert value == precision_recall(reals, fakes)
    assert sum(counts) == 30**2 + 20**2 + 30 * 20


def test_bad_features_are_refused():
    good = features(10)
    with pytest.raises(ValueError, match=r"more than k = 3 images. Received \[3, 5\]"):
        precision_recall(good, features(3))
    with pytest.raises(ValueError, match=r"Received \[10, 5\] and \[10, 4\]"):
        precision_recall(good, features(10, dim=4))
    bad = good.copy()
    bad[3, 3] = np.inf
    with pytest.raises(ValueError, match="finite"):
        precision_recall(good, bad)


def test_metric_takes_what_its_name_says():
    reals, fakes = features(40), features(30, seed=1)
    for name, asked in (("pr203", 20), ("pr203_full", 200_000)):
        source = ArrayFeatures({"vgg16": reals}, {"vgg16": fakes})
        result = make_metric(FAMILY, name).compute(array_inputs(features=source))
        precision, recall = precision_recall(reals[:asked], fakes[:20])
        assert result == {f"{name}_precision": precision, f"{name}_recall": recall}
        assert source.calls == [("fakes", "vgg16", 20, "features"), ("reals", "vgg16", asked)]
