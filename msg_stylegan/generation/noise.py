"""What the noise inputs do: the same latent with other noise.

Writes OUTDIR/noise.png with a row per seed: the image with different noise and, last, a map of how
much each pixel changes with the noise (standard deviation; the brightest is white). With several
--noise_scales there is a row for each of them.
"""

import contextlib

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    BadArgumentError,
    add_count_argument,
    add_scales_argument,
    add_seed_arguments,
    add_zoom_argument,
    parse_range,
)
from msg_stylegan.generation.seed_images import SeedImages, check_noise_inputs
from msg_stylegan.pictures.deviation_map import StandardDeviation, brightness
from msg_stylegan.pictures.sheets import scale_sheet


def add_arguments(parser):
    add_seed_arguments(parser, seeds="one row for each", noise_mode="random")
    add_count_argument(parser, "--shown", 4, "images with different noise that are shown")
    add_count_argument(parser, "--repeats", 50, "images with different noise for the map")
    parser.add_argument(
        "--noise_scales",
        nargs="+",
        type=parse_noise_scales,
        default=[("all", 0, float("inf"))],
        metavar="SCALES",
        help="resolutions whose layers have noise, such as: all none 4-32 64-1024 (default: all)",
    )
    add_scales_argument(parser, "top")
    add_zoom_argument(parser)


def run(args):
    source = SeedImages(args, args.scales)
    check_noise_inputs(source.G)
    rows = list(_rows(source, args))
    # One brightness for all maps, so that they can be compared.
    white = max(deviation.max() for _, deviations in rows for deviation in deviations)
    channels = source.G.num_channels
    samples = []
    for shown, deviations in rows:
        maps = [brightness(deviation, white, channels)[None] for deviation in deviations]
        samples += [*shown, maps]
    scales = [np.concatenate(scale) for scale in zip(*samples, strict=True)]
    sheet = scale_sheet(scales, columns=args.shown + 1, zoom=args.zoom)
    facts = {
        "noise_scales": " ".join(name for name, _, _ in args.noise_scales),
        "repeats": max(args.repeats, args.shown),
        "white_is_deviation": round(float(white), 3),
    }
    source.save(sheet, "noise.png", args.seeds, facts)


def _rows(source, args):
    """Yields for each row the images to show and the maps, both for every scale."""
    repeats = max(args.repeats, args.shown)
    total = len(args.seeds) * len(args.noise_scales) * repeats
    with tqdm(total=total, unit="img", disable=None) as progress:
        for seed in args.seeds:
            ws = source.ws(seed)
            for _, first, last in args.noise_scales:
                shown, deviations = [], [StandardDeviation() for _ in source.resolutions]
                with _noise_between(source.G, first, last):
                    for number in range(repeats):
                        images = source.draw(ws, seed, noise_number=number)
                        for deviation, image in zip(deviations, images, strict=True):
                            deviation.add(image[0])
                        if number < args.shown:
                            shown.append(images)
                        progress.update()
                yield shown, [deviation.result() for deviation in deviations]


def parse_noise_scales(text):
    """Parses `all`, `none`, or resolutions such as `64` or `4-32`.

    Returns:
        Tuple of the text, the lowest and the highest resolution.
    """
    named = {"all": (0, float("inf")), "none": (0, 0)}
    first, last = named.get(text) or parse_range(text) or (1, 0)
    if first > last:
        raise BadArgumentError(f"expected all, none or resolutions such as 4-32, received {text!r}")
    return text, first, last


@contextlib.contextmanager
def _noise_between(G, first, last):
    """Silences the noise of the blocks of other resolutions inside a `with` block."""
    strengths = {}
    for layer in G.synthesis.noise_layers:
        if not first <= layer.resolution <= last:
            strengths[layer] = np.array(layer.strength)
            layer.strength.assign(np.zeros(layer.strength.shape, np.float32))
    try:
        yield
    finally:
        for layer, strength in strengths.items():
            layer.strength.assign(strength)
