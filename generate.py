"""Draws pictures with a trained generator: `python generate.py COMMAND --help`."""

import argparse
import os
import re
import sys
from pathlib import Path

# Before TensorFlow is imported: its start-up messages would drown ours.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from tqdm import tqdm

import config
from msg_stylegan import load_networks
from msg_stylegan.exit_status import exit_status
from msg_stylegan.image_grids import contact_sheet, save_image
from msg_stylegan.networks import newest_snapshot
from msg_stylegan.sampling import Sampler, classes_of_seeds, z_of_seeds
from msg_stylegan.training.run_directory import find_run

MAX_SEED = 2**32 - 1
MAX_NUM_SEEDS = 1_000_000


def images(args):
    """Writes one PNG per seed."""
    source = SeedImages(args, [args.scale] if args.scale else None)
    for seed in tqdm(args.seeds, unit="img", disable=None):
        image = source.images(seed)[-1]
        save_image(image[0], args.outdir / f"seed{seed:04d}.png", source.metadata([seed]))
    print(f"{len(args.seeds)} images in {args.outdir}")


def multiscale(args):
    """Writes one sheet: a row per seed, a column per scale."""
    source = SeedImages(args)
    samples = [source.images(seed) for seed in tqdm(args.seeds, unit="img", disable=None)]
    scales = [np.concatenate(scale) for scale in zip(*samples, strict=True)]
    sheet = contact_sheet(scales, columns=args.columns, zoom=args.zoom)
    path = args.outdir / "multiscale.png"
    save_image(sheet, path, source.metadata(args.seeds))
    print(path)


class SeedImages:
    """Images that belong to seeds, drawn as the common options say.

    They are drawn one at a time, so that the image of a seed is the same, to the last bit, whatever
    other seeds are asked for.
    """

    def __init__(self, args, resolutions=None):
        """Opens the networks; `resolutions` are the scales to draw, None for all."""
        self._args = args
        self._snapshot = find_snapshot(args.network, args.result_dir)
        self._G = load_networks(self._snapshot).G_ema
        if args.label_class is not None and args.label_class >= self._G.label_size:
            raise ValueError(
                f"--class {args.label_class} is not possible: "
                + (
                    f"this network has classes 0 to {self._G.label_size - 1}."
                    if self._G.label_size
                    else "this network was trained without labels."
                )
            )
        self._sampler = Sampler(
            self._G,
            1,
            resolutions=resolutions,
            truncation_psi=args.truncation_psi,
            truncation_cutoff=args.truncation_cutoff,
            noise_mode=args.noise_mode,
        )

    def images(self, seed):
        """List of uint8 arrays `[1, r, r, C]`, one per scale, low to high."""
        labels = None
        if self._G.label_size:
            labels = np.eye(self._G.label_size, dtype=np.float32)[self._classes([seed])]
        return self._sampler(z_of_seeds([seed], self._G.z_dim), labels, seed=seed)

    def metadata(self, seeds):
        """Facts to be stored in a picture of these seeds."""
        facts = {
            "network": self._snapshot.name,
            "seed": ",".join(map(str, seeds)),
            "truncation_psi": self._args.truncation_psi,
            "truncation_cutoff": self._args.truncation_cutoff,
            "noise_mode": self._args.noise_mode,
        }
        if self._G.label_size:
            facts["class"] = ",".join(map(str, self._classes(seeds)))
        return facts

    def _classes(self, seeds):
        if self._args.label_class is not None:
            return [self._args.label_class] * len(seeds)
        return classes_of_seeds(seeds, self._G.label_size)


def find_snapshot(network, result_dir):
    """Path of a snapshot file: itself, or the newest one of a folder or run (see `find_run`)."""
    path = Path(network)
    if path.is_file():
        return path
    if path.suffix == ".keras":
        raise FileNotFoundError(f"There is no snapshot {path}.")
    return newest_snapshot(path if path.is_dir() else find_run(result_dir, network))


def parse_seeds(text):
    """Parses seeds such as `0-31,77`.

    Args:
        text: Numbers and ranges (both ends included) separated by commas, without spaces.

    Returns:
        List of different whole numbers from 0 to 2**32 - 1, in the order of the text.

    Raises:
        ValueError: Anything else.
    """
    seeds = {}
    for item in text.split(","):
        match = re.fullmatch("([0-9]+)(?:-([0-9]+))?", item)
        if not match:
            raise ValueError(f"expected seeds such as 0-31,77, received {item!r} in {text!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise ValueError(f"the range {item} runs backwards, write {last}-{first}")
        if last > MAX_SEED:
            raise ValueError(f"seeds go up to {MAX_SEED}, received {item}")
        if len(seeds) + last - first >= MAX_NUM_SEEDS:
            raise ValueError(f"{text} are more than {MAX_NUM_SEEDS} seeds")
        for seed in range(first, last + 1):
            if seed in seeds:
                raise ValueError(f"seed {seed} occurs twice in {text}")
            seeds[seed] = None
    return list(seeds)


def build_parser():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--network",
        required=True,
        metavar="FILE|RUN",
        help='snapshot file, or run (its newest snapshot): its folder, its number or "latest"',
    )
    common.add_argument(
        "--seeds",
        required=True,
        type=_argument(parse_seeds),
        help="one image for each, such as 0-31,77",
    )
    common.add_argument(
        "--class",
        dest="label_class",
        type=_argument(_not_negative),
        metavar="K",
        help="class of a network with labels (default: a class drawn by the seed)",
    )
    common.add_argument(
        "--truncation_psi",
        type=float,
        default=0.7,
        metavar="PSI",
        help="less than 1 trades variety for quality (default: %(default)s)",
    )
    common.add_argument(
        "--truncation_cutoff",
        type=_argument(_not_negative),
        default=8,
        metavar="LAYERS",
        help="number of layers that are truncated (default: %(default)s)",
    )
    common.add_argument(
        "--noise_mode",
        choices=("const", "random", "none"),
        default="const",
        help="noise inputs: the stored ones, drawn by the seed, or none (default: %(default)s)",
    )
    common.add_argument(
        "--outdir", required=True, type=Path, metavar="DIR", help="folder for the pictures"
    )
    common.add_argument(
        "--result_dir",
        default=config.result_dir,
        metavar="DIR",
        help="folder of the runs (default: %(default)s)",
    )

    parser = argparse.ArgumentParser(
        prog="generate.py", description="Draws pictures with a trained generator."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    command = commands.add_parser(
        "images",
        parents=[common],
        help="one PNG per seed",
        description="Writes OUTDIR/seed0000.png and so on.",
    )
    command.add_argument(
        "--scale",
        type=int,
        metavar="PIXELS",
        help="size of the images, one of the scales of the network (default: the largest)",
    )
    command.set_defaults(run=images)

    command = commands.add_parser(
        "multiscale",
        parents=[common],
        help="a sheet with all scales of each seed",
        description="Writes OUTDIR/multiscale.png: the scales of a seed side by side, low to "
        "high, each enlarged to full size.",
    )
    command.add_argument(
        "--columns",
        type=_argument(_positive),
        default=1,
        metavar="N",
        help="seeds side by side (default: %(default)s)",
    )
    command.add_argument(
        "--zoom",
        type=_argument(_positive),
        default=1,
        metavar="N",
        help="enlarge the sheet, for networks of small images (default: %(default)s)",
    )
    command.set_defaults(run=multiscale)
    return parser


def main(argv=None):
    """Runs one command.

    Returns:
        Exit status, see `exit_status`; 2 for wrong usage, by argparse.
    """
    args = build_parser().parse_args(argv)
    return exit_status(
        lambda: args.run(args), interrupted="Interrupted. Pictures up to now are kept."
    )


def _argument(parse):
    """Makes argparse show the message of a ValueError."""

    def parse_or_explain(text):
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_or_explain


def _positive(text):
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"expected a whole number of at least 1, received {text!r}")
    return int(text)


def _not_negative(text):
    if not text.isdecimal():
        raise ValueError(f"expected a whole number of at least 0, received {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
