"""Scores what a command line asks for, see `commands/run_metrics.py`."""

import contextlib
import sys
from pathlib import Path

from metrics.domains import evaluator_of_domains
from metrics.evaluation import prepare_metrics
from metrics.image_files import open_images
from metrics.moments import check_statistics_name, read_statistics, write_statistics
from metrics.report import SnapshotScorer, images_table, score_images
from msg_stylegan import load_networks
from msg_stylegan.data.picture_arguments import reader_of
from msg_stylegan.files import append_json_line
from msg_stylegan.networks import snapshots_of_run
from msg_stylegan.options import MetricsOptions
from msg_stylegan.pretrained import find_network_file
from msg_stylegan.sampling.label_table import label_table
from msg_stylegan.training.devices import make_strategy
from msg_stylegan.training.event_file import EventFile
from msg_stylegan.training.run_directory import OPTIONS_FILE
from msg_stylegan.training.snapshots import Snapshots


def score(args):
    """Scores what the arguments ask for; returns the messages of metrics that failed."""
    if args.export_stats:
        check_statistics_name(args.export_stats)
    strategy = make_strategy(args.num_gpus, args.logical_cpus)
    options = MetricsOptions(
        names=args.metrics or ["fid" if args.fakes else "fid50k"],
        num_images=args.num_images,
        classifier=args.classifier,
        **{field: getattr(args, field) for field in MetricsOptions.weights().values()},
    )
    # Mistakes in the names of metrics show here, before images are opened.
    prepared = prepare_metrics(
        options, args.cache_dir, feature_network=args.feature_network, strategy=strategy
    )
    if args.network or args.run:
        return score_snapshots(args, prepared, strategy)
    if args.fakes:
        return score_files(args, prepared)
    if args.export_stats:
        make_evaluator(args, prepared, args.reals)
    return []


def score_snapshots(args, prepared, strategy):
    """Scores one snapshot, or all of a run, and prints a table."""
    snapshots = find_snapshots(args)
    with strategy.scope():
        nets = open_generator(snapshots[0])
    evaluator = evaluator_of_networks(args, prepared, nets)
    scorer = SnapshotScorer(evaluator, complain=complain)

    folder = snapshots[0].parent
    missing = scorer.say_what_is_missing()
    with contextlib.ExitStack() as opened:
        writer = None
        for index, snapshot in enumerate(snapshots):
            skip = {*missing, *(scorer.recorded(snapshot) if args.run and not args.force else [])}
            if len(skip) == len(evaluator.metrics):
                continue
            if index:
                with strategy.scope():
                    nets = open_generator(snapshot)
            if writer is None and (folder / OPTIONS_FILE).exists():
                events = EventFile(folder, suffix=".metrics")
                writer = opened.enter_context(contextlib.closing(events)).writer
            # Files of other systems do not say how long the networks were trained.
            kimg = nets.info.get("cur_nimg", 0) / 1000
            scorer(nets, snapshot, kimg, writer, skip=skip)
    # The best snapshot of a pair is that of domain A.
    if args.all and args.domain != "b":
        note_best(scorer, folder)
    print(f"\n{scorer.table(snapshots)}")
    return scorer.failures


def complain(message):
    """Says at once what failed, since the work may go on for hours."""
    print(f"error: {message}", file=sys.stderr)


def find_snapshots(args):
    """The snapshots to score, oldest first; an error if there are none."""
    name = args.network or args.run
    newest = find_network_file(name, args.result_dir)
    return snapshots_of_run(newest.parent) if args.all and not Path(name).is_file() else [newest]


def open_generator(path):
    """Networks of a file, after checking that there is a generator to score."""
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


def score_files(args, prepared):
    """Scores images in files, and prints a table."""
    fakes = open_files(args, args.fakes)
    evaluator = make_evaluator(args, prepared, args.reals)
    lines, failures = score_images(evaluator, fakes, complain=complain)
    # Shown first: if the file cannot be written, the results are not lost.
    print(images_table(evaluator, fakes, lines))
    if args.output:
        Path(args.output).parent.mkdir(parents=True, exist_ok=True)
        for line in lines:
            append_json_line(args.output, line)
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


def evaluator_of_networks(args, prepared, nets):
    """Evaluator of the domain that the arguments name, or of all that there are.

    Raises:
        ValueError: There is no such domain, or the arguments say what is for one only.
    """
    paths = {args.domain or "a": args.reals}
    if not args.domain and nets.is_pair:
        paths["b"] = args.reals_b
        if args.import_stats or args.export_stats:
            raise ValueError(
                "--import_stats and --export_stats are for one domain of a pair. Say by --domain "
                "which one."
            )
    elif args.reals_b:
        raise ValueError("--reals_b is for networks of two domains, without --domain.")
    return evaluator_of_domains(
        [
            make_evaluator(args, prepared, path, nets.of_domain(domain), domain=domain)
            for domain, path in paths.items()
        ],
        args.partners,
    )


def make_evaluator(args, prepared, reals_path, nets=None, domain="a"):
    """Opens the reals of a path, or, without one, those of the training of `nets`.

    Their statistics are exported here, before anything is scored, if the arguments say so.
    """
    options = nets.info.get("options") if nets else None
    resolution, label_size = (nets.G_ema.resolution, nets.G_ema.label_size) if nets else (0, 0)
    imported = read_statistics(args.import_stats) if args.import_stats else None
    table = label_table(nets.G_ema, nets.info) if nets else None
    if not reals_path and nets and (label_size or not imported):
        # With imported statistics, reals are needed for their labels only.
        reals_path = training_data(options, required=not imported or table.notice)
    reals = open_reals(args, reals_path, resolution, label_size) if reals_path else None
    mirror = args.mirror
    if mirror is None:
        mirror = options is not None and options["dataset"]["mirror"]
    evaluator = prepared(
        reals,
        labels_dataset=labels_to_draw(reals, table) if label_size else None,
        mirror=mirror,
        seed=args.seed,
        batch_size=args.batch_size,
        imported=imported,
        domain=domain,
    )
    if args.export_stats:
        export_statistics(evaluator, args.export_stats)
    return evaluator


def open_files(args, path, **options):
    """Opens images by the rules that the arguments give for files."""
    return open_images(path, reader=reader_of(args), skip_broken=args.skip_broken, **options)


def open_reals(args, path, resolution, label_size):
    """Real images; with labels, if they have as many numbers as the networks take."""
    reals = open_files(args, path, resolution=resolution)
    if label_size and getattr(reals, "stored_label_size", 0) >= label_size:
        reals = open_files(args, path, resolution=resolution, max_label_size=label_size)
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
        Path; None if it is not there. It is an error then if it is required.
    """
    path = None
    if options is not None:
        path = Path(options["data_dir"]) / options["dataset"]["path"]
    if required and path is None:
        raise ValueError(
            "The snapshot does not say which data set it was trained on. Name it by --reals."
        )
    if required and not path.is_dir():
        raise FileNotFoundError(
            f"There is no {path}, the data set of the training. Say by --reals where it is now."
        )
    return path if path and path.is_dir() else None
