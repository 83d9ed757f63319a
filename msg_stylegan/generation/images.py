"""One PNG per seed.

Writes OUTDIR/seed0000.png and so on; with --domain both, seed0000_a.png and seed0000_b.png, the
images of the same latent in both domains of a pair. With --direction, what the command `directions`
found is added to w, so each image is changed in the same way; with --w, the image is one that the
command `project` has found the w of.
"""

from pathlib import Path

from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    BOTH,
    DOMAINS,
    add_scale_argument,
    add_seed_arguments,
    finite,
)
from msg_stylegan.generation.seed_images import SeedImages, open_seed_images
from msg_stylegan.pictures.sheets import save_image
from msg_stylegan.wording import count_of


def add_arguments(parser):
    add_seed_arguments(parser, required=False, domains=(*DOMAINS, BOTH))
    parser.add_argument(
        "--w",
        type=Path,
        metavar="FILE",
        help="instead of --seeds: the projection.npz of an image by the command project",
    )
    add_scale_argument(parser)
    parser.add_argument(
        "--direction",
        metavar="FILE:i",
        help="change the images along direction i of a file of the command directions",
    )
    parser.add_argument(
        "--strength",
        type=finite,
        metavar="S",
        help="how far, in either direction; about 1 to 6 can be seen (default: 3)",
    )


def run(args):
    from msg_stylegan.projection import read_projection
    from msg_stylegan.sampling.style_directions import direction_shift, read_direction

    if (args.seeds is None) == (args.w is None):
        raise ValueError("Give either --seeds or --w.")
    if args.w is not None and (args.label_class or args.label):
        raise ValueError("--class and --label go with --seeds: a w has its label in it already.")
    if args.strength is not None and args.direction is None:
        raise ValueError("--strength needs --direction.")
    if args.domain == BOTH and (args.w is not None or args.direction is not None):
        raise ValueError("--w and --direction belong to one domain: --domain a or --domain b.")
    if args.w is None:
        projection = None
        source, *others = open_seed_images(args, args.scale)
    else:
        projection = read_projection(args.w)
        source, others = SeedImages(args, args.scale, projection.noise_maps), []
    shift, facts = None, {}
    if args.direction is not None:
        strength = 3.0 if args.strength is None else args.strength
        shift = direction_shift(read_direction(args.direction), strength, source.G.num_ws)
        facts = {"direction": Path(args.direction).name, "strength": strength}
    if projection is not None:
        _draw_projection(source, projection, shift, args, facts)
        return
    sources = {"": source} if not others else {"_a": source, "_b": others[0]}
    for seed in tqdm(args.seeds, unit="img", disable=None):
        for suffix, source in sources.items():
            path = args.outdir / f"seed{seed:04d}{suffix}.png"
            save_image(source.images(seed, shift)[-1][0], path, source.metadata([seed], facts))
    print(f"{count_of(len(args.seeds) * len(sources), 'image')} in {args.outdir}")


def _draw_projection(source, projection, shift, args, facts):
    ws = projection.ws[None]
    if ws.shape[1:] != (source.G.num_ws, source.G.w_dim):
        raise ValueError(
            f"{args.w} holds {list(ws.shape[1:])} numbers, but the network takes "
            f"[{source.G.num_ws}, {source.G.w_dim}]: it is the projection by another network."
        )
    image = source.draw(ws if shift is None else ws + shift, 0)[-1][0]
    source.save(image, f"{args.w.stem}.png", [], {"w": str(args.w), **facts})
