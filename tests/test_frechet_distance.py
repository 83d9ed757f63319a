import numpy as np
import pytest
import scipy.linalg
from support.metric_inputs import ArrayFeatures, array_inputs, make_metric

from metrics.frechet_distance import FAMILY, frechet_distance
from metrics.moments import Moments, moments_of


def gaussian(mean, covariance):
    return Moments(np.asarray(mean, np.float64), np.asarray(covariance, np.float64), 10**6)


def random_covariance(dim, seed, rank=None):
    factor = np.random.default_rng(seed).normal(size=(dim, rank or 2 * dim))
    return factor @ factor.T / factor.shape[1]


def features(count, dim=8, seed=0):
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)), 0)


def by_square_root_of_the_product(a, b):
    """The definition as other tools compute it."""
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance).real
    shift = a.mean - b.mean
    return shift @ shift + np.trace(a.covariance + b.covariance - 2 * root)


def test_diagonal_covariances_have_a_closed_form():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0, 9, (2, 30))
    shift = rng.normal(size=30)
    result = frechet_distance(gaussian(shift, np.diag(a)), gaussian(np.zeros(30), np.diag(b)))
    expected = shift @ shift + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert result == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("rank", [40, 20, 7, 1])
def test_commuting_covariances_have_a_closed_form(rank):
    # They share their eigenvectors; with rank < 20 both are singular, in the same directions.
    rng = np.random.default_rng(rank)
    vectors = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    a, b = rng.uniform(1, 9, (2, 20)) * (np.arange(20) < rank)
    first, second = (gaussian(np.zeros(20), (vectors * x) @ vectors.T) for x in (a, b))
    expected = np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def test_equal_covariances_leave_the_distance_of_the_means():
    covariance = random_covariance(50, 0)
    shift = np.arange(50.0)
    result = frechet_distance(gaussian(shift, covariance), gaussian(0 * shift, covariance))
    assert result == pytest.approx(shift @ shift, rel=1e-12)


def test_a_point_and_a_gaussian():
    # The distance to a point is the squared distance of the means plus all of the variance.
    point = gaussian(np.zeros(4), np.zeros((4, 4)))
    cloud = gaussian(np.ones(4), random_covariance(4, 0))
    expected = 4 + np.trace(cloud.covariance)
    assert frechet_distance(point, cloud) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(cloud, point) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(point, point) == 0.0


def test_supports_that_do_not_meet():
    a, b = np.diag([1.0, 2, 0, 0]), np.diag([0, 0, 3.0, 4])
    result = frechet_distance(gaussian(np.zeros(4), a), gaussian(np.zeros(4), b))
    assert result == pytest.approx(10, rel=1e-9)


@pytest.mark.parametrize("rank", [None, 30])
def test_scaling_all_features_scales_the_distance(rank):
    a, b = (gaussian(np.full(40, x), random_covariance(40, x, rank)) for x in (1, 2))
    scaled = [gaussian(3 * x.mean, 9 * x.covariance) for x in (a, b)]
    assert frechet_distance(*scaled) == pytest.approx(9 * frechet_distance(a, b), rel=1e-7)


@pytest.mark.parametrize("rank", [None, 1, 15, 59])
def test_a_set_has_no_distance_to_itself(rank):
    covariance = random_covariance(60, 0, rank)
    moments = gaussian(np.ones(60), covariance)
    assert 0 <= frechet_distance(moments, moments) < 1e-6


@pytest.mark.parametrize("ranks", [(None, None), (None, 20), (20, None), (20, 30)])
def test_distance_is_symmetric(ranks):
    a, b = (gaussian(np.zeros(60), random_covariance(60, i, rank)) for i, rank in enumerate(ranks))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-7)
    assert frechet_distance(a, b) > 1


@pytest.mark.parametrize("counts", [(500, 400), (100, 400), (400, 100)])
def test_distance_agrees_with_the_square_root_of_the_product(counts):
    # 100 images of 128 dimensions: one covariance is singular.
    a, b = (moments_of(features(count, 128, seed)) for seed, count in enumerate(counts))
    expected = by_square_root_of_the_product(a, b)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_two_singular_covariances_agree_with_the_nuclear_norm_of_their_features():
    # tr (A B)^(1/2) is the sum of the singular values of X Y^T, which needs no covariance at all.
    x, y = features(90, 128, 0), features(70, 128, 1)
    a, b = moments_of(x), moments_of(y)
    x, y = ((z - z.mean(axis=0)) / np.sqrt(len(z) - 1) for z in (x, y))
    trace = scipy.linalg.svdvals(x @ y.T).sum()
    shift = a.mean - b.mean
    expected = shift @ shift + np.sum(x**2) + np.sum(y**2) - 2 * trace
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_an_ill_conditioned_covariance():
    scales = 10.0 ** -np.arange(0, 20)
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    a = (vectors * scales) @ vectors.T
    result = frechet_distance(gaussian(np.zeros(20), a), gaussian(np.zeros(20), 4 * a))
    assert result == pytest.approx(scales.sum(), rel=1e-6)


def test_bad_moments_are_refused():
    good = gaussian(np.zeros(3), np.eye(3))
    with pytest.raises(ValueError, match=r"same feature network\. Received 3 and 4"):
        frechet_distance(good, gaussian(np.zeros(4), np.eye(4)))
    with pytest.raises(ValueError, match="finite"):
        frechet_distance(good, gaussian([0, 0, np.nan], np.eye(3)))
    with pytest.raises(ValueError, match="finite"):
        frechet_distance(gaussian(np.zeros(3), np.diag([1, 1, np.inf])), good)


REALS, FAKES = features(300, seed=1), features(250, seed=2)


def inputs_of(reals=REALS, fakes=FAKES, network="inception", **options):
    source = ArrayFeatures({network: reals}, {network: fakes})
    return array_inputs(features=source, num_reals=len(reals), **options)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("fid200", ("real_moments", "inception", 200, True)),
        ("fid200_full", ("real_moments", "inception", 0, False)),
    ],
)
def test_fid_takes_the_reals_of_its_definition(name, asked):
    metric = make_metric(FAMILY, name)
    inputs = inputs_of()
    reals = REALS if name.endswith("_full") else REALS[:200]
    expected = frechet_distance(moments_of(reals), moments_of(FAKES[:200]))
    assert metric.compute(inputs) == {name: pytest.approx(expected, rel=1e-12)}
    assert asked in inputs.features.calls
    moments = metric.real_moments(inputs)
    np.testing.assert_allclose(moments.covariance, np.cov(reals, rowvar=False), rtol=1e-9)
    assert not inputs.notice


def test_all_images_in_files_are_taken():
    inputs = inputs_of(num_fakes=250)
    expected = frechet_distance(moments_of(REALS), moments_of(FAKES))
    assert make_metric(FAMILY, "fid").compute(inputs) == {"fid": pytest.approx(expected)}


def test_numbers_and_fakes_must_fit():
    with pytest.raises(ValueError, match="does not say how many"):
        make_metric(FAMILY, "fid").compute(inputs_of())
    with pytest.raises(ValueError, match="there are 250"):
        make_metric(FAMILY, "fid300").compute(inputs_of(num_fakes=250))


def test_a_network_of_the_user_is_asked():
    inputs = inputs_of(network="dino")
    (name,) = make_metric(FAMILY, "fid200", feature_network="dino").compute(inputs)
    assert name == "fd200-dino"
    assert ("fake_moments", "dino", 200) in inputs.features.calls


@pytest.mark.parametrize(
    ("num_reals", "num_fakes", "said"),
    [(8, 9, "8 reals"), (9, 8, "8 fakes"), (8, 8, "8 reals and 8 fakes"), (9, 9, None)],
)
def test_fewer_images_than_dimensions_are_reported(num_reals, num_fakes, said):
    inputs = inputs_of(REALS[:num_reals], FAKES[:num_fakes], num_fakes=num_fakes)
    make_metric(FAMILY, "fid").compute(inputs)
    assert len(inputs.notice) == (said is not None)
    if said:
        assert f"fid: {said} for features of 8 dimensions" in inputs.notice[0]
        assert "singular" in inputs.notice[0]


def test_repeated_reals_count_once():
    inputs = inputs_of(REALS[:7], FAKES)
    make_metric(FAMILY, "fid200").compute(inputs)
    assert "7 reals for features of 8" in inputs.notice[0]


def test_imported_statistics_need_not_say_how_many_images():
    class Imported(ArrayFeatures):
        def real_moments(self, network, num_images, *, mirrored):
            return Moments(np.zeros(8), np.eye(8), None)

    inputs = array_inputs(features=Imported(fakes={"inception": FAKES}), num_fakes=250)
    assert make_metric(FAMILY, "fid").compute(inputs)["fid"] > 0
    assert not inputs.notice


def test_every_scale_is_scored_and_the_highest_leads():
    scales = {4: (REALS, REALS), 8: (REALS, FAKES), 16: (REALS, FAKES + 1)}
    inputs = array_inputs(features=ArrayFeatures(scales=scales), generator=object())
    metric = make_metric(FAMILY, "fid250_scales")
    results = metric.compute(inputs)
    assert list(results) == [
        "fid250_scales",
        "fid250_scales_4",
        "fid250_scales_8",
        "fid250_scales_16",
    ]
    assert results["fid250_scales_4"] == pytest.approx(0, abs=1e-6)
    for res in (8, 16):
        expected = frechet_distance(*(moments_of(x) for x in scales[res]))
        assert results[f"fid250_scales_{res}"] == pytest.approx(expected)
    assert results[metric.headline] == results["fid250_scales_16"]
    assert inputs.features.calls == [("scale_moments", "inception", 250, True)]
    assert metric.real_moments is None


def test_scales_belong_to_a_generator():
    with pytest.raises(ValueError, match="looks into a generator"):
        make_metric(FAMILY, "fid50_scales").compute(array_inputs(num_fakes=50))
