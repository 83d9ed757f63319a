"""Directions of w that change the images most, as a sheet and a file.

Writes OUTDIR/directions.json for `images --direction OUTDIR/directions.json:0 --strength 3`, and
OUTDIR/directions-seed0000.png and so on: a row for each direction, a column for each strength. The
directions follow from the weights alone (SeFa, Shen & Zhou 2021). A strength of 1 moves w by one
standard deviation of its components.
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    add_count_argument,
    add_scale_argument,
    add_seed_arguments,
    add_zoom_argument,
    parse_layers,
    parse_numbers,
)
from msg_stylegan.generation.seed_images import SeedImages
from msg_stylegan.pictures.sheets import enlarge, tile

# Seed of the w that the length of a step of strength 1 is measured with.
_SCALE_SEED = 0


def add_arguments(parser):
    add_seed_arguments(parser)
    add_scale_argument(parser)
    parser.add_argument(
        "--layers",
        type=parse_layers,
        metavar="LAYERS",
        help="layers that are analysed and edited, such as 0-3 (default: all)",
    )
    add_count_argument(parser, "--count", 6, "directions on the sheet; the file has all")
    parser.add_argument(
        "--strengths",
        type=parse_numbers,
        default=[-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0],
        metavar="S,S,...",
        help="columns of the sheet (default: -6,-4,-2,0,2,4,6)",
    )
    add_zoom_argument(parser)


def run(args):
    from msg_stylegan.sampling.style_directions import direction_shift, write_directions

    source = SeedImages(args, args.scale)
    directions, scale = measured_directions(source.G, source.label_table, args.layers)
    path = args.outdir / "directions.json"
    write_directions(path, directions, scale, source.network_facts)
    print(path)
    steps = [vector * scale for vector in directions.vectors[: args.count]]
    shown = {
        "directions": f"0-{len(steps) - 1}",
        "layers": ",".join(map(str, directions.layers)),
        "strengths": ",".join(f"{strength:g}" for strength in args.strengths),
    }
    for seed in tqdm(args.seeds, unit="sheet", disable=None):
        cells = [
            source.images(
                seed, direction_shift((step, directions.layers), strength, source.G.num_ws)
            )[-1]
            for step in steps
            for strength in args.strengths
        ]
        sheet = tile(enlarge(np.concatenate(cells), args.zoom), len(args.strengths), gap=3)
        source.save(sheet, f"directions-seed{seed:04d}.png", [seed], shown)


def measured_directions(G, labels, layers=None):
    """Directions of a generator, and how long a step is.

    Args:
        G: Generator.
        labels: `LabelTable`.
        layers: Numbers of the layers that are analysed; None for all.

    Returns:
        Tuple of `StyleDirections` and the length of a step of strength 1.

    Raises:
        ValueError: A layer does not exist, or the generator does not use w.
    """
    from msg_stylegan.projection import Latents
    from msg_stylegan.sampling.style_directions import find_directions

    return find_directions(G, layers), Latents.of(G, _SCALE_SEED, labels).scale
