"""Scores snapshots or files: `python run_metrics.py --network RUN --metrics fid50k`."""

import argparse
import os
import sys
from pathlib import Path

# Before TensorFlow is imported: its start-up messages would drown ours.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

import config
from metrics.evaluation import MetricEvaluator
from metrics.feature_networks.fetch import fetch_weights
from metrics.feature_networks.library import FeatureNetworks
from metrics.image_files import open_images
from metrics.metric import MetricOptions
from metrics.moments import read_statistics, write_statistics
from metrics.registry import get_metrics, known_names
from metrics.report import SnapshotScorer, images_table, score_images
from msg_stylegan import load_networks
from msg_stylegan.command_line import UsageError, run_command
from msg_stylegan.files import append_json_line
from msg_stylegan.label_table import label_table
from msg_stylegan.networks import snapshots_of_run
from msg_stylegan.pretrained import find_network_file
from msg_stylegan.training.devices import make_strategy
from msg_stylegan.training.run_directory import OPTIONS_FILE
from msg_stylegan.training.snapshots import Snapshots

# Pretrained networks that metrics look through.
WEIGHTS = ("inception", "vgg16", "lpips")


def build_parser():
    parser = argparse.ArgumentParser(
        prog="run_metrics.py",
        description="Scores snapshots of a run, or images in files. Results of snapshots go to "
        "metric-<name>.jsonl and metric-<name>.png beside them, and to TensorBoard for a run.",
    )
    fakes = parser.add_argument_group("what to score").add_mutually_exclusive_group()
    fakes.add_argument(
        "--network",
        metavar="FILE|RUN",
        help="snapshot or other file of networks (.pkl, .pth, .npz), or the newest snapshot of a "
        'run: its folder, its number or "latest"',
    )
    fakes.add_argument("--run", metavar="RUN", help="run whose snapshots to score")
    fakes.add_argument(
        "--fakes", metavar="PATH", help="images: folder, zip archive or folder of TFRecords"
    )
    parser.add_argument(
        "--all", action="store_true", help="with --run: every snapshot, not just the newest one"
    )
    parser.add_argument(
        "--force", action="store_true", help="with --run: also those that have a result already"
    )

    reals = parser.add_argument_group("what to compare with")
    reals.add_argument(
        "--reals",
        metavar="PATH",
        help="real images: folder of TFRecords, folder of images or zip archive (default: the data "
        "set of the training)",
    )
    reals.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        help="mirror reals at random, for metrics that do (default: as in the training)",
    )
    reals.add_argument(
        "--import_stats",
        metavar="FILE",
        help="npz file with mu and sigma of the reals, for Fréchet distances",
    )
    reals.add_argument(
        "--export_stats",
        metavar="FILE",
        help="write mu and sigma of the reals, as the Fréchet distance in --metrics uses them",
    )

    how = parser.add_argument_group("metrics")
    how.add_argument(
        "--metrics",
        metavar="NAMES",
        type=lambda text: text.split(","),
        help=f"comma-separated, of {', '.join(known_names())} and the like with other numbers of "
        "images; files also without a number, for all (default: fid50k, for files fid)",
    )
    how.add_argument(
        "--num_images",
        type=int,
        default=0,
        metavar="N",
        help="images of each side instead of the number in the metric's name",
    )
    how.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    how.add_argument(
        "--feature_network",
        metavar="FILE",
        help="SavedModel or .keras file, with a JSON file beside it that describes its input: fid, "
        "kid, pr and dc in its space",
    )
    for name in WEIGHTS:
        default = getattr(config.MetricsOptions, f"{name}_weights")
        how.add_argument(
            f"--{name}_weights",
            metavar="FILE",
            default=default,
            help=f"weights of {name} (default: {default or f'looked for in CACHE_DIR/{name}'})",
        )
    for name in WEIGHTS:
        how.add_argument(
            f"--fetch_{name}",
            action="store_true",
            help=f"download the weights of {name} to CACHE_DIR/{name} first",
        )

    where = parser.add_argument_group("where and how to run")
    where.add_argument(
        "--result_dir",
        default=config.result_dir,
        metavar="DIR",
        help="folder of the runs (default: %(default)s)",
    )
    where.add_argument(
        "--cache_dir",
        default=config.cache_dir,
        metavar="DIR",
        help="folder for weights and statistics of real images (default: %(default)s)",
    )
    where.add_argument(
        "--output", metavar="FILE", help="with --fakes: JSON-lines file to add the results to"
    )
    where.add_argument(
        "--batch_size",
        type=int,
        default=0,
        metavar="N",
        help="images at a time on each device (default: what suits the resolution)",
    )
    where.add_argument(
        "--num_gpus", type=int, default=0, metavar="N", help="GPUs to use (default: all)"
    )
    where.add_argument(
        "--logical_cpus",
        type=int,
        default=0,
        metavar="N",
        help="use N logical CPU devices instead, to try several devices",
    )
    return parser


def main(argv=None):
    """Runs the program; returns its exit status, see `run_command`."""
    return run_command(
        build_parser, run, argv, interrupted="Interrupted. Results up to now are kept."
    )


def run(args):
    """Scores what the arguments ask for; returns the messages of metrics that failed."""
    fetches = [name for name in WEIGHTS if getattr(args, f"fetch_{name}")]
    if not (args.network or args.run or args.fakes or args.export_stats or fetches):
        raise UsageError("say what to score: --network, --run or --fakes")
    if args.all and not args.run:
        raise UsageError("--all goes with --run")
    for name in fetches:
        fetch_weights(name, args.cache_dir)
    for name in ("num_images", "batch_size", "seed", "num_gpus", "logical_cpus"):
        if getattr(args, name) < 0:
            raise ValueError(f"--{name} must not be negative. Received {getattr(args, name)}.")
    strategy = make_strategy(args.num_gpus, args.logical_cpus)
    with strategy.scope():
        networks = FeatureNetworks(
            args.cache_dir,
            paths={name: getattr(args, f"{name}_weights") for name in WEIGHTS},
            custom=args.feature_network,
        )
    names = args.metrics or ["fid" if args.fakes else "fid50k"]
    metrics = get_metrics(names, MetricOptions(args.num_images, networks.custom_name))
    if args.network or args.run:
        return score_snapshots(args, metrics, networks, strategy)
    if args.fakes:
        return score_files(args, metrics, networks, strategy)
    if args.export_stats:
        evaluator = make_evaluator(args, metrics, networks, strategy)
        export_statistics(evaluator, args.export_stats)
    return []


def score_snapshots(args, metrics, networks, strategy):
    """Scores one snapshot, or all of a run, and prints a table."""
    snapshots = find_snapshots(args)
    with strategy.scope():
        nets = open_generator(snapshots[0])
    evaluator = make_evaluator(args, metrics, networks, strategy, nets)
    if args.export_stats:
        export_statistics(evaluator, args.export_stats)
    scorer = SnapshotScorer(evaluator, num_gpus=strategy.num_replicas_in_sync)

    folder = snapshots[0].parent
    writer = None
    if (folder / OPTIONS_FILE).exists():
        writer = tf.summary.create_file_writer(str(folder), filename_suffix=".metrics")
    missing = scorer.say_what_is_missing()
    for index, snapshot in enumerate(snapshots):
        skip = {*missing, *(scorer.recorded(snapshot) if args.run and not args.force else [])}
        if len(skip) == len(metrics):
            continue
        if index:
            with strategy.scope():
                nets = open_generator(snapshot)
        # Files of other systems do not say how long the networks were trained.
        kimg = nets.info.get("cur_nimg", 0) / 1000
        scorer(nets, snapshot, kimg, writer, skip=skip)
    if args.all:
        note_best(scorer, folder)
    print(f"\n{scorer.table(snapshots)}")
    return [*missing.values(), *scorer.failures]


def find_snapshots(args):
    """The snapshots to score, oldest first.

    Raises:
        FileNotFoundError: There are none.
    """
    name = args.network or args.run
    newest = find_network_file(name, args.result_dir)
    return snapshots_of_run(newest.parent) if args.all and not Path(name).is_file() else [newest]


def open_generator(path):
    """Networks of a file, after checking that there is a generator to score.

    Raises:
        ValueError: There is none.
    """
    nets = load_networks(path)
    if nets.G_ema is None:
        raise ValueError(f"{path} holds no generator, so there is nothing to score.")
    return nets


def note_best(scorer, folder):
    """Records the best snapshot of a run by the first of the metrics."""
    best = scorer.best(folder)
    if best:
        snapshot, metric, value = best
        Snapshots(folder, keep=0).record_best(snapshot, metric, value)
        print(f"Best snapshot by {metric}: {snapshot}, {value:.4f}")


def score_files(args, metrics, networks, strategy):
    """Scores images in files, and prints a table."""
    fakes = open_images(args.fakes)
    evaluator = make_evaluator(args, metrics, networks, strategy)
    if args.export_stats:
        export_statistics(evaluator, args.export_stats)
    lines, failures = score_images(evaluator, fakes)
    for line in lines if args.output else []:
        append_json_line(args.output, line)
    print(images_table(evaluator, fakes, lines))
    return failures


def export_statistics(evaluator, path):
    """Writes the statistics of the reals that a Fréchet distance uses."""
    metrics = [metric for metric in evaluator.metrics if metric.real_moments]
    if len(metrics) != 1:
        raise ValueError(
            "--export_stats needs exactly one Fréchet distance in --metrics, such as fid50k_full, "
            f"to know which statistics are meant. Received {len(metrics)}."
        )
    write_statistics(path, evaluator.of_reals().real_moments(metrics[0]))
    print(f"Wrote the statistics of {metrics[0].name} to {path}.")


def make_evaluator(args, metrics, networks, strategy, nets=None):
    """Opens the reals that the arguments name, or those of the training of `nets`."""
    options = nets.info.get("options") if nets else None
    resolution, label_size = (nets.G_ema.resolution, nets.G_ema.label_size) if nets else (0, 0)
    imported = read_statistics(args.import_stats) if args.import_stats else None
    table = label_table(nets.G_ema, nets.info) if nets else None
    reals_path = args.reals
    if not reals_path and nets and (label_size or not imported):
        # Beside imported statistics, reals are there for their labels only.
        reals_path = training_data(options, required=not imported or table.notice)
    reals = open_reals(reals_path, resolution, label_size) if reals_path else None
    mirror = args.mirror
    if mirror is None:
        mirror = options is not None and options["dataset"]["mirror"]
    return MetricEvaluator(
        metrics,
        reals,
        networks=networks,
        cache_dir=args.cache_dir,
        labels_dataset=labels_to_draw(reals, table) if label_size else None,
        mirror=mirror,
        seed=args.seed,
        batch_size=args.batch_size,
        strategy=strategy,
        imported=imported,
    )


def open_reals(path, resolution, label_size):
    """Real images; with labels, if they have as many numbers as the networks take."""
    reals = open_images(path, resolution=resolution)
    if label_size and getattr(reals, "stored_label_size", 0) >= label_size:
        reals = open_images(path, resolution=resolution, max_label_size=label_size)
    return reals


def labels_to_draw(reals, table):
    """What a conditional generator gets its labels from: the reals, or else the snapshot.

    Raises:
        ValueError: Neither has labels.
    """
    if getattr(reals, "label_size", 0) == table.label_size:
        return reals
    found = "there are no real images" if reals is None else f"{reals.path} has no such labels"
    if table.notice:
        raise ValueError(
            f"The networks take labels of size {table.label_size}, but {found}, and the snapshot "
            "holds none. Name by --reals a data set with labels."
        )
    print(f"notice: labels are drawn from those in the snapshot: {found}.", file=sys.stderr)
    return table


def training_data(options, required):
    """Folder of the data set that networks were trained on, from the options in their snapshot.

    Returns:
        Path; None if it is not there, and not required.

    Raises:
        ValueError: The options do not tell, though it is required.
        FileNotFoundError: It is required, but is somewhere else.
    """
    path = None
    if options is not None:
        path = Path(options["data_dir"]) / options["dataset"]["path"]
    if not required:
        return path if path and path.is_dir() else None
    if path is None:
        raise ValueError(
            "The snapshot does not say which data set it was trained on. Name it by --reals."
        )
    if not path.is_dir():
        raise FileNotFoundError(
            f"There is no {path}, the data set of the training. Say by --reals where it is now."
        )
    return path


if __name__ == "__main__":
    sys.exit(main())
