"""Makes, checks and shows data sets."""

import argparse
import shlex
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from msg_stylegan.command_line import run_command
from msg_stylegan.command_names import called
from msg_stylegan.data import record_format, sources
from msg_stylegan.data.conversion import convert, shuffled_order
from msg_stylegan.data.parts import LEVELS
from msg_stylegan.data.picture_arguments import add_preparation_arguments, preparation_of
from msg_stylegan.data.sources.celeba import CelebaSource
from msg_stylegan.data.sources.cifar import open_cifar10, open_cifar100
from msg_stylegan.data.sources.digits import MnistRgbSource, open_mnist
from msg_stylegan.data.sources.file_stores import is_remote
from msg_stylegan.data.sources.lsun import LsunSource, LsunWideSource
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
    from msg_stylegan.data.dataset import TFRecordDataset
    from msg_stylegan.data.statistics import dataset_info, info_table

    dataset = TFRecordDataset(args.dir)
    with _progress("Reading", dataset.num_images) as progress:
        facts = dataset_info(args.dir, progress.update)
    print(info_table(facts))
    if args.sheet:
        write_contact_sheet(dataset, args.sheet)
        print(f"Samples: {args.sheet}")


def extract(args):
    from msg_stylegan.data.dataset import TFRecordDataset
    from msg_stylegan.data.extraction import extract

    with _progress("Writing", TFRecordDataset(args.dir).num_images) as progress:
        num_images = extract(args.dir, args.out, progress.update)
    print(f"{args.out}: {count_of(num_images, 'image')}")


def compare(args):
    """Returns whether the data sets differ: the exit status."""
    from msg_stylegan.data.comparison import compare, comparison_text
    from msg_stylegan.data.dataset import TFRecordDataset

    num_images = min(TFRecordDataset(path).num_images for path in (args.dir_a, args.dir_b))
    with _progress("Comparing", num_images) as progress:
        comparison = compare(args.dir_a, args.dir_b, bool(args.ignore_labels), progress.update)
    print(comparison_text(comparison))
    return [] if comparison.equal else [f"{args.dir_a} and {args.dir_b} are different."]


def display(args):
    from PIL import Image

    from msg_stylegan.data.contact_sheet import has_screen, write_contact_sheet
    from msg_stylegan.data.dataset import TFRecordDataset

    directory = Path(args.dir).absolute()
    sheet = args.sheet or directory.with_name(f"{directory.name}-sheet.png")
    write_contact_sheet(TFRecordDataset(directory), sheet)
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
        _add_create(commands, name, _of_folder(open_added), "FOLDER", _first_line(open_added))
    _add_inspection(commands)
    return parser


def _of_folder(open_folder):
    """Function of the arguments that opens a source which wants only its folder."""
    return lambda args: open_folder(args.folder)


def _first_line(documented):
    return (documented.__doc__ or "an extension").splitlines()[0].rstrip(".")


def _add_originals(commands):
    def add(name, open_source, of_what, folder):
        return _add_create(commands, name, open_source, "FOLDER", of_what, folder)

    mnist = "folder of train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz"
    lmdb = "folder of an LMDB database"
    add("mnist", _of_folder(open_mnist), "MNIST, 32x32 with labels", mnist)

    command = add(
        "mnistrgb",
        lambda args: MnistRgbSource(args.folder, args.num_images, args.random_seed),
        "MNIST in three colours",
        mnist,
    )
    command.add_argument("--num_images", type=int, default=1_000_000, help=_default("how many"))
    command.add_argument("--random_seed", type=int, default=123, help=_default("seed"))

    folder = "folder of data_batch_1 to data_batch_5"
    add("cifar10", _of_folder(open_cifar10), "CIFAR-10, 32x32 with labels", folder)
    folder = "folder of the file train"
    add("cifar100", _of_folder(open_cifar100), "CIFAR-100, 32x32 with labels", folder)
    folder = "folder of train_32x32.mat or of train_1.pkl to train_3.pkl, or a .mat file"
    add("svhn", _of_folder(open_svhn), "SVHN, 32x32 with labels", folder)

    command = add(
        "lsun",
        lambda args: LsunSource(args.folder, args.resolution, args.max_images),
        "a category of LSUN, cut square",
        lmdb,
    )
    command.add_argument("--resolution", type=int, default=256, help=_default("side"))
    _add_max_images(command)

    command = add(
        "lsun_wide",
        lambda args: LsunWideSource(args.folder, args.width, args.height, args.max_images),
        "a category of LSUN between black bars",
        lmdb,
    )
    command.add_argument("--width", type=int, default=512, help=_default("width and side"))
    command.add_argument("--height", type=int, default=384, help=_default("height without bars"))
    _add_max_images(command)

    folder = "folder of img_align_celeba_png or img_align_celeba, or img_align_celeba.zip"
    command = add(
        "celeba",
        lambda args: CelebaSource(args.folder, args.cx, args.cy),
        "CelebA, faces of 128x128",
        folder,
    )
    command.add_argument("--cx", type=int, default=89, help=_default("column of the centre"))
    command.add_argument("--cy", type=int, default=121, help=_default("row of the centre"))


def _add_create_from_images(commands):
    folder = "folder of images, also at gs://..., zip or tar archive, or text file of paths"
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
        name: Of the command, without "create_".
        open_source: Function of the parsed arguments that returns the source of the images.
        folder: What stands in the help for the argument `folder`; None if there is none.
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
    group = command.add_argument_group("storage and speed")
    group.add_argument(
        "--encoding",
        choices=record_format.ENCODINGS,
        default="raw",
        help=_default("raw is the original's; png is smaller, jpeg loses some quality"),
    )
    group.add_argument(
        "--levels",
        choices=LEVELS,
        default="all",
        help=_default("all resolutions as the original, or the top one, which training needs"),
    )
    group.add_argument(
        "--shards", metavar="N", type=int, default=1, help=_default("files per level")
    )
    group.add_argument(
        "--workers", metavar="N", type=int, default=None, help="processes (default: all cores)"
    )
    group.add_argument(
        "--strict", action="store_true", help="stop at the first image that cannot be used"
    )
    group.add_argument(
        "--drop_duplicates",
        action="store_true",
        help="leave out images with the same pixels as an earlier one",
    )
    group.add_argument(
        "--runner",
        metavar="NAME",
        help="make the shards by an Apache Beam pipeline, such as DirectRunner or DataflowRunner",
    )
    group.add_argument("--beam_options", metavar="TEXT", default="", help="more options for it")
    command.set_defaults(run=lambda args: _create(args, open_source(args)))
    return command


def _add_shuffle(command):
    command.add_argument(
        "--shuffle",
        type=int,
        choices=(0, 1),
        default=1,
        help=_default("1: in a fixed random order; 0: in their own order"),
    )


def _add_max_images(command):
    command.add_argument("--max_images", metavar="N", type=int, help="stop after so many")


def _add_inspection(commands):
    command = _add_look(commands, "verify", verify_directory, "check a data set")
    command.add_argument("--workers", metavar="N", type=int, help="processes (default: all cores)")

    command = _add_look(commands, "info", info, "describe a data set")
    command.add_argument("--sheet", metavar="FILE.png", help="also write a sheet of samples")

    command = _add_look(commands, "extract", extract, "write the images as PNG files")
    command.add_argument("out", metavar="OUT", help="folder to make")

    command = _add_look(commands, "display", display, "show some images of a data set")
    command.add_argument(
        "--sheet", metavar="FILE.png", help="file to write (default: DIR-sheet.png)"
    )

    command = commands.add_parser(
        "compare",
        help="compare two data sets",
        description="Compares two data sets. The exit status is 0 if they are equal, else 1.",
    )
    command.add_argument("dir_a", metavar="DIR_A", help="folder of a data set")
    command.add_argument("dir_b", metavar="DIR_B", help="folder of another")
    command.add_argument(
        "--ignore_labels", type=int, choices=(0, 1), default=0, help=_default("1: only images")
    )
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
    """Makes the data set, in the order of `--shuffle` or else as the source wants it."""
    for warning in getattr(source, "warnings", ()):
        print(f"warning: {warning}", file=sys.stderr)
    shuffled = args.shuffle if "shuffle" in args else source.shuffled
    order = shuffled_order(source.num_images) if shuffled else np.arange(source.num_images)
    # All that decides the result.
    command = {
        name: value
        for name, value in sorted(vars(args).items())
        if name not in ("out", "workers", "runner", "beam_options", "run")
    }
    manifest = _convert(
        args,
        source,
        order=order,
        command=command,
        encoding=args.encoding,
        levels=args.levels,
        num_shards=args.shards,
        strict=args.strict,
    )
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


def _convert(args, source, **options):
    """Makes the data set in this computer, or by a pipeline."""
    if args.runner is None:
        workers = num_cores() if args.workers is None else args.workers
        return convert(
            source, args.out, num_workers=workers, drop_duplicates=args.drop_duplicates, **options
        )
    if args.drop_duplicates:
        raise ValueError("`--drop_duplicates` does not go with `--runner`: shards are made apart.")
    from msg_stylegan.data.beam_conversion import convert_with_beam

    arguments = [f"--runner={args.runner}", *shlex.split(args.beam_options)]
    return convert_with_beam(source, args.out, beam_arguments=arguments, **options)


def _progress(text, num_images):
    return tqdm(desc=text, total=num_images, unit=" images", smoothing=0.05)


def _summary(directory, facts):
    """One line about a data set; `facts` is a `TFRecordDataset` or what `verify` returns."""
    num_bytes = sum(path.stat().st_size for path in Path(directory).iterdir())
    color = "grayscale" if facts.num_channels == 1 else "RGB"
    labels = f"labels of size {facts.label_size}" if facts.label_size else "no labels"
    return (
        f"{directory}: {count_of(facts.num_images, 'image')}, "
        f"{facts.resolution}x{facts.resolution}, {color}, {labels}, {num_bytes / 2**20:.1f} MiB"
    )
