"""A row per class, a column per seed.

Writes OUTDIR/classes.png for a network with classes: those that it was trained with. A column has
the same latent and the same noise in every row, so the rows differ by the class alone.
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import add_seed_arguments, add_sheet_arguments
from msg_stylegan.generation.seed_images import SeedImages
from msg_stylegan.pictures.sheets import enlarge, image_grid


def add_arguments(parser):
    add_seed_arguments(parser, seeds="a column for each", one_label=False)
    add_sheet_arguments(parser)


def run(args):
    source = SeedImages(args, args.scale)
    table = source.label_table
    if not table.label_size:
        raise ValueError(
            "This network was trained without labels, so it has no classes to show. Train with "
            "--config.dataset.max_label_size=-1 on a data set with labels."
        )
    if table.classes is None:
        raise ValueError(
            f"The labels of this network are not classes, but vectors of {table.label_size} "
            "numbers. The command images draws them, with --label one that you choose."
        )
    images = []
    for number in tqdm(table.classes, unit="row", disable=None):
        for seed in args.seeds:
            ws = source.map(source.z(seed), table.of_class(number))
            images.append(source.draw(ws, seed)[-1])
    sheet = image_grid(np.concatenate(images), (len(args.seeds), len(table.classes)))
    facts = table.class_metadata(table.classes.tolist())
    source.save(enlarge(sheet, args.zoom), "classes.png", args.seeds, facts)
