"""A style-mixing table.

Writes OUTDIR/mixing.png. Its head shows the images of --seeds, its left column those of --rows. An
image inside is that of its row with some layers of the image of its column: low layers decide pose
and shape, high ones colours and details. Layers are numbered from the lowest resolution, two for
each.
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    add_seed_arguments,
    add_sheet_arguments,
    parse_layers,
    parse_seeds,
)
from msg_stylegan.generation.sample import mix_styles
from msg_stylegan.generation.seed_images import SeedImages
from msg_stylegan.pictures.sheets import enlarge, tile

# Coarse, middle and fine styles, in the words of StyleGAN: up to 8x8, 32x32 and beyond.
_FIRST_LAYERS = (0, 4, 8)


def add_arguments(parser):
    add_seed_arguments(parser, seeds="one column for each")
    parser.add_argument(
        "--rows", required=True, type=parse_seeds, metavar="SEEDS", help="seeds of the rows"
    )
    parser.add_argument(
        "--layers",
        nargs="+",
        type=parse_layers,
        metavar="LAYERS",
        help="layers that come from the column, such as 0-3 or 4,6-7: one set for all rows, or one "
        "for each row (default: the first rows 0-3, the next ones 4-7, the last ones the others)",
    )
    add_sheet_arguments(parser)


def run(args):
    source = SeedImages(args, args.scale)
    layers = layers_of_rows(args.layers, len(args.rows), source.G.num_ws)
    white = np.full_like(source.images(args.seeds[0])[-1], 255)
    columns = {seed: source.ws(seed) for seed in args.seeds}
    pictures = [white, *(source.images(seed)[-1] for seed in args.seeds)]
    total = len(args.rows) * (1 + len(args.seeds))
    with tqdm(total=total, unit="img", disable=None) as progress:
        for seed, of_column in zip(args.rows, layers, strict=True):
            row = source.ws(seed)
            pictures.append(source.draw(row, seed)[-1])
            progress.update()
            for column in columns.values():
                pictures.append(source.draw(mix_styles(row, column, of_column), seed)[-1])
                progress.update()
    sheet = tile(enlarge(np.concatenate(pictures), args.zoom), 1 + len(args.seeds))
    facts = {
        "rows": ",".join(map(str, args.rows)),
        "layers": " ".join(",".join(map(str, of_column)) for of_column in layers),
    }
    source.save(sheet, "mixing.png", args.seeds, facts)


def layers_of_rows(layers, num_rows, num_ws):
    """Layers that each row takes from the columns.

    Args:
        layers: List of lists of layers, one or `num_rows`; None for the default.
        num_rows: Number of rows.
        num_ws: Layers of the network.

    Returns:
        List of `num_rows` lists.

    Raises:
        ValueError: The network cannot mix or does not have these layers, or there are not as many
            sets as rows.
    """
    if num_ws == 1:
        raise ValueError(
            "This network takes one vector for all its layers: it has no styles to be mixed."
        )
    if layers is None:
        starts = [start for start in _FIRST_LAYERS if start < num_ws]
        ends = [*starts[1:], num_ws]
        sets = [list(range(*ends_of)) for ends_of in zip(starts, ends, strict=True)]
        return [sets[row * len(sets) // num_rows] for row in range(num_rows)]
    highest = max(max(of_row) for of_row in layers)
    if highest >= num_ws:
        raise ValueError(f"This network has the layers 0 to {num_ws - 1}. --layers has {highest}.")
    if len(layers) == 1:
        return layers * num_rows
    if len(layers) != num_rows:
        raise ValueError(
            f"Give --layers once for all rows or once for each of the {num_rows} rows. "
            f"Received {len(layers)}."
        )
    return layers
