"""Scores snapshots: `python run_metrics.py --network RUN --metrics swd16k`; see `--help`."""

import argparse
import os
import sys
from pathlib import Path

# Before TensorFlow is imported: its start-up messages would drown ours.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

import config
from metrics.evaluation import MetricEvaluator
from metrics.registry import get_metrics, known_names
from metrics.report import SnapshotScorer, recorded_lines, results_table
from msg_stylegan import load_networks
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.exit_status import exit_status
from msg_stylegan.networks import snapshots_of_run
from msg_stylegan.training.run_directory import OPTIONS_FILE, find_run


def build_parser():
    parser = argparse.ArgumentParser(
        prog="run_metrics.py",
        description="Scores one snapshot, or all snapshots of a run. Results go to "
        "metric-<name>.jsonl beside the snapshots, and to TensorBoard for a run.",
    )
    parser.add_argument(
        "--network",
        required=True,
        metavar="FILE|RUN",
        help='snapshot file, or run: its folder, its number or "latest"',
    )
    parser.add_argument(
        "--metrics",
        default="swd16k",
        metavar="NAMES",
        type=lambda text: text.split(","),
        help=f"comma-separated, of {', '.join(known_names())} and the like with other numbers of "
        "images (default: swd16k)",
    )
    parser.add_argument(
        "--data", metavar="DIR", help="data set of the reals (default: the one of the training)"
    )
    parser.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        help="mirror reals at random (default: as in the training)",
    )
    parser.add_argument(
        "--num_images",
        type=int,
        default=0,
        metavar="N",
        help="images of each side instead of the number in the metric's name",
    )
    parser.add_argument(
        "--batch_size",
        type=int,
        default=0,
        metavar="N",
        help="images at a time (default: what suits the resolution)",
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument(
        "--force", action="store_true", help="score snapshots of a run again that have a result"
    )
    parser.add_argument(
        "--result_dir",
        default=config.result_dir,
        metavar="DIR",
        help="folder of the runs (default: %(default)s)",
    )
    parser.add_argument(
        "--cache_dir",
        default=config.cache_dir,
        metavar="DIR",
        help="folder for statistics of real images (default: %(default)s)",
    )
    return parser


def main(argv=None):
    """Runs the program.

    Returns:
        Exit status, see `exit_status`; 2 for wrong usage, by argparse.
    """
    args = build_parser().parse_args(argv)
    return exit_status(lambda: run(args), interrupted="Interrupted. Results up to now are kept.")


def run(args):
    """Scores what the arguments ask for; returns the messages of metrics that failed."""
    for name in ("num_images", "batch_size", "seed"):
        if getattr(args, name) < 0:
            raise ValueError(f"--{name} must not be negative. Received {getattr(args, name)}.")
    metrics = get_metrics(args.metrics, args.num_images)
    snapshots, is_run = find_snapshots(args.network, args.result_dir)
    nets = load_networks(snapshots[0])
    evaluator = make_evaluator(args, metrics, nets)
    settings = evaluator.settings()
    scorer = SnapshotScorer(evaluator)

    folder = snapshots[0].parent
    recorded = {metric.name: recorded_lines(folder, metric, settings) for metric in metrics}
    writer = None
    if (folder / OPTIONS_FILE).exists():
        writer = tf.summary.create_file_writer(str(folder), filename_suffix=".metrics")
    for index, snapshot in enumerate(snapshots):
        skip = [
            metric.name
            for metric in metrics
            if is_run and not args.force and snapshot.name in recorded[metric.name]
        ]
        if len(skip) == len(metrics):
            continue
        nets = nets if index == 0 else load_networks(snapshot)
        scorer(nets, snapshot, nets.info["cur_nimg"] / 1000, writer, skip=skip)

    for metric in metrics:
        lines = recorded_lines(folder, metric, settings)
        lines = [lines[snapshot.name] for snapshot in snapshots if snapshot.name in lines]
        if lines:
            print(f"\n{results_table(metric, lines)}")
    return scorer.failures


def find_snapshots(network, result_dir):
    """Finds the snapshots to score.

    Args:
        network: Snapshot file, folder with snapshots, or name of a run, see `find_run`.
        result_dir: Folder of the runs.

    Returns:
        Tuple `(paths, is_run)`: the snapshot files, oldest first, and whether a run was named.

    Raises:
        FileNotFoundError: There are none.
    """
    path = Path(network)
    if path.is_file():
        return [path], False
    if path.suffix == ".keras":
        raise FileNotFoundError(f"There is no snapshot {path}.")
    folder = path if path.is_dir() else find_run(result_dir, network)
    snapshots = snapshots_of_run(folder)
    if not snapshots:
        raise FileNotFoundError(f"There are no snapshots in {folder}.")
    return snapshots, True


def make_evaluator(args, metrics, nets):
    """Opens the real images that belong to the networks, or those that the arguments name."""
    options = nets.info.get("options")
    if options is None and args.data is None:
        raise ValueError("The snapshot does not say which data set it was trained on. Use --data.")
    if args.data is not None:
        data = Path(args.data)
    else:
        data = Path(options["data_dir"]) / options["dataset"]["path"]
        if not data.is_dir():
            raise FileNotFoundError(
                f"There is no {data}, the data set of the training. Say by --data where it is now."
            )
    mirror = args.mirror
    if mirror is None:
        mirror = options is not None and options["dataset"]["mirror"]
    G = nets.G_ema
    dataset = TFRecordDataset(data, resolution=G.resolution, max_label_size=G.label_size)
    return MetricEvaluator(
        metrics,
        dataset,
        cache_dir=args.cache_dir,
        mirror=mirror,
        seed=args.seed,
        batch_size=args.batch_size,
    )


if __name__ == "__main__":
    sys.exit(main())
