"""A sheet of many seeds, not chosen by anyone.

Writes OUTDIR/uncurated.png: columns of images that shrink from left to right, so that both details
and variety can be judged. Each column goes on with the next seeds.
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import add_seed_arguments, add_sheet_arguments
from msg_stylegan.generation.seed_images import SeedImages
from msg_stylegan.pictures.sheets import enlarge, uncurated_sheet


def add_arguments(parser):
    add_seed_arguments(parser, seeds="seeds of the sheet, a multiple of 27 to fill it")
    add_sheet_arguments(parser)


def run(args):
    source = SeedImages(args, args.scale)
    images = [source.images(seed)[-1] for seed in tqdm(args.seeds, unit="img", disable=None)]
    sheet = uncurated_sheet(np.concatenate(images))
    source.save(enlarge(sheet, args.zoom), "uncurated.png", args.seeds)
