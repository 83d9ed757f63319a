"""Experiments: what is trained and kept, and what tables and charts say about it."""

import csv
import dataclasses
import importlib
import itertools
import json
import math
import shutil
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.checkout import ROOT
from support.tiny_run import make_dataset
from support.tiny_training import make_tiny_dataset, make_tiny_pair, tiny_config

from experiments import coupling, progressive_growing, recipes
from experiments.frame import command, digit_network
from experiments.frame.experiment import Experiment, Variant
from experiments.frame.image_changes import read_image_changes
from experiments.frame.pair_classifiers import pair_classifiers
from experiments.frame.summary import Spread, equal_time, summarize
from experiments.frame.table import markdown_table
from experiments.frame.trial import Point, Trial
from metrics.evaluation import MetricResult
from metrics.generated_images import GeneratedImages
from metrics.results import record_result
from msg_stylegan import load_networks, options, presets
from msg_stylegan.classifier.network import Classifier
from msg_stylegan.classifier.options import ClassifierOptions
from msg_stylegan.classifier.stored import save_classifier
from msg_stylegan.classifier.training import train_classifier
from msg_stylegan.commands import run_metrics
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.files import read_json_lines, sha256_of_file
from msg_stylegan.networks import newest_snapshot, snapshots_of_run
from msg_stylegan.training import loop
from msg_stylegan.training.run_directory import create_run_directory
from msg_stylegan.transfer.origin import read_origin

MODULES = sorted(path.stem for path in (ROOT / "experiments").glob("*.py") if path.stem[0] != "_")
EXPERIMENTS = [
    module.EXPERIMENT
    for module in (importlib.import_module(f"experiments.{name}") for name in MODULES)
    if hasattr(module, "EXPERIMENT")
]
METRICS = ["swd20", "fd40_full-digits"]
TINY = Experiment(
    "tiny",
    "Does it matter?",
    (Variant("weak", {"loss.r1_gamma": 0.5}), Variant("strong", {"loss.r1_gamma": 2.0})),
    "--kimg 1",
    changes_per_point=1,
)


def tiny_arguments(folder, *more):
    return [
        "--preset=tiny",
        "--kimg=2",
        "--points=2",
        "--seeds=0",
        f"--metrics={','.join(METRICS)}",
        f"--data_dir={folder}",
        f"--cache_dir={folder / 'cache'}",
        f"--outdir={folder / 'out' / 'tiny'}",
        *more,
    ]


@pytest.fixture(scope="module")
def tiny_preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    make_tiny_dataset(folder, label_size=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny", tiny_config(folder))
        progan = dataclasses.replace(
            tiny_config(folder),
            generator=presets.get_preset("digits_progan").generator,
            discriminator=presets.get_preset("digits_progan").discriminator,
        )
        patch.setitem(presets.PRESETS, "tiny_progan", progan)
        yield folder


@pytest.fixture(scope="module")
def finished(tiny_preset):
    """Folder of an experiment that was interrupted in its second training, and continued."""
    trainings = []
    original = loop.train

    def interrupted(*args, **kwargs):
        trainings.append(args[1].name)
        if len(trainings) == 2:
            (args[1] / "abort.txt").touch()
        return original(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "train", interrupted)
        assert command.main(TINY, tiny_arguments(tiny_preset)) == 130
        outdir = tiny_preset / "out" / "tiny"
        first = (outdir / "table.md").read_text(encoding="utf-8")
        assert command.main(TINY, tiny_arguments(tiny_preset)) == 0
        assert command.main(TINY, tiny_arguments(tiny_preset)) == 0
    return outdir, first, trainings


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_finished_trainings_are_kept_and_the_interrupted_one_continues(finished):
    _, first, trainings = finished
    assert trainings == ["weak-seed0", "strong-seed0", "strong-seed0"]
    assert "| strong | 0 |" in first


@pytest.mark.slow
def test_tables_and_chart_hold_every_variant_and_snapshot(finished):
    outdir, _, _ = finished
    points = read_csv(outdir / "points.csv")
    assert [(p["variant"], p["seed"], float(p["kimg"])) for p in points] == [
        (variant, "0", kimg) for variant in ("weak", "strong") for kimg in (0.0, 1.0, 2.0)
    ]
    rows = read_csv(outdir / "table.csv")
    assert [row["variant"] for row in rows] == ["weak", "strong"]
    for row, last in zip(rows, points[2::3], strict=True):
        assert row["finished"] == "1" and row["failed"] == "0"
        for key in ("swd20_avg", "fd40_full-digits"):
            assert row[f"{key} mean"] == last[key]
    text = (outdir / "table.md").read_text(encoding="utf-8")
    assert "Does it matter?" in text and "| weak | 1 |" in text and "2 kimg" in text
    scored = read_json_lines(outdir / "trials" / "weak-seed0" / "metric-swd20.jsonl")
    assert f"reals: swd20_avg {scored[0]['results']['swd20_floor_avg']:.4g}, fd40_full" in text
    with Image.open(outdir / "plot.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 5
    assert (outdir / "sheet.png").exists()


@pytest.mark.slow
def test_changes_are_those_of_successive_snapshots(finished):
    outdir, _, _ = finished
    run_dir = outdir / "trials" / "strong-seed0"
    images = [
        GeneratedImages(load_networks(path).G_ema, 4).fixed_images(36)[-1]
        for path in snapshots_of_run(run_dir)
    ]
    expected = [np.mean((b - a) ** 2) for a, b in itertools.pairwise(images)]
    rows = [row for row in read_csv(outdir / "changes.csv") if row["variant"] == "strong"]
    assert [float(row["kimg"]) for row in rows] == [1.0, 2.0]
    found = [float(row["mean squared difference"]) for row in rows]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert (outdir / "changes.png").exists()


@pytest.mark.slow
def test_snapshots_between_the_points_are_kept_and_not_scored(tiny_preset):
    experiment = dataclasses.replace(
        progressive_growing.EXPERIMENT, name="tiny", changes_per_point=2
    )
    outdir = tiny_preset / "out" / "growing"
    arguments = tiny_arguments(
        tiny_preset, "--preset=tiny_progan", "--kimg=6", "--points=3", "--variants=growing"
    )
    assert command.main(experiment, [*arguments, f"--outdir={outdir}"]) == 0
    run_dir = outdir / "trials" / "growing-seed0"
    assert len(snapshots_of_run(run_dir)) == 7
    assert [kimg for kimg, _ in read_image_changes(run_dir)] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    # Before it has grown, a network has no score.
    assert [float(row["kimg"]) for row in read_csv(outdir / "points.csv")] == [6.0]


@pytest.mark.slow
def test_scores_are_those_of_run_metrics(finished, tiny_preset):
    outdir, _, _ = finished
    snapshot = newest_snapshot(outdir / "trials" / "strong-seed0")
    copied = shutil.copy(snapshot, tiny_preset / "copy.keras")
    arguments = [
        f"--network={copied}",
        f"--cache_dir={tiny_preset / 'cache'}",
        f"--feature_network={next(outdir.parent.glob('digits-*.keras'))}",
        f"--metrics={','.join(METRICS)}",
    ]
    assert run_metrics.main(arguments) == 0
    for name, key in zip(METRICS, ("swd20_avg", "fd40_full-digits"), strict=True):
        (line,) = read_json_lines(tiny_preset / f"metric-{name}.jsonl")
        (found,) = (
            point[key]
            for point in read_csv(outdir / "points.csv")
            if point["variant"] == "strong" and float(point["kimg"]) == line["kimg"]
        )
        assert float(found) == pytest.approx(line["results"][key], rel=1e-6)


@pytest.mark.slow
def test_ends_of_finished_trainings_are_scored_through_another_network(finished, tiny_preset):
    outdir, _, _ = finished
    again = outdir.with_name("judged")
    shutil.copytree(outdir, again)
    (classifier,) = outdir.parent.glob("digits-*.keras")
    judge = tiny_preset / "judge.keras"
    shutil.copy(classifier, judge)
    description = json.loads(classifier.with_suffix(".json").read_text(encoding="utf-8"))
    judge.with_suffix(".json").write_text(json.dumps({**description, "name": "judge"}))
    arguments = tiny_arguments(
        tiny_preset,
        "--metrics=fd40_full-judge",
        f"--feature_network={judge}",
        f"--outdir={again}",
    )
    assert command.main(TINY, arguments) == 0
    expected = [point for point in read_csv(outdir / "points.csv") if float(point["kimg"]) == 2.0]
    for before, now in zip(expected, read_csv(again / "points.csv"), strict=True):
        assert now["variant"] == before["variant"]
        assert now["fd40_full-judge"] == before["fd40_full-digits"]


@pytest.mark.slow
def test_scores_that_an_interruption_left_out_are_made_up_for(finished, tiny_preset):
    outdir, _, _ = finished
    again = outdir.with_name("again")
    shutil.copytree(outdir, again)
    (again / "trials" / "weak-seed0" / "metric-swd20.jsonl").unlink()
    assert command.main(TINY, tiny_arguments(tiny_preset, f"--outdir={again}")) == 0
    assert read_csv(again / "points.csv")[2] == read_csv(outdir / "points.csv")[2]


@pytest.mark.slow
def test_other_options_do_not_continue_a_run(finished, tiny_preset, capsys):
    assert command.main(TINY, tiny_arguments(tiny_preset, "--kimg=3")) == 1
    error = capsys.readouterr().err
    assert "schedule.total_kimg: 2.0 there, 3.0 now" in error and "--outdir" in error


@pytest.mark.slow
def test_training_that_fails_is_a_result(tiny_preset, monkeypatch, capsys):
    def diverge(*args, **kwargs):
        raise FloatingPointError("gradients are not finite")

    monkeypatch.setattr(loop, "train", diverge)
    outdir = tiny_preset / "out" / "failing"
    arguments = tiny_arguments(tiny_preset, f"--outdir={outdir}")
    assert command.main(TINY, arguments) == 0
    assert "| weak | 0, 1 failed |" in capsys.readouterr().out
    failure = json.loads((outdir / "trials" / "weak-seed0" / "failure.json").read_text("utf-8"))
    assert failure == {"error": "gradients are not finite"}
    assert not (outdir / "plot.png").exists()


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_experiments_are_possible_and_their_variants_differ(experiment, tmp_path):
    assert experiment.name in MODULES
    arguments = command.build_parser(experiment).parse_args(experiment.full_scale.split())
    for preset in (experiment.preset, arguments.preset):
        arguments.preset = preset
        base = command.base_config(arguments, experiment)
        if base.dataset.path_b:
            base = options.changed(base, {"coupling.classifier": "trained-first.keras"})
        if experiment.origin:
            base = options.changed(base, {"transfer.init_from": "trained-first"})
        trials = [Trial(variant, 0, base, tmp_path) for variant in experiment.variants]
        assert len({str(trial.config) for trial in trials}) == len(trials)
    assert len(experiment.choose(arguments.variants)) >= 3


def test_the_recipe_modern_is_the_preset(tmp_path):
    preset = presets.get_preset("modern")
    length = preset.schedule.total_kimg
    args = command.build_parser(recipes.EXPERIMENT).parse_args([f"--kimg={length:g}"])
    base = command.base_config(args, recipes.EXPERIMENT)
    (variant,) = recipes.EXPERIMENT.choose(["modern"])
    found = options.differences(preset, variant.apply(base))
    assert {name for name, *_ in found} == {
        "dataset.resolution",  # the data set's in both
        "preset",
        # Those of the experiment.
        "schedule.image_snapshot_ticks",
        "schedule.keep_snapshots",
        "schedule.network_snapshot_ticks",
        "schedule.tick_kimg",
    }


def test_recipes_begin_with_the_originals_whatever_the_preset():
    """Only data and sizes are the preset's."""
    original = options.Config()
    for name in ("digits", "emoji64_progan", "modern", "digits_r3gan", "bmsg"):
        args = command.build_parser(recipes.EXPERIMENT).parse_args([f"--preset={name}"])
        base = command.base_config(args, recipes.EXPERIMENT)
        assert base.dataset == presets.get_preset(name).dataset
        assert base.generator.z_dim == presets.get_preset(name).generator.z_dim
        for group in ("loss", "optimizer", "augment"):
            assert getattr(base, group) == getattr(original, group), name
        for option in (
            "connect",
            "generator.body",
            "generator.mapping_layers",
            "schedule.ema_kimg",
            "schedule.batch_size",
            "discriminator.combine",
        ):
            assert attrgetter(option)(base) == attrgetter(option)(original), name


def test_schedules_of_a_preset_are_stretched_to_the_length_of_the_trainings():
    args = command.build_parser(TINY).parse_args(["--preset=digits_r3gan", "--kimg=4"])
    base = command.base_config(args, TINY)
    assert base.loss.r1_gamma == "20@0,2@4"
    assert base.optimizer.beta2 == "0.9@0,0.99@4"
    assert base.schedule.ema_kimg == "0@0,1@4"


def test_unknown_names_are_explained(tmp_path, capsys):
    arguments = [f"--data_dir={tmp_path}", f"--outdir={tmp_path / 'out'}"]
    assert command.main(TINY, [*arguments, "--variants=weak,mild"]) == 1
    assert "no variant 'mild'. Its variants are: weak, strong" in capsys.readouterr().err
    assert command.main(TINY, [*arguments, "--kimg=3", "--points=4"]) == 1
    assert "at most --points=3" in capsys.readouterr().err
    assert command.main(TINY, arguments) == 1
    assert "create_digits" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"loss\.gamma"):
        Variant("x", {"loss.gamma": 1.0}).apply(presets.get_preset("digits"))


@pytest.fixture(scope="module")
def pair_arguments(tmp_path_factory):
    """Arguments of an experiment on a pair of data sets."""
    folder = tmp_path_factory.mktemp("pair")
    config = options.changed(tiny_config(folder), make_tiny_pair(folder)[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(presets.PRESETS, "tiny_pair", config)
        yield tiny_arguments(folder, "--preset=tiny_pair", f"--outdir={folder / 'out'}")


@pytest.mark.parametrize(
    ("metrics", "further"),
    [
        ("swd20", []),
        ("swd20,label_agreement20", ["label_agreement20_corrected"]),
        ("label_agreement1k --num_images=20", ["label_agreement20_corrected"]),
    ],
)
def test_tables_have_the_further_results_of_the_metrics_in_use(
    pair_arguments, tmp_path, metrics, further
):
    more = f"--metrics={metrics} --outdir={tmp_path}".split()
    args = command.build_parser(coupling.EXPERIMENT).parse_args([*pair_arguments, *more])
    judge = Classifier(8, 1, 4)
    judge.build()
    save_classifier(judge, tmp_path / "judge.keras", {})
    overrides = {"metrics.classifier": str(tmp_path / "judge.keras")}
    base = options.changed(command.base_config(args, coupling.EXPERIMENT), overrides)
    datasets = command.open_datasets(base, -1)
    evaluator = command.make_evaluator(args, base, datasets, None, tmp_path)
    trial = Trial(Variant("none"), 0, base, tmp_path)
    create_run_directory(trial.run_dir, options.to_dict(trial.config))
    for metric in evaluator.metrics:
        result = MetricResult(metric, dict.fromkeys([metric.headline, *further], 0.5), 1.0)
        settings = evaluator.settings(metric)
        snapshot = trial.run_dir / "network-snapshot-000002.keras"
        record_result(result, snapshot=snapshot, kimg=2.0, settings=settings)
    command.write_results(coupling.EXPERIMENT, args, [trial], evaluator, tmp_path)
    (row,) = read_csv(tmp_path / "table.csv")
    headlines = [metric.headline for metric in evaluator.metrics]
    assert [key for key in row if key.endswith(" mean") and "/" not in key] == [
        f"{key}{when} mean" for when in ("", " at equal time") for key in headlines + further
    ]
    assert {row[f"{key} mean"] for key in headlines + further} == {"0.5"}


def test_judges_of_data_sets_with_the_same_name_are_told_apart(tmp_path):
    def make_pair(folder, seed):
        return [
            make_dataset(folder / name, label_size=3, seed=seed + number)
            for number, name in enumerate("ab")
        ]

    first, other = (make_pair(tmp_path / f"{seed}" / "pair", seed) for seed in (0, 2))
    assert digit_network.file_name(first[0]) != digit_network.file_name(other[0])
    again = TFRecordDataset(first[0].path, max_label_size=-1)
    assert digit_network.file_name(first[0]) == digit_network.file_name(again)
    classifier, info = train_classifier(first, "classes", ClassifierOptions(kimg=0.1))
    names = ("coupling", "metrics")
    expected = {f"{name}.classifier": str(tmp_path / f"pair-{name}.keras") for name in names}
    for path in expected.values():
        save_classifier(classifier, Path(path), info)
    assert pair_classifiers(tmp_path, first) == expected
    with pytest.raises(ValueError, match=r"pair-coupling\.keras was trained on other images"):
        pair_classifiers(tmp_path, other)


def test_spread_is_mean_and_sample_deviation_and_time_is_that_of_the_fastest():
    def trial(speed, *scores):
        return [Point(k, k * speed, {"x": s}) for k, s in zip((0.0, 2.0, 4.0), scores, strict=True)]

    curves = {"fast": [trial(1.0, 9.0, 4.0, 2.0)], "slow": [trial(2.0, 9.0, 3.0, 1.0)] * 2}
    curves["slow"][1] = trial(3.0, 9.0, 6.0, 3.0)
    seconds = equal_time(curves)
    assert seconds == 4.0
    row = summarize("slow", curves["slow"], 1, ["x"], seconds)
    assert (row.finished, row.failed) == (2, 1)
    assert row.spreads["x"] == Spread(2.0, math.sqrt(2.0))
    assert row.spreads["x at equal time"].mean == pytest.approx((3.0 + 7.0) / 2)
    assert row.spreads["sec/kimg"].mean == pytest.approx(2.5)
    fast = summarize("fast", curves["fast"], 0, ["x"], seconds)
    assert fast.spreads["x"] == fast.spreads["x at equal time"] == Spread(2.0, None)
    empty = summarize("none", [], 0, ["x"], seconds)
    assert markdown_table([fast, row, empty]).splitlines()[2:] == [
        "| fast | 1 | 2 | 2 | 1 |",
        "| slow | 2, 1 failed | 2 ± 1.4 | 5 ± 2.8 | 2.5 ± 0.71 |",
        "| none | 0 |  |  |  |",
    ]


@pytest.mark.slow
def test_variants_start_from_a_training_on_other_images(tiny_preset):
    outdir = tiny_preset / "out" / "moved"
    experiment = dataclasses.replace(
        TINY,
        variants=(Variant("scratch", {"transfer.init_from": ""}), Variant("transfer")),
        changes_per_point=0,
        overrides={"dataset.num_images": 20},
        origin=Variant("origin", {"dataset.num_images": 0}),
        origin_kimg=1.0,
    )
    assert command.main(experiment, tiny_arguments(tiny_preset, f"--outdir={outdir}")) == 0
    origin = newest_snapshot(outdir / "origin-seed0")
    assert load_networks(origin).info["cur_nimg"] == 1000
    trials = outdir / "trials"
    assert read_origin(trials / "transfer-seed0")["sha256"] == sha256_of_file(origin)
    assert read_origin(trials / "scratch-seed0") is None
