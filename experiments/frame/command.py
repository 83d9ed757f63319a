"""The command of an experiment: trains what is missing, and writes tables and a chart."""

import argparse
import dataclasses
from pathlib import Path

from experiments.frame import digit_network
from experiments.frame.pair_classifiers import pair_classifiers
from experiments.frame.plot import plot_changes, plot_curves
from experiments.frame.sheet import draw_sheet, last_images
from experiments.frame.summary import equal_time, floors, summarize
from experiments.frame.table import markdown_table, write_changes, write_points, write_table
from experiments.frame.trial import Trial
from metrics.domains import evaluator_of_training
from metrics.evaluation import prepare_metrics
from msg_stylegan import presets
from msg_stylegan.command_line import own_arguments, run_command
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import user_config
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.files import write_text
from msg_stylegan.generation.arguments import parse_seeds, positive, positive_number
from msg_stylegan.kimg_schedule import schedules_of
from msg_stylegan.options import Config, MetricsOptions, changed, differences
from msg_stylegan.training import devices

# Beginnings of the names of options that do not say how to train.
_NO_RECIPE = ("preset", "result_dir", "hardware.", "metrics.")


def build_parser(experiment):
    user = user_config()
    parser = argparse.ArgumentParser(
        prog=f"python -m experiments.{experiment.name}",
        description=f"{experiment.question} Runs from the checkout. Finished trainings are kept: "
        "the same command continues after an interruption.",
        epilog="At full scale: "
        f"python -m experiments.{experiment.name} {experiment.full_scale}".rstrip(),
    )
    parser.add_argument(
        "--kimg",
        type=positive_number,
        default=experiment.kimg,
        metavar="N",
        help="length of every training in thousands of images (default: %(default)g)",
    )
    parser.add_argument(
        "--seeds",
        type=parse_seeds,
        default="0-2",
        help="trainings of each variant (default: %(default)s)",
    )
    parser.add_argument(
        "--points",
        type=positive,
        default=4,
        metavar="N",
        help="scored snapshots of a training beside that of its start (default: %(default)s)",
    )
    parser.add_argument(
        "--variants",
        type=lambda text: text.split(","),
        metavar="NAMES",
        help=f"some of {','.join(variant.name for variant in experiment.variants)} (default: "
        f"{','.join(variant.name for variant in experiment.choose(None))})",
    )
    parser.add_argument(
        "--preset",
        default=experiment.preset,
        help="settings from which the variants start (default: %(default)s)",
    )
    parser.add_argument(
        "--metrics",
        type=lambda text: text.split(","),
        metavar="NAMES",
        help=f"as `{called('metrics')}` knows them; those ending in -digits look through a "
        "classifier that is trained on the data set first (default: "
        f"{','.join(experiment.metrics(presets.get_preset(experiment.preset)))})",
    )
    parser.add_argument(
        "--feature_network",
        type=Path,
        metavar="FILE",
        help=f"network for metrics that end in its name, as `{called('metrics')}` takes it; one "
        "that is called digits stands in for the classifier",
    )
    parser.add_argument(
        "--num_images",
        type=positive,
        default=0,
        metavar="N",
        help="generated images per metric instead of the number in its name",
    )
    parser.add_argument(
        "--outdir",
        type=Path,
        metavar="DIR",
        help="folder of trainings, tables and chart (default: "
        f"{user.result_dir}/experiments/{experiment.name}-PRESET-Nkimg)",
    )
    for name in ("data_dir", "cache_dir"):
        default = getattr(user, name)
        parser.add_argument(
            f"--{name}", default=default, metavar="DIR", help="see config.py (default: %(default)s)"
        )
    return parser


def main(experiment, argv=None):
    """Runs an experiment; returns its exit status, see `run_command`."""
    return run_command(
        lambda: build_parser(experiment),
        lambda args: run(experiment, args),
        own_arguments() if argv is None else argv,
        interrupted="Interrupted. Everything is saved; the same command continues.",
        needs_arguments=False,
    )


def run(experiment, args):
    """Trains and scores what is missing, and writes the results after every training."""
    outdir = args.outdir or Path(
        user_config().result_dir,
        "experiments",
        f"{experiment.name}-{args.preset}-{args.kimg:g}kimg",
    )
    base = base_config(args, experiment)
    variants = experiment.choose(args.variants)
    strategy = devices.make_strategy(base.hardware.num_gpus, base.hardware.logical_cpus)
    devices.prepare_graph_optimizer()
    datasets = open_datasets(base, base.dataset.max_label_size)
    # Variants may depend on it.
    base = changed(base, {"dataset.resolution": datasets[0].resolution})
    if len(datasets) > 1:
        base = changed(base, pair_classifiers(outdir.parent, datasets))
    args.metrics = args.metrics or experiment.metrics(base)
    if experiment.origin:
        origin = trained_origin(experiment, args, base, strategy, outdir)
        base = changed(base, {"transfer.init_from": str(origin)})
    trials = [
        Trial(variant, seed, base, outdir / "trials", experiment.changes_per_point)
        for variant in variants
        for seed in args.seeds
    ]
    evaluator = make_evaluator(args, base, datasets, strategy, outdir)
    for number, trial in enumerate(trials, 1):
        if trial.failure or trial.is_finished(evaluator):
            continue
        print(f"\nTraining {number} of {len(trials)}: {trial.name}")
        trial.run(datasets, evaluator, strategy)
        write_results(experiment, args, trials, evaluator, outdir)
    print(f"\n{write_results(experiment, args, trials, evaluator, outdir)}\nResults: {outdir}")


def trained_origin(experiment, args, base, strategy, outdir):
    """Trains the networks from which variants start, unless that is done; returns their run."""
    ticks = {"schedule.tick_kimg": experiment.origin_kimg / args.points}
    config = changed(_of_length(base, experiment.origin_kimg), ticks)
    trial = Trial(experiment.origin, 0, config, outdir)
    datasets = open_datasets(trial.config, base.dataset.max_label_size)
    evaluator = make_evaluator(args, trial.config, datasets, strategy, outdir)
    if not trial.is_finished(evaluator):
        print(f"\nTraining that the others start from: {trial.name}")
        trial.run(datasets, evaluator, strategy)
    if trial.failure:
        raise ValueError(f"{trial.run_dir} could not be trained: {trial.failure}")
    return trial.run_dir


def base_config(args, experiment):
    """The preset with the length of the trainings and their snapshots."""
    changes_per_point = experiment.changes_per_point
    snapshots_per_point = max(changes_per_point, 1)
    room = max(int(args.kimg / snapshots_per_point), 1)
    if args.points > room:
        raise ValueError(
            f"--kimg={args.kimg:g} has room for at most --points={room} with "
            f"{snapshots_per_point} snapshots each: snapshots are named by whole kimg. Received "
            f"--points={args.points}."
        )
    base = presets.get_preset(args.preset, user_config().presets)
    if experiment.of_preset:
        base = _part_of(base, _NO_RECIPE + experiment.of_preset)
    base = _of_length(changed(base, experiment.overrides), args.kimg)
    schedule = dataclasses.replace(
        base.schedule,
        tick_kimg=args.kimg / (args.points * snapshots_per_point),
        network_snapshot_ticks=1,
        image_snapshot_ticks=0,
        # Two are what the metric of stability needs; the scores of all others are recorded.
        keep_snapshots=0 if changes_per_point else 2,
    )
    return dataclasses.replace(
        base, schedule=schedule, data_dir=args.data_dir, cache_dir=args.cache_dir
    )


def _part_of(config, beginnings):
    """The options whose dotted names begin so; all others have their defaults."""
    kept = {
        name: value
        for name, _, value in differences(Config(), config)
        if name.startswith(beginnings)
    }
    return changed(Config(), kept)


def _of_length(config, kimg):
    """The configuration for a training of another length, to which its schedules are stretched."""
    factor = kimg / config.schedule.total_kimg
    stretched = {
        name: schedule.stretched(factor) for name, schedule in schedules_of(config).items()
    }
    return changed(config, {**stretched, "schedule.total_kimg": kimg})


def open_datasets(base, max_label_size):
    """The data set of each domain; an error that says how to make it."""
    return [
        TFRecordDataset(
            Path(base.data_dir, name), base.dataset.resolution, max_label_size=max_label_size
        )
        for name in filter(None, (base.dataset.path, base.dataset.path_b))
    ]


def make_evaluator(args, base, datasets, strategy, outdir):
    """The metrics, with the classifier of the data set if one of them wants it."""
    network = args.feature_network
    if network is None and any(name.endswith(f"-{digit_network.NAME}") for name in args.metrics):
        # Beside all experiments: distances through different networks cannot be compared.
        labelled = open_datasets(base, -1)[0]
        network = outdir.parent / digit_network.file_name(labelled)
        if not network.exists():
            digit_network.make_digit_network(network, labelled)
    options = MetricsOptions(
        names=args.metrics, num_images=args.num_images, classifier=base.metrics.classifier
    )
    prepared = prepare_metrics(options, args.cache_dir, feature_network=network, strategy=strategy)
    return evaluator_of_training(prepared, datasets, base.dataset.mirror)


def write_results(experiment, args, trials, evaluator, outdir):
    """Writes all tables and charts; returns the table of scores as text."""
    keys = [metric.headline for metric in evaluator.metrics]
    keys += [key for metric in evaluator.metrics for key in experiment.further_keys(metric)]
    curves, failed, ended = {}, {}, []
    for trial in trials:
        name = trial.variant.name
        curves.setdefault(name, [])
        failed[name] = failed.get(name, 0) + bool(trial.failure)
        if trial.is_finished(evaluator):
            curves[name].append(trial.points(evaluator))
            ended.append(trial)
    seconds = equal_time(curves)
    rows = [summarize(name, of, failed[name], keys, seconds) for name, of in curves.items()]
    table = markdown_table(rows)

    all_points = [(t.variant.name, t.seed, t.points(evaluator)) for t in trials]
    write_points(outdir / "points.csv", all_points, keys)
    write_table(outdir / "table.csv", rows)
    time = "none is finished" if seconds is None else f"{seconds:.0f} seconds"
    of_reals = [f"{key} {floor:.4g}" for key, floor in floors(curves, evaluator.metrics).items()]
    text = (
        f"{experiment.question}\n\n{table}\n\n"
        f"Preset {args.preset}, {args.kimg:g} kimg, mean ± sample standard deviation over seeds. "
        f"Equal time is that of the fastest training: {time}.\n"
        f"Floors, of reals against reals: {', '.join(of_reals) or 'none'}.\n"
    )
    write_text(outdir / "table.md", f"# {experiment.name}\n\n{text}")
    finished = {name: of for name, of in curves.items() if of}
    if finished:
        title = f"{experiment.name}: {args.preset}, {args.kimg:g} kimg"
        plot_curves(outdir / "plot.png", finished, keys, title)
    write_sheet(outdir / "sheet.png", ended)
    changes = [(t.variant.name, t.seed, t.image_changes) for t in trials if t.image_changes]
    if changes:
        write_changes(outdir / "changes.csv", changes)
        plot_changes(outdir / "changes.png", changes, experiment.name)
    return text


def write_sheet(path, trials):
    """Draws what the first of these trials of each variant drew at its end."""
    rows = {}
    for trial in trials:
        name, resolution = trial.variant.name, trial.config.dataset.resolution
        if name not in rows and (images := last_images(trial.run_dir, resolution)) is not None:
            rows[name] = images
    if rows:
        draw_sheet(path, rows)
