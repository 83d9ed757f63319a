"""A sheet with the images of each seed in both domains of a pair, at all scales.

Writes OUTDIR/pairs.png: for each seed the scales of domain A and, to their right, those of domain
B, each enlarged to full size by repeated pixels. Both images have the same latent, the same noise
and, where both domains have labels, the same label. `images --domain both` writes single files.
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    BOTH,
    add_layout_arguments,
    add_scales_argument,
    add_seed_arguments,
    layout_of,
)
from msg_stylegan.generation.seed_images import open_seed_images, side_by_side_scales
from msg_stylegan.pictures.sheets import scale_sheet


def add_arguments(parser):
    add_seed_arguments(parser, seeds="a pair for each", domains=(BOTH,))
    add_scales_argument(parser, "all")
    add_layout_arguments(parser, "the scales of an image")


def run(args):
    a, b = open_seed_images(args, args.scales)
    samples = [
        side_by_side_scales(a.images(seed), b.images(seed))
        for seed in tqdm(args.seeds, unit="pair", disable=None)
    ]
    scales = [np.concatenate(scale) for scale in zip(*samples, strict=True)]
    sheet = scale_sheet(scales, together=2, **layout_of(args))
    facts = {"scales": ",".join(map(str, a.resolutions)), "layout": args.layout, "domain": BOTH}
    a.save(sheet, "pairs.png", args.seeds, facts)
