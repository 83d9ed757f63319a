"""Makes and checks data sets: `python dataset_tool.py COMMAND --help`."""

import argparse
import os
import sys
from pathlib import Path

# Before TensorFlow is imported: its start-up messages would drown ours.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from tqdm import tqdm

from msg_stylegan.data import sources
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.data.verify import verify
from msg_stylegan.data.writer import DatasetWriter, shuffled_order
from msg_stylegan.exit_status import exit_status


def create_from_images(args):
    source = sources.FolderSource(args.folder, resize=args.resize)
    _write(args.out, source, shuffle=bool(args.shuffle))


def create_digits(args):
    _write(args.out, sources.DigitsSource(), shuffle=True)


def verify_directory(args):
    facts = verify(args.dir)
    print(f"All records are sound. {_summary(args.dir, facts)}")


def build_parser():
    parser = argparse.ArgumentParser(
        prog="dataset_tool.py", description="Makes and checks data sets of TFRecords."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    command = commands.add_parser(
        "create_from_images",
        help="make a data set of a folder of images",
        description="Makes a data set of all images in a folder and its sub-folders. They must be "
        "square and alike, RGB or grayscale.",
    )
    command.add_argument("out", metavar="OUT", help="folder of the data set to make")
    command.add_argument("folder", metavar="FOLDER", help="folder of images")
    command.add_argument(
        "--resize",
        metavar="N",
        type=int,
        help="resize to 2^N pixels, for example 8 for 256x256 (default: leave as they are)",
    )
    command.add_argument(
        "--shuffle",
        type=int,
        choices=(0, 1),
        default=1,
        help="1: write the images in a fixed random order; 0: by name (default: 1)",
    )
    command.set_defaults(run=create_from_images)

    command = commands.add_parser(
        "create_digits",
        help="make a data set of scikit-learn's handwritten digits",
        description="Makes a data set of 1,797 handwritten digits, 32x32 grayscale, with labels. "
        "Needs scikit-learn but no download.",
    )
    command.add_argument("out", metavar="OUT", help="folder of the data set to make")
    command.set_defaults(run=create_digits)

    command = commands.add_parser(
        "verify",
        help="check a data set",
        description="Reads a whole data set, checks it, and names the first bad record.",
    )
    command.add_argument("dir", metavar="DIR", help="folder of the data set")
    command.set_defaults(run=verify_directory)
    return parser


def main(argv=None):
    """Runs one command.

    Returns:
        Exit status, see `exit_status`; 2 for wrong usage, by argparse.
    """
    args = build_parser().parse_args(argv)
    return exit_status(lambda: args.run(args), interrupted="Interrupted. Nothing was written.")


def _write(directory, source, shuffle):
    order = shuffled_order(source.num_images) if shuffle else range(source.num_images)
    with DatasetWriter(directory) as writer:
        images = sources.read_in_order(source, order, num_threads=os.cpu_count() or 1)
        for name, image in tqdm(images, desc="Writing", total=source.num_images, unit=" images"):
            writer.add_image(image, name)
        if source.labels is not None:
            writer.add_labels(source.labels[order])
    print(_summary(directory, TFRecordDataset(directory, max_label_size=-1)))


def _summary(directory, facts):
    """One line about a data set; `facts` is a `TFRecordDataset` or what `verify` returns."""
    num_bytes = sum(path.stat().st_size for path in Path(directory).iterdir())
    color = "grayscale" if facts.num_channels == 1 else "RGB"
    labels = f"labels of size {facts.label_size}" if facts.label_size else "no labels"
    return (
        f"{directory}: {facts.num_images} images, {facts.resolution}x{facts.resolution}, {color}, "
        f"{labels}, {num_bytes / 2**20:.1f} MiB"
    )


if __name__ == "__main__":
    # No work here is for a GPU, whose memory a training run may need whole.
    tf.config.set_visible_devices([], "GPU")
    sys.exit(main())
