"""Scores snapshots, or images in files."""

import argparse

from metrics.feature_networks.fetch import PUBLISHED, fetch_weights
from metrics.registry import known_names
from msg_stylegan.command_line import UsageError, run_command
from msg_stylegan.command_names import called
from msg_stylegan.commands.user_config import add_result_dir, user_config
from msg_stylegan.data.picture_arguments import add_reader_arguments
from msg_stylegan.options import MetricsOptions


def build_parser():
    user = user_config()
    parser = argparse.ArgumentParser(
        prog=called("metrics"),
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
        "--fakes",
        metavar="PATH",
        help="images: folder, zip or tar archive, list of paths, or folder of TFRecords",
    )
    parser.add_argument(
        "--all", action="store_true", help="with --run: every snapshot, not just the newest one"
    )
    parser.add_argument(
        "--force", action="store_true", help="with --run: also those that have a result already"
    )
    parser.add_argument(
        "--domain",
        choices=("a", "b"),
        help="domain of a pair to score; results of b are named <name>_b (default: both, and "
        "metrics of pairs)",
    )

    reals = parser.add_argument_group("what to compare with")
    reals.add_argument(
        "--reals",
        metavar="PATH",
        help="real images, in any of the forms of --fakes (default: the data set of the training)",
    )
    reals.add_argument(
        "--reals_b",
        metavar="PATH",
        help="real images of domain b, where both domains of a pair are scored",
    )
    reals.add_argument(
        "--partners",
        metavar="DIR",
        help="folder of a, b, a_partners and b_partners, as `create_pair same_names` makes them, "
        "for translation_rank100_lpips (default: where the data set of domain a lies)",
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
    how.add_argument(
        "--classifier",
        metavar="FILE",
        default=MetricsOptions.classifier,
        help=f"judge of label_agreement1k, which `{called('classifier')}` has trained",
    )
    for name, field in MetricsOptions.weights().items():
        default = getattr(MetricsOptions, field)
        how.add_argument(
            f"--{field}",
            metavar="FILE",
            default=default,
            help=f"weights of {name} (default: {default or f'looked for in CACHE_DIR/{name}'})",
        )
    for name in PUBLISHED:
        how.add_argument(
            f"--fetch_{name}",
            action="store_true",
            help=f"download the weights of {name} to CACHE_DIR/{name} first",
        )

    files = parser.add_argument_group("images in files")
    add_reader_arguments(files)
    files.add_argument(
        "--skip_broken",
        action="store_true",
        help="leave out images that cannot be used, instead of stopping at the first one",
    )

    where = parser.add_argument_group("where and how to run")
    add_result_dir(where)
    where.add_argument(
        "--cache_dir",
        default=user.cache_dir,
        metavar="DIR",
        help="folder for weights and statistics of real images (default: %(default)s)",
    )
    where.add_argument(
        "--output", metavar="FILE", help="with --fakes: JSON-lines file to add the results to"
    )
    for name, what in (
        ("batch_size", "images at a time on each device (default: what suits the resolution)"),
        ("num_gpus", "GPUs to use (default: all)"),
        ("logical_cpus", "use N logical CPU devices instead, to try several devices"),
    ):
        where.add_argument(f"--{name}", type=int, default=0, metavar="N", help=what)
    return parser


def main(argv):
    """Runs the program; returns its exit status, see `run_command`."""
    return run_command(
        build_parser,
        # Failures were reported when they happened.
        lambda args: bool(run(args)),
        argv,
        interrupted="Interrupted. Results up to now are kept.",
    )


def run(args):
    """Scores what the arguments ask for; returns messages of failed metrics, already printed."""
    fetches = [name for name in PUBLISHED if getattr(args, f"fetch_{name}")]
    if not (args.network or args.run or args.fakes or args.export_stats or fetches):
        raise UsageError("say what to score: --network, --run or --fakes")
    if (args.domain or args.reals_b) and not (args.network or args.run):
        raise UsageError("--domain and --reals_b go with --network or --run")
    if (args.all or args.force) and not args.run:
        raise UsageError("--all and --force go with --run")
    if args.partners and not (args.network or args.run):
        raise UsageError("--partners goes with --network or --run")
    if args.output and not args.fakes:
        raise UsageError(
            "--output goes with --fakes: results of snapshots are beside them, in "
            "metric-<name>.jsonl"
        )
    for name in ("num_images", "batch_size", "seed", "num_gpus", "logical_cpus"):
        if getattr(args, name) < 0:
            raise ValueError(f"--{name} must not be negative. Received {getattr(args, name)}.")
    for name in fetches:
        fetch_weights(name, args.cache_dir)
    # This starts TensorFlow, for which help and mistakes need not wait.
    from metrics.scoring import score

    return score(args)
