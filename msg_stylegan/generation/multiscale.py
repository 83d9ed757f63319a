"""A sheet with all scales of each seed.

Writes OUTDIR/multiscale.png: the scales of a seed side by side, low to high, each enlarged to full
size by repeated pixels; or one above the other (tower, the highest on top), or in a square (grid).
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import add_columns_argument, add_zoom_argument
from msg_stylegan.generation.network_source import SeedImages, add_seed_arguments
from msg_stylegan.generation.scale_choice import add_scales_argument
from msg_stylegan.pictures.sheets import LAYOUTS, save_image, scale_sheet


def add_arguments(parser):
    add_seed_arguments(parser)
    add_scales_argument(parser, "all")
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="strip",
        help="order of the scales of a seed (default: %(default)s)",
    )
    add_columns_argument(parser)
    add_zoom_argument(parser)


def run(args):
    source = SeedImages(args, args.scales)
    samples = [source.images(seed) for seed in tqdm(args.seeds, unit="img", disable=None)]
    scales = [np.concatenate(scale) for scale in zip(*samples, strict=True)]
    sheet = scale_sheet(scales, columns=args.columns, zoom=args.zoom, layout=args.layout)
    path = args.outdir / "multiscale.png"
    facts = {"scales": _listed(source.resolutions), "layout": args.layout}
    save_image(sheet, path, source.metadata(args.seeds, facts))
    print(path)


def _listed(values):
    return ",".join(map(str, values))
