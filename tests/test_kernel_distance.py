import itertools

import numpy as np
import pytest
from support.metric_inputs import ArrayFeatures, array_inputs, make_metric

from metrics.kernel_distance import FAMILY, draw_subsets, kernel_distance


def features(count, dim=16, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, dim)).astype(np.float32) + np.float32(shift)


def everything(x, y):
    return [(np.arange(len(x)), np.arange(len(y)))]


def plain_mmd(x, y):
    """The definition with loops over pairs."""

    def kernel(a, b):
        return (a @ b / len(a) + 1) ** 3

    x, y = x.astype(np.float64), y.astype(np.float64)
    m = len(x)
    within = sum(kernel(x[i], x[j]) + kernel(y[i], y[j]) for i, j in np.ndindex(m, m) if i != j)
    across = sum(kernel(a, b) for a in x for b in y)
    return within / (m * (m - 1)) - 2 * across / m**2


def test_distance_equals_a_plain_statement_of_the_definition():
    x, y = features(30), features(30, seed=1, shift=0.5)
    assert kernel_distance(x, y, everything(x, y)) == pytest.approx(plain_mmd(x, y), rel=1e-12)
    subsets = [([1, 4, 2], [9, 8, 0]), ([5, 6, 7], [1, 2, 3])]
    expected = np.mean([plain_mmd(x[i], y[j]) for i, j in subsets])
    assert kernel_distance(x, y, [tuple(map(np.array, some)) for some in subsets]) == (
        pytest.approx(expected, rel=1e-12)
    )


def test_two_points_have_a_closed_form():
    # k(1, 2) = 27 among x and k(0, 0) = 1 among y; all of k(x, y) are 1.
    x, y = np.array([[1.0], [2.0]]), np.zeros((2, 1))
    assert kernel_distance(x, y, everything(x, y)) == 27 + 1 - 2


def test_two_equal_sets_fall_below_zero_by_their_variance():
    # The diagonal is left out within sets and not across them.
    x = features(20)
    kernel = (x.astype(np.float64) @ x.T / 16 + 1) ** 3
    expected = 2 / 20 * ((kernel.sum() - np.trace(kernel)) / (20 * 19) - np.trace(kernel) / 20)
    assert kernel_distance(x, x, everything(x, x)) == pytest.approx(expected, rel=1e-12)
    assert expected < 0


def test_estimate_is_unbiased():
    # Two points of a distribution are all pairs of draws of two from it: the mean over all draws of
    # a subset is the estimate from everything, here from a finite population with replacement.
    population = features(4, dim=2)
    pairs = list(itertools.product(range(4), repeat=2))
    subsets = [(np.array(a), np.array(b)) for a in pairs for b in pairs]
    assert kernel_distance(population, population, subsets) == pytest.approx(0, abs=1e-12)


def test_same_distribution_scores_zero_on_average():
    values = [
        kernel_distance(x, y, everything(x, y))
        for x, y in ((features(50, seed=2 * i), features(50, seed=2 * i + 1)) for i in range(400))
    ]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0 < max(values)
    x, y = features(50), features(50, shift=1.0, seed=1)
    assert kernel_distance(x, y, everything(x, y)) > 10 * np.std(values)


def test_distance_is_symmetric_and_does_not_know_the_order():
    x, y = features(40), features(30, seed=1)
    subsets = draw_subsets(40, 30, (0,))
    value = kernel_distance(x, y, subsets)
    assert kernel_distance(y, x, [(j, i) for i, j in subsets]) == pytest.approx(value, rel=1e-9)
    shuffled = [(i[::-1], np.roll(j, 3)) for i, j in subsets]
    assert kernel_distance(x, y, shuffled) == value


def test_float32_features_are_multiplied_in_float64():
    x, y = features(100, shift=50.0), features(100, seed=1, shift=50.0)
    exact = kernel_distance(x.astype(np.float64), y.astype(np.float64), everything(x, y))
    assert kernel_distance(x, y, everything(x, y)) == exact


def test_features_in_files_are_left_there(tmp_path):
    x, y = features(60), features(60, seed=1)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    subsets = draw_subsets(60, 60, (0,))
    assert kernel_distance(mapped, y, subsets) == kernel_distance(x, y, subsets)


@pytest.mark.parametrize(("num_x", "num_y", "size"), [(5000, 3000, 1000), (700, 3000, 700)])
def test_subsets_are_drawn_without_replacement(num_x, num_y, size):
    subsets = draw_subsets(num_x, num_y, (0, 4))
    assert len(subsets) == 100
    for x, y in subsets:
        assert len(set(x)) == len(set(y)) == len(x) == len(y) == size
        assert set(x) <= set(range(num_x))
        assert set(y) <= set(range(num_y))
    # All of the images have a chance.
    assert len({index for x, _ in subsets for index in x}) > 0.99 * num_x
    again = draw_subsets(num_x, num_y, (0, 4))
    np.testing.assert_array_equal(subsets, again)
    assert (np.array(draw_subsets(num_x, num_y, (1, 4))) != again).any()


def test_bad_features_are_refused():
    with pytest.raises(ValueError, match=r"at least 2 images on each side\. Received 1, 30"):
        draw_subsets(1, 30, (0,))
    with pytest.raises(ValueError, match=r"Received \[5, 16\] and \[5, 8\]"):
        kernel_distance(features(5), features(5, dim=8), [])


@pytest.mark.parametrize(
    ("name", "max_reals"), [("kid50k", 50_000), ("kid500_full", 1_000_000), ("kid", 1_000_000)]
)
def test_reals_are_limited(name, max_reals):
    rows = np.broadcast_to(np.zeros(2, np.float32), (50_000, 2))
    source = ArrayFeatures({"inception": rows[:9]}, {"inception": rows})
    inputs = array_inputs(features=source, num_fakes=50_000)
    assert make_metric(FAMILY, name).compute(inputs) == {name: 0.0}
    assert source.calls[-1] == ("reals", "inception", max_reals)


def test_metric_draws_from_the_seed():
    reals, fakes = features(90), features(80, seed=1)
    source = ArrayFeatures({"inception": reals}, {"inception": fakes})
    result = make_metric(FAMILY, "kid60").compute(array_inputs(features=source, num_fakes=80))
    subsets = draw_subsets(60, 60, (0, 4))
    assert result == {"kid60": kernel_distance(reals[:60], fakes[:60], subsets)}
