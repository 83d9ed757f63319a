"""Trains the classifier that couples two generators, or judges them."""

import argparse
import dataclasses
from pathlib import Path

from msg_stylegan.classifier.alteration import ALTERATIONS
from msg_stylegan.classifier.options import ClassifierOptions
from msg_stylegan.command_line import run_command
from msg_stylegan.command_names import called
from msg_stylegan.wording import count_of

SUFFIX = ".keras"


def build_parser():
    parser = argparse.ArgumentParser(
        prog=called("classifier"),
        description="Trains a classifier on labelled data sets and writes it as one file, with its "
        "accuracy on images that were held out. Labels with a single 1 are classes; other labels "
        "of 0 and 1 are attributes.",
    )
    parser.add_argument(
        "--data",
        required=True,
        action="append",
        type=Path,
        metavar="FOLDER",
        help="data set with labels; several times for a classifier of several domains",
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FILE", help=f"{SUFFIX} file to write"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")

    training = parser.add_argument_group("training")
    defaults = ClassifierOptions()

    def add(name, kind, metavar, text):
        default = getattr(defaults, name)
        training.add_argument(f"--{name}", type=kind, default=default, metavar=metavar, help=text)

    add(
        "resolution",
        int,
        "PIXELS",
        "side of the images (default: that of the smallest data set)",
    )
    add("kimg", float, "K", "images to show, in thousands (default: %(default)g)")
    add("batch_size", int, "N", "images per step (default: %(default)s)")
    add("learning_rate", float, "RATE", "of Adam, at the start (default: %(default)s)")
    add(
        "held_out",
        float,
        "SHARE",
        "share of each data set to measure the accuracy on (default: %(default)s)",
    )
    training.add_argument(
        "--alterations",
        nargs="+",
        choices=list(ALTERATIONS),
        default=[],
        metavar="NAME",
        help="what may happen to images without changing their class: invert (negatives), mirror, "
        "shift (by up to an eighth of the side)",
    )
    add("seed", int, "N", "random seed (default: %(default)s)")
    return parser


def train(args):
    """Trains and writes one classifier."""
    if args.output.suffix != SUFFIX:
        raise ValueError(f"The name of a classifier ends in {SUFFIX}. Received {args.output}")
    if args.output.is_dir() or (args.output.exists() and not args.force):
        advice = "Choose another name." if args.output.is_dir() else "Add --force to replace it."
        raise FileExistsError(f"{args.output} exists already. {advice}")
    fields = {
        field.name: getattr(args, field.name) for field in dataclasses.fields(ClassifierOptions)
    }
    options = ClassifierOptions(**fields | {"alterations": tuple(args.alterations)})
    # They start TensorFlow, for which help and mistakes need not wait.
    import msg_stylegan
    from msg_stylegan.classifier.labelled_images import open_data_sets
    from msg_stylegan.classifier.stored import save_classifier
    from msg_stylegan.classifier.training import train_classifier

    datasets, kind = open_data_sets(args.data, options.resolution)
    for dataset in datasets:
        print(
            f"{dataset.path}: {count_of(dataset.num_images, 'image')}, "
            f"{dataset.label_size} {kind}, used at {dataset.resolution}x{dataset.resolution}"
        )
    classifier, info = train_classifier(datasets, kind, options, verbose=2)
    save_classifier(classifier, args.output, info | {"version": msg_stylegan.__version__})
    for dataset, accuracy in zip(datasets, info["accuracies"], strict=True):
        print(f"{dataset.path}: accuracy {accuracy:.2%} on the images held out")
    print(
        f"{args.output}: accuracy {info['accuracy']:.2%}; the most frequent answer would get "
        f"{info['frequent']:.2%}"
    )


def main(argv):
    """Trains one classifier; returns the exit status, see `run_command`."""
    return run_command(build_parser, train, argv, interrupted="Interrupted. Nothing was written.")
