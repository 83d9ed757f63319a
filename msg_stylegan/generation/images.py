"""One PNG per seed.

Writes OUTDIR/seed0000.png and so on; with --domain both, seed0000_a.png and seed0000_b.png, the
images of the same latent in both domains of a pair. With --direction, what the command `directions`
found is added to w, so each image is changed in the same way; several directions add up. With
--w, the image is one that the command `project` has found the w of, or the explorer has saved.
"""

from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    BOTH,
    DOMAINS,
    add_scale_argument,
    add_seed_arguments,
    add_w_argument,
    check_seeds_or_w,
    finite,
)
from msg_stylegan.generation.sample import Edit, Sample, WPoint
from msg_stylegan.generation.seed_images import SeedImages, open_seed_images
from msg_stylegan.wording import count_of


def add_arguments(parser):
    add_seed_arguments(parser, required=False, domains=(*DOMAINS, BOTH))
    add_w_argument(parser, "the projection.npz of an image by the command project")
    add_scale_argument(parser)
    parser.add_argument(
        "--direction",
        nargs="+",
        metavar="FILE:i",
        help="change the images along direction i of a file of the command directions, or along "
        "several of them at once",
    )
    parser.add_argument(
        "--strength",
        nargs="+",
        type=finite,
        metavar="S",
        help="how far, in either direction, once for all directions or once for each; about 1 to 6 "
        "can be seen (default: 3)",
    )


def run(args):
    from msg_stylegan.projection import read_projection

    check_seeds_or_w(args)
    if args.strength is not None and args.direction is None:
        raise ValueError("--strength needs --direction.")
    if args.domain == BOTH and args.direction is not None:
        raise ValueError("--direction belongs to one domain: --domain a or --domain b.")
    edits = _edits(args)
    if args.w is None:
        sources = open_seed_images(args, args.scale)
        samples = {f"seed{s:04d}": sources[0].sample(s, edits) for s in args.seeds}
    else:
        found = read_projection(args.w)
        sources = [SeedImages(args, args.scale, found.noise_maps)]
        point = WPoint(found.ws, str(args.w))
        samples = {args.w.stem: Sample(point, sources[0].look, edits=edits)}
    suffixes = ("_a", "_b") if len(sources) > 1 else ("",)
    for name, sample in tqdm(samples.items(), unit="img", disable=None):
        for suffix, source in zip(suffixes, sources, strict=True):
            source.save_sample(sample, args.outdir / f"{name}{suffix}.png")
    print(f"{count_of(len(samples) * len(sources), 'image')} in {args.outdir}")


def _edits(args):
    """Tuple of the `Edit`s that the options describe."""
    from msg_stylegan.sampling.style_directions import read_direction

    names, strengths = args.direction or [], args.strength or [3.0]
    if len(strengths) == 1:
        strengths = strengths * len(names)
    if len(strengths) != len(names):
        raise ValueError(
            f"Give --strength once for all directions or once for each of the {len(names)}. "
            f"Received {len(strengths)}."
        )
    pairs = zip(names, strengths, strict=True)
    return tuple(Edit(read_direction(name), strength, name) for name, strength in pairs)
