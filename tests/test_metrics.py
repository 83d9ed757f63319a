import json
import math
import shutil

import numpy as np
import pytest
import tensorflow as tf
from support.event_files import events
from support.tiny_run import make_dataset, make_networks

from metrics.evaluation import MetricEvaluator, MetricResult
from metrics.feature_networks.library import FeatureNetworks
from metrics.metric import Metric
from metrics.registry import get_metrics
from metrics.report import SnapshotScorer
from metrics.results import record_result, recorded_lines, results_table
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.faults import REPORT

SETTINGS = {"dataset": "tiny", "fingerprint": "abc", "mirror": False, "seed": 0}


def make_evaluator(tmp_path, metrics=("swd64",), dataset=None, **options):
    dataset = dataset or make_dataset(tmp_path / "tiny")
    return MetricEvaluator(
        get_metrics(metrics),
        dataset,
        networks=FeatureNetworks(tmp_path / "cache"),
        cache_dir=tmp_path / "cache",
        labels_dataset=dataset,
        **{"batch_size": 16, **options},
    )


def compute(evaluator, G):
    """Result of the only metric."""
    (metric,) = evaluator.metrics
    return evaluator.of_generator(G).compute(metric)


def constant_metric(name, values, lower_is_better=True):
    """A metric that returns one of `values` after the other; None fails."""
    values = iter(values)

    def compute(inputs):
        value = next(values)
        if value is None:
            raise ValueError("no weights")
        return {f"{name}_value": value}

    return Metric(name, f"{name}_value", lower_is_better, compute)


def make_scorer(tmp_path, metrics, said=None):
    if not (tmp_path / "tiny").exists():
        make_dataset(tmp_path / "tiny")
    dataset = TFRecordDataset(tmp_path / "tiny")
    evaluator = MetricEvaluator(
        metrics, dataset, networks=FeatureNetworks(tmp_path), cache_dir=tmp_path, batch_size=4
    )
    return SnapshotScorer(evaluator, say=(said if said is not None else []).append)


def test_best_values():
    lower = constant_metric("a", [], lower_is_better=True)
    higher = constant_metric("a", [], lower_is_better=False)
    assert lower.is_best(1.0, [2.0, 3.0]) and not higher.is_best(1.0, [2.0])
    assert not lower.is_best(1.0, [1.0, 3.0]) and higher.is_best(3.0, [2.0])
    assert lower.is_best(1.0, []) and lower.is_best(1.0, [math.nan])
    assert not lower.is_best(math.nan, []) and not higher.is_best(math.nan, [1.0])


def test_swd_of_a_network(tmp_path):
    evaluator = make_evaluator(tmp_path)
    G = make_networks().G_ema
    first = compute(evaluator, G)
    assert set(first.results) == {"swd64_16", "swd64_avg", "swd64_floor_16", "swd64_floor_avg"}
    assert first.results["swd64_avg"] == first.results["swd64_16"] == first.headline
    # Random pixels are told from the smooth images of an untrained network.
    assert first.headline > 2 * first.results["swd64_floor_avg"] > 0
    assert first.total_time > 0

    # The same again, with the floor from the cache or without it.
    assert len(list((tmp_path / "cache" / "metrics").iterdir())) == 1
    assert compute(evaluator, G).results == first.results
    shutil.rmtree(tmp_path / "cache")
    assert compute(evaluator, G).results == first.results
    other = compute(make_evaluator(tmp_path / "other", seed=1), G)
    assert other.headline != first.headline


def test_floor_of_fewer_reals_than_images_is_not_zero(tmp_path):
    # 64 images of 32 are the same images twice; the patches still differ.
    dataset = make_dataset(tmp_path / "tiny", num_images=32)
    evaluator = make_evaluator(tmp_path, dataset=dataset)
    results = compute(evaluator, make_networks().G_ema).results
    assert results["swd64_floor_avg"] > 0


def test_swd_of_colour_images_with_labels_and_mirroring(tmp_path):
    dataset = make_dataset(tmp_path / "tiny", channels=3, label_size=3)
    nets = make_networks(channels=3, label_size=3)
    headlines = []
    for mirror in (False, True):
        evaluator = make_evaluator(tmp_path, dataset=dataset, mirror=mirror)
        headlines.append(compute(evaluator, nets.G_ema).headline)
    assert headlines[0] != headlines[1]
    assert len(list((tmp_path / "cache" / "metrics").iterdir())) == 2


def test_weights_may_change_between_evaluations(tmp_path):
    evaluator = make_evaluator(tmp_path)
    G = make_networks().G_ema
    before = compute(evaluator, G).headline
    for variable in G.trainable_variables:
        variable.assign(variable * 1.3)
    changed = compute(evaluator, G).headline
    assert changed != before
    # Another network is not taken for the one that was compiled.
    assert compute(evaluator, make_networks().G_ema).headline == before


def test_evaluation_changes_no_weight_and_no_random_state(tmp_path):
    evaluator = make_evaluator(tmp_path)
    G = make_networks().G_ema
    weights = [np.array(variable) for variable in G.variables]
    tf.random.set_seed(1)
    np.random.seed(1)
    expected = [np.random.rand(), float(tf.random.uniform([]))]
    tf.random.set_seed(1)
    np.random.seed(1)
    compute(evaluator, G)
    assert [np.random.rand(), float(tf.random.uniform([]))] == expected
    for variable, weight in zip(G.variables, weights, strict=True):
        np.testing.assert_array_equal(np.array(variable), weight)


def test_scores_are_computed_in_full_precision_and_training_is_not_touched(tmp_path):
    def compute_precision(inputs):
        is_on = tf.config.experimental.tensor_float_32_execution_enabled()
        return {"m": float(is_on)}

    evaluator = make_evaluator(tmp_path)
    metric = Metric("m", "m", True, compute_precision)
    assert tf.config.experimental.tensor_float_32_execution_enabled()
    assert evaluator.of_generator(make_networks().G_ema).compute(metric).headline == 0
    assert tf.config.experimental.tensor_float_32_execution_enabled()


def test_replicas_are_read_from_the_first_one(tmp_path):
    evaluator = make_evaluator(tmp_path)
    expected = compute(evaluator, make_networks().G_ema).results
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        G = make_networks().G_ema
    assert compute(evaluator, G).results == expected


def test_networks_and_data_must_fit(tmp_path):
    evaluator = make_evaluator(tmp_path)
    with pytest.raises(ValueError, match=r"shape \[16, 16, 3\], the real images .* \[16, 16, 1\]"):
        compute(evaluator, make_networks(channels=3).G_ema)
    with pytest.raises(ValueError, match="conditional"):
        compute(evaluator, make_networks(label_size=3).G_ema)


def test_a_result_line_has_the_known_fields(tmp_path):
    snapshot = tmp_path / "network-snapshot-000012.keras"
    result = MetricResult(constant_metric("swd1k", []), {"swd1k_value": 2.5}, 61.4)
    writer = tf.summary.create_file_writer(str(tmp_path))
    record_result(result, snapshot=snapshot, kimg=12.5, settings=SETTINGS, writer=writer)
    writer.close()
    (text,) = (tmp_path / "metric-swd1k.jsonl").read_text().splitlines()
    line = json.loads(text)
    assert line.pop("timestamp") > 1.7e9
    assert line == {
        "results": {"swd1k_value": 2.5},
        "metric": "swd1k",
        "total_time": 61.4,
        "total_time_str": "1m 01s",
        "num_gpus": 1,
        "snapshot_pkl": "network-snapshot-000012.keras",
        "kimg": 12.5,
        "settings": SETTINGS,
    }
    assert events(tmp_path) == {"Metrics/swd1k_value": [(12500, 2.5)]}


def test_only_results_with_the_same_settings_are_found_and_the_newest_counts(tmp_path):
    metric = constant_metric("m", [])
    for name, value, seed in (("a", 1.0, 0), ("b", 2.0, 1), ("a", 3.0, 0)):
        result = MetricResult(metric, {"m_value": value}, 0.0)
        settings = {**SETTINGS, "seed": seed}
        record_result(result, snapshot=tmp_path / name, kimg=None, settings=settings)
    lines = recorded_lines(tmp_path, metric, SETTINGS)
    assert {name: line["results"]["m_value"] for name, line in lines.items()} == {"a": 3.0}


def test_scoring_tells_which_snapshot_is_the_best(tmp_path):
    nets = make_networks()
    first, second = constant_metric("a", [5, 4, 4, 3]), constant_metric("b", [1, 0, 2, 3])
    scorer = make_scorer(tmp_path, [first, second])
    best = []
    for kimg in range(4):
        scorer(
            nets,
            tmp_path / f"{kimg}.keras",
            kimg,
            on_best=lambda *what, k=kimg: best.append((k, *what)),
        )
    assert best == [(0, "a_value", 5), (1, "a_value", 4), (3, "a_value", 3)]
    # A run that was set back to 1 kimg competes with what came before, not with its lost future.
    scorer = make_scorer(tmp_path, [constant_metric("a", [3.5]), constant_metric("b", [0])])
    scorer(nets, tmp_path / "2.keras", 2, on_best=lambda *what: best.append((2, *what)))
    assert best[3:] == [(2, "a_value", 3.5)]


def test_a_failing_metric_is_reported_and_the_others_go_on(tmp_path):
    said = []
    scorer = make_scorer(tmp_path, [constant_metric("a", [None]), constant_metric("b", [1])], said)
    best = []
    scorer(make_networks(), tmp_path / "7.keras", 7, on_best=lambda *what: best.append(what))
    assert not best
    assert scorer.failures == ["a of 7.keras failed: no weights"]
    # A fault of the metric's own: whoever reports it needs to know where.
    first, *rest = said[0].splitlines()
    assert first == scorer.failures[0]
    assert rest[0] == REPORT and rest[-1] == "ValueError: no weights"
    assert said[1].startswith("7.keras  b_value 1.0000")
    assert not (tmp_path / "metric-a.jsonl").exists()
    assert (tmp_path / "metric-b.jsonl").exists()


def test_skipped_metrics_are_not_computed(tmp_path):
    scorer = make_scorer(tmp_path, [constant_metric("a", [None]), constant_metric("b", [1])])
    scorer(make_networks(), tmp_path / "7.keras", 7, skip=["a"])
    assert not scorer.failures


def test_a_metric_without_a_value_yet_is_said_and_not_recorded(tmp_path):
    said = []
    empty = Metric("a", "a_value", True, compute=lambda inputs: {})
    scorer = make_scorer(tmp_path, [empty, constant_metric("b", [1])], said)
    best = []
    scorer(make_networks(), tmp_path / "7.keras", 7, on_best=lambda *what: best.append(what))
    assert not best and not scorer.failures
    assert said[0] == "7.keras  a: nothing to measure yet"
    assert not (tmp_path / "metric-a.jsonl").exists()


def test_what_is_missing_is_said_before_the_training(tmp_path):
    said = []
    metrics = get_metrics(["fid50k", "swd1k"])
    missing = make_scorer(tmp_path, metrics, said).say_what_is_missing()
    (text,) = said
    assert missing == {"fid50k"}
    assert text.startswith("fid50k cannot be computed yet: ")
    assert "--fetch_inception" in text and "inception_weights" in text


def test_the_best_of_recorded_snapshots(tmp_path):
    nets = make_networks()
    scorer = make_scorer(tmp_path, [constant_metric("a", [5, 3, math.nan, 4], True)])
    assert scorer.best(tmp_path) is None
    for kimg in range(4):
        (tmp_path / f"{kimg}.keras").touch()
        scorer(nets, tmp_path / f"{kimg}.keras", kimg)
    assert scorer.best(tmp_path) == ("1.keras", "a_value", 3)
    assert scorer.recorded(tmp_path / "3.keras") == ["a"]
    assert scorer.recorded(tmp_path / "4.keras") == []
    # Of those that are still there.
    (tmp_path / "1.keras").unlink()
    assert scorer.best(tmp_path) == ("3.keras", "a_value", 4)
    # One plot, drawn anew for each result.
    assert (tmp_path / "metric-a.png").read_bytes().startswith(b"\x89PNG")


def test_table_shows_the_headline_first():
    metric = Metric("m", "m_avg", True, compute=None)
    lines = [{"results": {"m_16": 1.0, "m_avg": 20.25}}, {"results": {"m_16": 2.0, "m_avg": 0.031}}]
    rows = [({"snapshot": f"{i}.keras"}, {"m": line}) for i, line in enumerate(lines)]
    assert results_table([metric], rows).splitlines() == [
        "snapshot     m_avg    m_16",
        "0.keras    20.2500  1.0000",
        "1.keras   0.031000  2.0000",
    ]


def test_table_of_several_metrics_keeps_floors():
    metrics = [Metric("m", "m_avg", True, None), Metric("n3", "n3_b", False, None)]
    wide = {f"m{kind}_{i}": 0.0 for kind in ("", "_floor") for i in (*range(8), "avg")}
    few = {"n3_a": 1.0, "n3_b": 2.0, "n3_floor_a": 3.0, "n3_floor_b": 4.0}
    rows = [({"fakes": "a"}, {"m": {"results": wide}, "n3": {"results": few}})]
    (head, _) = results_table(metrics, rows).splitlines()
    assert head.split() == [
        *("fakes", "m_avg", "m_floor_avg"),
        *("n3_b", "n3_a", "n3_floor_a", "n3_floor_b"),
    ]


def test_table_of_several_metrics_leaves_out_details_and_gaps():
    metrics = [Metric("m", "m_avg", True, None), Metric("n", "n", True, None)]
    wide = {"results": {f"m_{i}": 0.0 for i in range(8)} | {"m_avg": 1.0}}
    rows = [({"fakes": "a"}, {"m": wide, "n": {"results": {"n": 2.0}}}), ({"fakes": "b"}, {})]
    assert results_table(metrics, rows).splitlines() == [
        "fakes   m_avg       n",
        "a      1.0000  2.0000",
        "b",
    ]
