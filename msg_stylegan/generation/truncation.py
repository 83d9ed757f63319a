"""The truncation trick: the same seeds with different psi.

Writes OUTDIR/truncation.png with a row for each psi and a column for each seed. At psi 0 all are
the mean image; below 0 they are their opposites.
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import add_seed_arguments, add_sheet_arguments, parse_numbers
from msg_stylegan.generation.seed_images import SeedImages
from msg_stylegan.pictures.sheets import enlarge, tile


def add_arguments(parser):
    add_seed_arguments(parser, seeds="one column for each", cutoff=None)
    parser.add_argument(
        "--psis",
        type=parse_numbers,
        default=[1.0, 0.7, 0.5, 0.0, -0.5, -1.0],
        metavar="NUMBERS",
        help="psi of each row, instead of --truncation_psi (default: 1,0.7,0.5,0,-0.5,-1)",
    )
    add_sheet_arguments(parser)


def run(args):
    if args.truncation_psi is not None:
        raise ValueError("--psis has the psi of each row: give it instead of --truncation_psi.")
    source = SeedImages(args, args.scale)
    if not source.G.has_w_avg:
        raise ValueError("This network has no mapping layers and no w: nothing to truncate.")
    pictures = []
    for psi in tqdm(args.psis, unit="row", disable=None):
        for seed in args.seeds:
            ws = source.map(source.z(seed), source.labels(seed), truncation_psi=psi)
            pictures.append(source.draw(ws, seed)[-1])
    sheet = tile(enlarge(np.concatenate(pictures), args.zoom), len(args.seeds))
    facts = {"truncation_psi": ",".join(f"{psi:g}" for psi in args.psis)}
    source.save(sheet, "truncation.png", args.seeds, facts)
