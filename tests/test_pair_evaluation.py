"""Networks of two domains are scored each against its own reals, and as pairs; nothing mixes."""

import json

import pytest
from support.event_files import events
from support.tiny_pair import make_pair, make_pair_run
from support.tiny_run import make_dataset, make_networks, make_run

from metrics.domains import PairEvaluator, evaluator_of_domains
from metrics.evaluation import MetricEvaluator
from metrics.feature_networks.library import FeatureNetworks
from metrics.registry import get_metrics
from metrics.report import SnapshotScorer
from msg_stylegan.classifier.network import Classifier
from msg_stylegan.classifier.stored import save_classifier
from msg_stylegan.commands import run_metrics

NAMES = ("swd20", "pixel_agreement20_negative", "msssim4")


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return make_dataset(folder / "tiny"), make_dataset(folder / "other", channels=3, seed=1)


def make_evaluators(tmp_path, datasets, names=NAMES):
    return [
        MetricEvaluator(
            get_metrics(names),
            dataset,
            networks=FeatureNetworks(tmp_path),
            cache_dir=tmp_path,
            batch_size=10,
            domain=domain,
        )
        for dataset, domain in zip(datasets, "ab", strict=False)
    ]


def all_results(evaluator, nets):
    evaluation = evaluator.of_networks(nets)
    results = {}
    for metric in evaluator.metrics:
        found = evaluation.compute(metric)
        assert found.headline == found.results[metric.headline]
        results[metric.name] = found.results
    return results


def test_each_domain_scores_as_if_it_were_alone(tmp_path, datasets):
    nets = make_pair(channels=(1, 3))
    evaluators = make_evaluators(tmp_path, datasets)
    results = all_results(evaluator_of_domains(evaluators), nets)
    assert list(results) == ["swd20", "swd20_b", NAMES[1], "msssim4", "msssim4_b"]
    assert results["swd20_b"].keys() == {
        "swd20_b_16",
        "swd20_b_avg",
        "swd20_b_floor_16",
        "swd20_b_floor_avg",
    }
    for evaluator, domain in zip(make_evaluators(tmp_path, datasets, ["swd20"]), "ab", strict=True):
        alone = all_results(evaluator, nets)
        assert alone == {name: results[name] for name in alone}
        # So do the networks of the domain without the others, but for the names.
        (plain,) = make_evaluators(tmp_path, [evaluator.reals], ["swd20"])
        values = all_results(plain, nets.of_domain(domain))["swd20"].values()
        assert list(values) == list(*map(dict.values, alone.values()))
    keys = [key for some in results.values() for key in some]
    assert len(keys) == len(set(keys))


def test_results_of_domains_lie_in_their_own_files(tmp_path, datasets):
    said = []
    scorer = SnapshotScorer(
        evaluator_of_domains(make_evaluators(tmp_path, datasets)), say=said.append
    )
    nets = make_pair(channels=(1, 3))
    best = []
    scorer(nets, tmp_path / "1.keras", 1, on_best=lambda *what: best.append(what))
    assert not scorer.failures
    files = sorted(path.name for path in tmp_path.glob("metric-*.jsonl"))
    expected = ["swd20", "swd20_b", NAMES[1], "msssim4", "msssim4_b"]
    assert files == sorted(f"metric-{name}.jsonl" for name in expected)
    lines = {name: json.loads((tmp_path / f"metric-{name}.jsonl").read_text()) for name in expected}
    # The first metric of A decides.
    assert best == [("swd20_avg", lines["swd20"]["results"]["swd20_avg"])]
    datasets_of = {name: line["settings"].get("dataset") for name, line in lines.items()}
    assert datasets_of == {
        "swd20": "tiny",
        "swd20_b": "other",
        NAMES[1]: "tiny",
        "msssim4": "tiny",
        "msssim4_b": "other",
    }
    assert lines[NAMES[1]]["settings"]["dataset_b"] == "other"
    assert set(scorer.recorded(tmp_path / "1.keras")) == set(expected)


def test_a_domain_that_does_not_fit_its_reals_leaves_the_other_alone(tmp_path, datasets):
    evaluator = evaluator_of_domains(make_evaluators(tmp_path, datasets, ["swd20"]))
    scorer = SnapshotScorer(evaluator, say=[].append)
    best = []
    scorer(make_pair(), tmp_path / "1.keras", 1, on_best=lambda *what: best.append(what))
    assert len(best) == 1
    (failure,) = scorer.failures
    assert failure.startswith("swd20_b of 1.keras failed: ") and "[16, 16, 1]" in failure


def test_metrics_of_pairs_need_two_domains(tmp_path, datasets):
    evaluators = make_evaluators(tmp_path, datasets)
    assert isinstance(evaluator_of_domains(evaluators), PairEvaluator)
    for evaluator in evaluators:
        with pytest.raises(ValueError, match=f"{NAMES[1]} compares images of two domains"):
            evaluator_of_domains([evaluator])
    (alone, _) = make_evaluators(tmp_path, datasets, ["swd20"])
    assert evaluator_of_domains([alone]) is alone


def test_networks_of_one_domain_have_no_other(tmp_path, datasets):
    _, evaluator = make_evaluators(tmp_path, datasets, ["swd20"])
    with pytest.raises(ValueError, match="no domain B"):
        evaluator.of_networks(make_networks())


# The command.


def call(folder, *arguments, names=NAMES):
    return run_metrics.main(
        [
            "--run=1",
            f"--metrics={','.join(names)}",
            "--batch_size=10",
            f"--result_dir={folder / 'results'}",
            f"--cache_dir={folder / 'cache'}",
            *arguments,
        ]
    )


def recorded(run_dir):
    """Dict of the name of each file of results -> lines."""
    return {
        path.stem.removeprefix("metric-"): list(map(json.loads, path.read_text().splitlines()))
        for path in run_dir.glob("metric-*.jsonl")
    }


@pytest.fixture
def run_dir(tmp_path):
    make_dataset(tmp_path / "data" / "tiny")
    make_dataset(tmp_path / "data" / "other", seed=1)
    return make_pair_run(tmp_path, relation="negative")


def test_a_run_of_pairs_is_scored_as_a_whole_or_by_domain(tmp_path, run_dir, capsys):
    assert call(tmp_path, "--all", names=[*NAMES, "stability4"]) == 0
    whole = recorded(run_dir)
    assert {name: len(lines) for name, lines in whole.items()} == {
        "swd20": 2,
        "swd20_b": 2,
        "pixel_agreement20_negative": 2,
        "msssim4": 2,
        "msssim4_b": 2,
        "stability4": 1,
        "stability4_b": 1,
    }
    for line in whole["pixel_agreement20_negative"]:
        assert line["results"]["pixel_agreement20_negative"] == 1
    # Negatives change as much as their originals.
    a, b = (whole[f"stability4{end}"][0]["results"] for end in ("", "_b"))
    assert b["stability4_b_16"] == pytest.approx(a["stability4_16"], rel=1e-4)
    assert (run_dir / "metric-stability4_b.png").exists()
    a, b = (whole[f"swd20{end}"][0]["results"][f"swd20{end}_avg"] for end in ("", "_b"))
    assert a != b
    table = capsys.readouterr().out.split("\n\n")[-1].splitlines()
    assert table[0].split()[2:] == [
        *("swd20_avg", "swd20_16", "swd20_floor_16", "swd20_floor_avg"),
        *("swd20_b_avg", "swd20_b_16", "swd20_b_floor_16", "swd20_b_floor_avg"),
        "pixel_agreement20_negative",
        *("pixel_agreement20_negative_unrelated", "pixel_agreement20_negative_corrected"),
        *("msssim4", "msssim4_b", "stability4", "stability4_b"),
    ]
    assert {"Metrics/swd20_avg", "Metrics/swd20_b_avg"} <= events(run_dir).keys()
    assert json.loads((run_dir / "best_snapshot.json").read_text())["metric"] == "swd20_avg"

    # By domain: recorded as before, so there is nothing left to do.
    for domain in "ab":
        assert call(tmp_path, "--all", f"--domain={domain}", names=["swd20", "msssim4"]) == 0
    assert json.loads((run_dir / "best_snapshot.json").read_text())["metric"] == "swd20_avg"
    assert recorded(run_dir) == whole
    assert call(tmp_path, "--domain=b", "--force", names=["swd20"]) == 0
    *_, again = recorded(run_dir)["swd20_b"]
    assert again["results"] == whole["swd20_b"][1]["results"]
    assert again["settings"] == whole["swd20_b"][1]["settings"]


def test_reals_of_both_domains_can_be_named(tmp_path, run_dir):
    (tmp_path / "data").rename(tmp_path / "moved")
    reals, reals_b = (f"{tmp_path / 'moved' / name}" for name in ("tiny", "other"))
    assert call(tmp_path, f"--reals={reals}", f"--reals_b={reals_b}", names=["swd20"]) == 0
    settings = {name: lines[0]["settings"] for name, lines in recorded(run_dir).items()}
    assert settings["swd20"]["dataset"] == "tiny" and settings["swd20_b"]["dataset"] == "other"
    assert call(tmp_path, "--domain=b", f"--reals={reals_b}", names=["swd20"]) == 0
    assert len(recorded(run_dir)["swd20_b"]) == 1


@pytest.mark.parametrize(
    ("arguments", "names", "message"),
    [
        (["--domain=a"], NAMES[1], "compares images of two domains"),
        (["--domain=b"], NAMES[1], "compares images of two domains"),
        (["--domain=b", "--reals_b=x"], "swd20", "--reals_b is for networks of two domains"),
        (["--export_stats=x.npz"], "fid20", "for one domain of a pair. Say by --domain"),
        ([], "label_agreement20", "asks a classifier"),
        (["--classifier=no.keras"], "label_agreement20", "There is no classifier no.keras"),
    ],
)
def test_wrong_requests_are_explained(tmp_path, run_dir, capsys, arguments, names, message):
    assert call(tmp_path, *arguments, names=[names]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and "Traceback" not in error
    assert not recorded(run_dir)


def test_one_domain_is_no_pair(tmp_path, capsys):
    make_dataset(tmp_path / "data" / "tiny")
    make_run(tmp_path / "results", tmp_path / "data", snapshots=[0])
    for arguments, names, message in (
        (["--domain=b"], "swd20", "no domain B"),
        ([], NAMES[1], "compares images of two domains"),
        (["--reals_b=x"], "swd20", "--reals_b is for networks of two domains"),
    ):
        assert call(tmp_path, *arguments, names=[names]) == 1
        assert message in capsys.readouterr().err


def test_files_are_no_pairs(tmp_path, capsys):
    make_dataset(tmp_path / "tiny")
    arguments = [f"--fakes={tmp_path / 'tiny'}", f"--cache_dir={tmp_path}"]
    assert run_metrics.main([*arguments, f"--metrics={NAMES[1]}"]) == 1
    assert "compares images of two domains" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_metrics.main([*arguments, "--domain=a"])
    assert "--domain and --reals_b go with --network or --run" in capsys.readouterr().err


# The classifier.


def write_classifier(path, resolution, accuracy=None):
    judge = Classifier(resolution, 1, 4)
    judge.build()
    save_classifier(judge, path, {"accuracy": accuracy})


def test_a_classifier_judges_pairs(tmp_path):
    for name in ("tiny", "other"):
        make_dataset(tmp_path / "data" / name)
    run_dir = make_pair_run(tmp_path, relation="same", snapshots=[0])
    path = tmp_path / "judge.keras"
    write_classifier(path, 8, accuracy=0.9)
    assert call(tmp_path, f"--classifier={path}", names=["label_agreement20"]) == 0
    (line,) = recorded(run_dir)["label_agreement20"]
    assert line["results"]["label_agreement20"] == 1
    assert line["results"]["label_agreement20_expected"] == pytest.approx(0.81 + 0.01 / 3)
    # Another classifier, another score.
    write_classifier(path, 8, accuracy=0.9)
    assert call(tmp_path, f"--classifier={path}", names=["label_agreement20"]) == 0
    first, second = recorded(run_dir)["label_agreement20"]
    assert first["settings"] != second["settings"]


def test_a_classifier_of_larger_images_cannot_judge(tmp_path, run_dir, capsys):
    path = tmp_path / "judge.keras"
    write_classifier(path, 32)
    assert call(tmp_path, f"--classifier={path}", names=["label_agreement20"]) == 1
    assert "label_agreement20 needs images of at least 32 pixels" in capsys.readouterr().err
    assert not recorded(run_dir)
