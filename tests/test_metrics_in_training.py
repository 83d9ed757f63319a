"""Metrics beside a training: they see it, and it does not notice them."""

import numpy as np
import pytest
from support.tiny_feature_network import write_feature_network
from support.tiny_training import checkpoint_values, make_tiny_dataset, tiny_config, train_tiny

from metrics.evaluation import prepare_metrics
from metrics.generated_images import GeneratedImages
from metrics.report import SnapshotScorer
from msg_stylegan import load_networks
from msg_stylegan.files import read_json_lines
from msg_stylegan.networks import snapshots_of_run
from msg_stylegan.options import MetricsOptions

NAMES = [
    "fid40",
    "kid40",
    "pr403",
    "dc405",
    "fid40_scales",
    "msssim4",
    "swd20",
    "stability4",
    "is40",
]


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same training without metrics, and with those of which every kind draws at random."""
    folder = tmp_path_factory.mktemp("runs")
    dataset = make_tiny_dataset(folder)
    config = tiny_config(folder, network_snapshot_ticks=1, tick_kimg=1.0, total_kimg=2.0)
    network = write_feature_network(folder / "tiny_net")
    options = MetricsOptions(names=NAMES)
    prepared = prepare_metrics(options, folder / "cache", feature_network=network)
    evaluator = prepared(dataset, mirror=True, batch_size=8)
    said = []
    scorer = SnapshotScorer(evaluator, say=said.append)
    return train_tiny(config, dataset), train_tiny(config, dataset, evaluate=scorer), said


def test_training_does_not_notice_the_metrics(runs):
    without, beside, _ = runs
    expected, found = checkpoint_values(without), checkpoint_values(beside)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_every_metric_has_results_but_the_one_without_weights(runs):
    _, run_dir, said = runs
    for name in ("fd40-tiny", "kd40-tiny", "pr403-tiny", "dc405-tiny", "msssim4", "swd20"):
        assert len(read_json_lines(run_dir / f"metric-{name}.jsonl")) == 3, name
        assert (run_dir / f"metric-{name}.png").exists()
    failures = [text for text in said if text.startswith("is40 of network-snapshot")]
    assert len(failures) == 3 and "--fetch_inception" in failures[0]
    scales = read_json_lines(run_dir / "metric-fd40_scales-tiny.jsonl")[0]["results"]
    assert {f"fd40_scales-tiny_{res}" for res in (4, 8, 16)} < scales.keys()


def test_stability_is_the_change_since_the_snapshot_before(runs):
    _, run_dir, said = runs
    assert "network-snapshot-000000.keras  stability4: nothing to measure yet" in said
    lines = read_json_lines(run_dir / "metric-stability4.jsonl")
    assert [line["kimg"] for line in lines] == [1, 2]
    before, after = (
        GeneratedImages(load_networks(path).G_ema, 4).fixed_images(4)
        for path in snapshots_of_run(run_dir)[:2]
    )
    expected = {
        f"stability4_{a.shape[1]}": np.mean((a - b) ** 2)
        for a, b in zip(before, after, strict=True)
    }
    expected["stability4"] = expected["stability4_16"]
    assert lines[0]["results"] == pytest.approx(expected, rel=1e-4)
    assert (run_dir / "metric-stability4.png").exists()
