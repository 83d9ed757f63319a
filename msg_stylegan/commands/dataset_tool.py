"""Makes, checks and shows data sets."""

import argparse
import json
import shlex
import sys
from pathlib import Path

import numpy as np

from msg_stylegan.command_line import run_command
from msg_stylegan.command_names import called
from msg_stylegan.data import record_format, sources
from msg_stylegan.data.conversion import convert, shuffled_order
from msg_stylegan.data.dataset_folder import read_manifest
from msg_stylegan.data.parts import LEVELS
from msg_stylegan.data.picture_arguments import add_preparation_arguments, preparation_of
from msg_stylegan.data.sources.celeba import CelebaSource
from msg_stylegan.data.sources.cifar import open_cifar10, open_cifar100
from msg_stylegan.data.sources.digits import MnistRgbSource, open_fashion_mnist, open_mnist
from msg_stylegan.data.sources.file_stores import is_remote
from msg_stylegan.data.sources.lsun import LsunSource, LsunWideSource
from msg_stylegan.data.sources.pairs import PAIRS, PairOptions, open_pair
from msg_stylegan.data.sources.svhn import open_svhn
from msg_stylegan.data.sources.tfds import TfdsSource
from msg_stylegan.data.worker_pool import num_cores
from msg_stylegan.wording import count_of

# Worker processes import this file again. What takes a while is imported where it is needed.


def _open_images(args):
    labels = None if args.labels == "none" else args.labels
    return sources.open_source(
        args.folder, preparation_of(args), labels, args.max_images, args.names_encoding
    )


def _open_hdf5(args):
    from msg_stylegan.data.sources.hdf5 import Hdf5Source

    return Hdf5Source(args.folder)


def verify_directory(args):
    from msg_stylegan.data.verify import verify

    facts = verify(args.dir, args.workers)
    print(f"All records are sound. {_summary(args.dir, facts)}")


def info(args):
    from msg_stylegan.data.contact_sheet import write_contact_sheet
    from msg_stylegan.data.statistics import dataset_info, info_table

    print(info_table(dataset_info(args.dir)))
    if args.sheet:
        write_contact_sheet(args.dir, args.sheet)
        print(f"Samples: {args.sheet}")


def extract(args):
    from msg_stylegan.data.extraction import extract

    print(f"{args.out}: {count_of(extract(args.dir, args.out), 'image')}")


def compare(args):
    """Compares two data sets; that they differ is a failure, for the exit status."""
    from msg_stylegan.data.comparison import compare, comparison_text

    comparison = compare(args.dir_a, args.dir_b, bool(args.ignore_labels))
    print(comparison_text(comparison))
    return [] if comparison.equal else [f"{args.dir_a} and {args.dir_b} are different."]


def display(args):
    from PIL import Image

    from msg_stylegan.data.contact_sheet import has_screen, write_contact_sheet

    directory = Path(args.dir).absolute()
    sheet = args.sheet or directory.with_name(f"{directory.name}-sheet.png")
    write_contact_sheet(directory, sheet)
    print(f"Samples: {sheet}")
    if has_screen():
        with Image.open(sheet) as image:
            image.show(title=str(directory))


def build_parser():
    parser = argparse.ArgumentParser(
        prog=called("dataset"), description="Makes, checks and shows data sets of TFRecords."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_originals(commands)
    _add_create_from_images(commands)

    command = _add_create(commands, "from_hdf5", _open_hdf5, "FILE", "images in HDF5", "HDF5 file")
    _add_shuffle(command)
    command = _add_create(
        commands,
        "from_tfds",
        lambda args: TfdsSource(args.folder, preparation_of(args), args.split, args.data_dir),
        "NAME",
        "images of TensorFlow Datasets",
        "for example cifar10",
    )
    command.add_argument("--split", default="train", help=_default("which part"))
    command.add_argument("--data_dir", metavar="DIR", help="folder of TensorFlow Datasets")
    add_preparation_arguments(command)
    digits = "scikit-learn's 1,797 handwritten digits, 32x32 grayscale, with labels; no download"
    _add_create(commands, "digits", lambda args: sources.DigitsSource(), None, digits)
    for name, open_added in sources.ADDED.items():
        what = (open_added.__doc__ or "an extension").splitlines()[0].rstrip(".")
        _add_create(commands, name, _with_folder(open_added), "FOLDER", what)
    _add_pair(commands)
    _add_inspection(commands)
    return parser


def _with_folder(open_source, options=()):
    """Function of the arguments that calls another one with the folder and some options."""
    return lambda args: open_source(args.folder, *(getattr(args, name) for name in options))


# Options of the original's commands -> default and help.
_NUMBERS = {
    "num_images": (1_000_000, "how many"),
    "random_seed": (123, "seed"),
    "resolution": (256, "side"),
    "width": (512, "width and side"),
    "height": (384, "height without bars"),
    "cx": (89, "column of the centre"),
    "cy": (121, "row of the centre"),
}


def _add_originals(commands):
    def add(name, open_source, of_what, folder, *options):
        open_with = _with_folder(open_source, options)
        command = _add_create(commands, name, open_with, "FOLDER", of_what, folder)
        for option in options:
            if option == "max_images":
                _add_max_images(command)
            else:
                default, text = _NUMBERS[option]
                command.add_argument(f"--{option}", type=int, default=default, help=_default(text))

    mnist = "folder of train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz"
    add("mnist", open_mnist, "MNIST, 32x32 with labels", mnist)
    add("fashion_mnist", open_fashion_mnist, "Fashion-MNIST, 32x32 with labels", mnist)
    colours = "MNIST in three colours"
    add("mnistrgb", MnistRgbSource, colours, mnist, "num_images", "random_seed")
    folder = "folder of data_batch_1 to data_batch_5"
    add("cifar10", open_cifar10, "CIFAR-10, 32x32 with labels", folder)
    folder = "folder of the file train"
    add("cifar100", open_cifar100, "CIFAR-100, 32x32 with labels", folder)
    folder = "folder of train_32x32.mat or of train_1.pkl to train_3.pkl, or a .mat file"
    add("svhn", open_svhn, "SVHN, 32x32 with labels", folder)
    lmdb = "folder of an LMDB database"
    square, wide = "a category of LSUN, cut square", "a category of LSUN between black bars"
    add("lsun", LsunSource, square, lmdb, "resolution", "max_images")
    add("lsun_wide", LsunWideSource, wide, lmdb, "width", "height", "max_images")
    folder = "folder of img_align_celeba_png or img_align_celeba, or img_align_celeba.zip"
    add("celeba", CelebaSource, "CelebA, faces of 128x128", folder, "cx", "cy")


def _add_create_from_images(commands):
    folder = (
        "folder of images, also at gs://..., zip or tar archive, font with colour bitmaps, or text "
        "file of paths"
    )
    command = _add_create(
        commands, "from_images", _open_images, "FOLDER", "images of any kind", folder
    )
    add_preparation_arguments(command)
    command.add_argument(
        "--labels",
        metavar="auto|folders|FILE.json|FILE.csv|none",
        default="auto",
        help=_default("where labels come from; auto: dataset.json beside the images, if any"),
    )
    command.add_argument(
        "--names_encoding",
        metavar="NAME",
        help="code page of names in an archive that are not UTF-8, for example cp932 or gbk",
    )
    _add_max_images(command)
    _add_shuffle(command)


def _add_create(commands, name, open_source, folder, of_what, folder_help=None):
    """Adds the command `create_NAME`, with the options that all of its kind have.

    Args:
        commands: Subparsers of the program.
        name: Name of the command, without "create_".
        open_source: Function that returns the source of the images, given the parsed arguments.
        folder: What the help calls the argument `folder`; None if there is no such argument.
        of_what: The images, for the help.
        folder_help: Help of `folder`.
    """
    command = commands.add_parser(
        f"create_{name}",
        help=f"make a data set of {of_what}",
        description=f"Makes a data set of {of_what}. The same command again continues after an "
        "interruption.",
    )
    command.add_argument("out", metavar="OUT", help="folder of the data set to make")
    if folder:
        command.add_argument("folder", metavar=folder, help=folder_help)
    _add_storage(command)
    command.set_defaults(run=lambda args: _create(args, open_source(args)))
    return command


def _add_pair(commands):
    command = commands.add_parser(
        "create_pair",
        help="make two data sets for two coupled generators",
        description="Makes the data sets OUT/a and OUT/b for two coupled generators, which share "
        "no source image. The same command again continues after an interruption. "
        + " ".join(
            f"{name}: {kind.what}; FOLDER: {'; '.join(kind.folders)}."
            for name, kind in PAIRS.items()
        ),
    )
    command.add_argument("name", metavar="NAME", choices=PAIRS, help=", ".join(PAIRS))
    command.add_argument("out", metavar="OUT", help="folder of the data sets to make")
    command.add_argument("folders", metavar="FOLDER", nargs="*", help="what NAME needs, see above")
    text = "celeba: the attribute by which faces are divided, such as Smiling"
    command.add_argument("--attribute", metavar="NAME", default="", help=text)
    add_preparation_arguments(command)
    _add_storage(command)
    command.set_defaults(run=_create_pair)


def _add_storage(command):
    add = command.add_argument_group("storage and speed").add_argument
    text = _default("raw is the original's; png is smaller, jpeg loses some quality")
    add("--encoding", choices=record_format.ENCODINGS, default="raw", help=text)
    text = _default("all resolutions as the original, or only the top one, which training needs")
    add("--levels", choices=LEVELS, default="all", help=text)
    add("--shards", metavar="N", type=int, default=1, help=_default("files per level"))
    add("--workers", metavar="N", type=int, help="processes (default: all cores)")
    add("--strict", action="store_true", help="stop at the first image that cannot be used")
    text = "leave out images with the same pixels as an earlier one"
    add("--drop_duplicates", action="store_true", help=text)
    text = (
        "make the shards with an Apache Beam pipeline; DirectRunner or DataflowRunner, for example"
    )
    add("--runner", metavar="NAME", help=text)
    text = 'further options of the pipeline, such as --beam_options="--region=europe-west1"'
    add("--beam_options", metavar="TEXT", default="", help=text)


def _add_shuffle(command):
    text = _default("1: in a fixed random order; 0: in their own order")
    command.add_argument("--shuffle", type=int, choices=(0, 1), default=1, help=text)


def _add_max_images(command):
    command.add_argument("--max_images", metavar="N", type=int, help="stop after N images")


def _add_inspection(commands):
    command = _add_look(commands, "verify", verify_directory, "check a data set")
    command.add_argument("--workers", metavar="N", type=int, help="processes (default: all cores)")

    command = _add_look(commands, "info", info, "describe a data set")
    command.add_argument("--sheet", metavar="FILE.png", help="also write a sheet of samples")

    command = _add_look(commands, "extract", extract, "write the images as PNG files")
    command.add_argument("out", metavar="OUT", help="folder to make")

    command = _add_look(commands, "display", display, "show some images of a data set")
    text = "file to write (default: DIR-sheet.png)"
    command.add_argument("--sheet", metavar="FILE.png", help=text)

    command = commands.add_parser(
        "compare",
        help="compare two data sets",
        description="Compares two data sets. The exit status is 0 if they are equal, else 1.",
    )
    command.add_argument("dir_a", metavar="DIR_A", help="folder of a data set")
    command.add_argument("dir_b", metavar="DIR_B", help="folder of another")
    text = _default("1: compare images only")
    command.add_argument("--ignore_labels", type=int, choices=(0, 1), default=0, help=text)
    command.set_defaults(run=compare)


def _add_look(commands, name, run, text):
    command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
    command.add_argument("dir", metavar="DIR", help="folder of the data set")
    command.set_defaults(run=run)
    return command


def _default(text):
    return f"{text} (default: %(default)s)"


def main(argv):
    """Runs one command; returns its exit status, see `run_command`."""
    return run_command(
        build_parser,
        lambda args: args.run(args),
        argv,
        interrupted="Interrupted. The same command continues a data set that was being made.",
    )


def _create(args, source):
    for warning in getattr(source, "warnings", ()):
        print(f"warning: {warning}", file=sys.stderr)
    manifest = _convert(args, source)
    for notice in manifest["notices"]:
        print(f"notice: {notice}", file=sys.stderr)
    if manifest["num_skipped"]:
        count = count_of(manifest["num_skipped"], "image")
        print(f"{count} skipped, see {args.out}/skipped.txt")
    if manifest["num_duplicates"]:
        count = count_of(manifest["num_duplicates"], "image")
        what = "left out, copies of others" if args.drop_duplicates else "found twice"
        print(f"{count} {what}, see {args.out}/duplicates.txt")
    if not is_remote(args.out):
        from msg_stylegan.data.dataset import TFRecordDataset

        print(_summary(args.out, TFRecordDataset(args.out, max_label_size=-1)))


def _create_pair(args):
    sources = open_pair(args.name, args.folders, PairOptions(preparation_of(args), args.attribute))
    if PAIRS[args.name].is_aligned:
        if args.drop_duplicates:
            raise ValueError(
                f"`--drop_duplicates` is not for {args.name}: an image that is left out would move "
                "the others away from their partners."
            )
        args.strict = True
    parts = {
        domain: argparse.Namespace(**{**vars(args), "out": f"{args.out}/{domain}"})
        for domain in sources
    }
    made = [domain for domain, part in parts.items() if _is_made(part, sources[domain])]
    for domain, part in parts.items():
        if domain in made and len(made) < len(parts):
            print(f"{part.out} is complete already.")
        else:
            _create(part, sources[domain])


def _is_made(args, source):
    """Whether the data set is there, made by this command of this source."""
    manifest = None if is_remote(args.out) else read_manifest(args.out)
    described = json.loads(json.dumps([_command(args), source.description]))
    return manifest is not None and [manifest["command"], manifest["source"]] == described


def _command(args):
    """Everything in the arguments that decides the result."""
    others = ("out", "workers", "runner", "beam_options", "run")
    return {name: value for name, value in sorted(vars(args).items()) if name not in others}


def _convert(args, source):
    """Makes the data set on this computer or with a pipeline; returns its manifest."""
    shuffled = args.shuffle if "shuffle" in args else source.shuffled
    options = {
        "order": shuffled_order(source.num_images) if shuffled else np.arange(source.num_images),
        "command": _command(args),
        "encoding": args.encoding,
        "levels": args.levels,
        "num_shards": args.shards,
        "strict": args.strict,
    }
    if args.runner is None:
        if args.beam_options:
            raise ValueError(
                "`--beam_options` is for a pipeline. Add `--runner`, such as "
                "`--runner=DirectRunner`, or leave it out."
            )
        workers = num_cores() if args.workers is None else args.workers
        return convert(
            source, args.out, num_workers=workers, drop_duplicates=args.drop_duplicates, **options
        )
    if args.drop_duplicates:
        raise ValueError(
            "`--drop_duplicates` cannot be used with `--runner`, which makes each shard by itself."
        )
    from msg_stylegan.data.beam_conversion import convert_with_beam

    arguments = [f"--runner={args.runner}", *shlex.split(args.beam_options)]
    return convert_with_beam(source, args.out, beam_arguments=arguments, **options)


def _summary(directory, facts):
    """One line about a data set; `facts` is a `TFRecordDataset` or what `verify` returns."""
    num_bytes = sum(path.stat().st_size for path in Path(directory).iterdir())
    color = "grayscale" if facts.num_channels == 1 else "RGB"
    labels = f"labels of size {facts.label_size}" if facts.label_size else "no labels"
    return (
        f"{directory}: {count_of(facts.num_images, 'image')}, "
        f"{facts.resolution}x{facts.resolution}, {color}, {labels}, {num_bytes / 2**20:.1f} MiB"
    )
