"""A sheet with all scales of each seed.

Writes OUTDIR/multiscale.png: the scales of a seed side by side, low to high, each enlarged to full
size by repeated pixels; or one above the other (tower, the highest on top), or in a square (grid).
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    add_layout_arguments,
    add_scales_argument,
    add_seed_arguments,
    layout_of,
)
from msg_stylegan.generation.seed_images import SeedImages
from msg_stylegan.pictures.sheets import scale_sheet


def add_arguments(parser):
    add_seed_arguments(parser)
    add_scales_argument(parser, "all")
    add_layout_arguments(parser, "the scales of a seed")


def run(args):
    source = SeedImages(args, args.scales)
    samples = [source.images(seed) for seed in tqdm(args.seeds, unit="img", disable=None)]
    scales = [np.concatenate(scale) for scale in zip(*samples, strict=True)]
    sheet = scale_sheet(scales, **layout_of(args))
    facts = {"scales": ",".join(map(str, source.resolutions)), "layout": args.layout}
    source.save(sheet, "multiscale.png", args.seeds, facts)
