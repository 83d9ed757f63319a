"""Floors of scores: what one half of the reals scores against the other."""

import dataclasses

import numpy as np
import pytest
from support.metric_inputs import ArrayFeatures, array_inputs
from support.tiny_feature_network import write_feature_network
from support.tiny_run import make_dataset

from metrics.cache import StatisticsCache
from metrics.density_coverage import density_coverage
from metrics.domains import metric_of_domain_b
from metrics.evaluation import MetricEvaluator
from metrics.feature_networks.library import FeatureNetworks
from metrics.floors import floors
from metrics.frechet_distance import frechet_distance
from metrics.kernel_distance import draw_subsets, kernel_distance
from metrics.metric import MetricOptions
from metrics.moments import moments_of
from metrics.precision_recall import precision_recall
from metrics.registry import get_metric, get_metrics, known_names

ROWS = np.random.default_rng(0).normal(size=(101, 5)).astype(np.float32)
NETWORKS = ("inception", "vgg16", "dino", "clean_inception", "keras_inception", "efficientnet")


def inputs_of(tmp_path, rows=ROWS, **changes):
    inputs = array_inputs(
        features=ArrayFeatures(dict.fromkeys(NETWORKS, rows)), num_reals=len(rows), **changes
    )
    return dataclasses.replace(inputs, cache=StatisticsCache(tmp_path, {}))


def expected_floors(name, a, b):
    precision, recall = precision_recall(a, b)
    density, coverage = density_coverage(a, b)
    subsets = draw_subsets(len(a), len(b), (0, 4))
    return {
        "f": {f"{name}_floor": frechet_distance(moments_of(a), moments_of(b))},
        "k": {f"{name}_floor": kernel_distance(a, b, subsets)},
        "p": {f"{name}_floor_precision": precision, f"{name}_floor_recall": recall},
        "d": {f"{name}_floor_density": density, f"{name}_floor_coverage": coverage},
    }[name[0]]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("fid50k_full", 50),
        ("fid50k", 50),
        ("fid60", 30),
        ("fid60_full", 50),
        ("fid60_scales", 30),
        ("kid", 50),
        ("kid60", 30),
        ("pr3", 50),
        ("pr603", 30),
        ("pr603_full", 50),
        ("dc605-efficientnet", 30),
    ],
)
def test_the_reals_of_a_score_are_divided_in_two(tmp_path, name, size):
    inputs = inputs_of(tmp_path)
    found = floors(get_metric(name), inputs)
    assert found == pytest.approx(expected_floors(name, ROWS[:size], ROWS[size : 2 * size]))
    assert all(type(value) is float for value in found.values())
    assert not inputs.notice

    # Once for a data set; a look into the cache needs no features.
    calls = len(inputs.features.calls)
    assert floors(get_metric(name), inputs) == found
    assert len(inputs.features.calls) == calls


def test_every_distance_to_reals_has_a_floor():
    # SWD has its own; the others look at fakes alone or at pairs, beside which chance stands.
    stems = ("fid", "clean_fid", "keras_fid", "fd50k", "kid", "kd50k", "pr", "dc")
    for name in known_names():
        if not name.startswith("label_agreement"):
            assert (get_metric(name).halves is not None) == name.startswith(stems), name


def test_too_few_reals_have_no_floor_and_a_notice(tmp_path):
    for name, few in (("fid", 3), ("kid", 3), ("pr3", 7), ("dc5", 11)):
        inputs = inputs_of(tmp_path, ROWS[:few])
        assert floors(get_metric(name), inputs) == {}
        assert inputs.notice == [f"{name}: {few} reals are too few for a floor of halves."]
        assert floors(get_metric(name), inputs_of(tmp_path, ROWS[: few + 1]))


def test_imported_statistics_have_no_halves(tmp_path):
    inputs = inputs_of(tmp_path)
    inputs.features.imported = moments_of(ROWS)
    assert floors(get_metric("fid"), inputs) == {}
    # It compares with the reals themselves.
    assert floors(get_metric("kid"), inputs)
    assert floors(get_metric("fid"), array_inputs(features=inputs.features)) == {}


def test_floors_of_domain_b_have_its_names(tmp_path):
    found = floors(metric_of_domain_b(get_metric("pr3")), inputs_of(tmp_path))
    assert list(found) == ["pr3_b_floor_precision", "pr3_b_floor_recall"]


def test_floors_stand_beside_scores(tmp_path):
    dataset = make_dataset(tmp_path / "tiny", num_images=41)
    other = make_dataset(tmp_path / "other", num_images=20, seed=1)
    networks = FeatureNetworks(tmp_path, custom=write_feature_network(tmp_path))
    evaluator = MetricEvaluator(
        get_metrics(["fid", "kid", "pr3"], MetricOptions(feature_network="tiny")),
        dataset,
        networks=networks,
        cache_dir=tmp_path,
        batch_size=8,
    )

    def results(fakes):
        evaluation = evaluator.of_images(fakes)
        return [evaluation.compute(metric).results for metric in evaluator.metrics]

    first, second = results(dataset), results(other)
    for same, different in zip(first, second, strict=True):
        beside = {key: value for key, value in same.items() if "_floor" in key}
        assert len(beside) == len(same) / 2
        assert beside.items() <= different.items()
    # Other draws of the same distribution are about as far from the reals as these from each other.
    assert second[0]["fd-tiny"] < 3 * second[0]["fd-tiny_floor"]
    assert first[0]["fd-tiny"] == pytest.approx(0.0, abs=1e-2 * second[0]["fd-tiny"])
