import numpy as np
import pytest
from support.metric_inputs import ArrayFeatures, array_inputs, make_metric
from support.plain_neighbors import features, plain_distances, plain_radii, whole_numbers

from metrics.density_coverage import FAMILY, density_coverage


def plain_density_coverage(reals, fakes, k):
    inside = plain_distances(reals, fakes) < plain_radii(reals, k)[:, None]
    density = inside.sum(axis=0).mean() / k
    nearest = plain_distances(reals, fakes).min(axis=1)
    return density, (nearest < plain_radii(reals, k)).mean()


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_both_equal_a_plain_statement_of_the_definition(block, shift, k):
    reals, fakes = features(80), features(60, seed=1, shift=shift)
    density, coverage = density_coverage(reals, fakes, k)
    expected = plain_density_coverage(reals, fakes, k)
    assert (density, coverage) == (pytest.approx(expected[0], rel=1e-12), expected[1])


@pytest.mark.parametrize("seed", range(5))
def test_ties_and_copies_follow_the_definition(block, seed):
    reals, fakes = whole_numbers(30, seed), whole_numbers(25, seed + 10) + 1
    density, coverage = density_coverage(reals, fakes)
    expected = plain_density_coverage(reals, fakes, 5)
    assert (density, coverage) == (pytest.approx(expected[0], rel=1e-12), expected[1])


def test_the_surface_does_not_belong_to_a_ball(block):
    # Two reals and k = 1: the ball of each ends in the other one, and holds itself only.
    reals = features(2, dim=300) * 100
    assert density_coverage(reals, reals, k=1) == (1.0, 1.0)
    assert density_coverage(reals, reals[:1], k=1) == (1.0, 0.5)


def test_equal_sets_score_one(block):
    # A ball holds its centre and the neighbours before the k-th.
    x = features(50)
    assert density_coverage(x, x) == (1.0, 1.0)


def test_copies_of_one_real_have_balls_without_inside(block):
    reals = np.repeat(features(1, dim=300) * 100, 20, axis=0)
    assert density_coverage(reals, reals) == (0.0, 0.0)


def test_sets_far_apart_share_nothing(block):
    assert density_coverage(features(50), features(50, shift=100)) == (0.0, 0.0)


def test_density_is_high_and_coverage_low_where_reals_are_crowded():
    reals = features(500)
    centre = features(500, seed=1) * np.float32(0.05)
    density, coverage = density_coverage(reals, centre)
    assert density > 1.2
    assert coverage < 0.2


def test_one_outlier_among_the_reals_counts_little():
    # For precision, the ball of the outlier would hold all of the fakes.
    reals = np.concatenate([features(200), np.full((1, 5), 40, np.float32)])
    fakes = features(200, seed=1, shift=20)
    density, coverage = density_coverage(reals, fakes)
    assert density == pytest.approx(1 / 5)
    assert coverage == pytest.approx(1 / 201)


def test_progress_and_a_single_fake(block):
    counts = []
    density, coverage = density_coverage(features(30), features(30)[:1], report=counts.append)
    assert sum(counts) == 30**2 + 30
    assert density > 0
    assert coverage > 0


def test_bad_features_are_refused():
    with pytest.raises(ValueError, match="more than k = 5 images"):
        density_coverage(features(5), features(5))
    with pytest.raises(ValueError, match="at least 1 fake"):
        density_coverage(features(9), features(0))


def test_metric_takes_what_its_name_says():
    reals, fakes = features(40), features(30, seed=1)
    for name, asked in (("dc205", 20), ("dc205_full", 200_000)):
        source = ArrayFeatures({"vgg16": reals}, {"vgg16": fakes})
        result = make_metric(FAMILY, name).compute(array_inputs(features=source))
        density, coverage = density_coverage(reals[:asked], fakes[:20])
        assert result == {f"{name}_density": density, f"{name}_coverage": coverage}
        assert source.calls == [("fakes", "vgg16", 20, "features"), ("reals", "vgg16", asked)]
