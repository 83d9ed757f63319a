"""A video of a walk through the latents.

Writes OUTDIR/interpolation.mp4 (or .gif, or a folder of PNG files). Paths:

  loop    smooth random walks without end, one for each seed, side by side
  slerp   one walk from the image of a seed to that of the next, and back to the first
  noise   the images of the seeds stand still, but each frame has new noise

In loop and slerp the noise stays the same, so that only the latent moves. With --domain both, each
picture of a pair of networks has its partner, which goes the same way, beside it.
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    BOTH,
    DOMAINS,
    add_choice_argument,
    add_count_argument,
    add_layout_arguments,
    add_scales_argument,
    add_seed_arguments,
    add_video_arguments,
    layout_of,
    positive_number,
)
from msg_stylegan.generation.seed_images import (
    check_noise_inputs,
    open_seed_images,
    side_by_side_scales,
)
from msg_stylegan.pictures.sheets import scale_sheet
from msg_stylegan.pictures.video import open_video
from msg_stylegan.sampling.latent_paths import (
    gaussian_loop,
    interpolation_of_w,
    key_frame_path,
    lerp,
    slerp,
)

# Options that are stored in the video.
_RECORDED = ("path", "points", "transition", "seconds", "smoothing", "open", "fps")


def add_arguments(parser):
    add_seed_arguments(
        parser,
        seeds="loop and noise: one walk for each; slerp: the key frames",
        domains=(*DOMAINS, BOTH),
    )
    add_choice_argument(parser, "--path", tuple(_PATHS), "loop", "what moves, see above")
    add_count_argument(parser, "--points", 12, "transitions in a loop or of noise")
    add_count_argument(
        parser, "--transition", 60, "frames from one point to the next", metavar="FRAMES"
    )
    parser.add_argument(
        "--seconds",
        type=positive_number,
        metavar="S",
        help="length of the video, instead of --points (loop, noise) or --transition (slerp)",
    )
    parser.add_argument(
        "--smoothing",
        type=positive_number,
        default=1.0,
        metavar="X",
        help="slowness of a loop: width of its filter in transitions (default: %(default)s)",
    )
    parser.add_argument(
        "--open", action="store_true", help="let slerp end at the last seed, not at the first"
    )
    add_scales_argument(parser, "top")
    add_layout_arguments(parser, "several scales")
    add_video_arguments(parser, fps=30)


def run(args):
    if args.path == "noise":
        args.noise_mode = "random"
    sources = open_seed_images(args, args.scales)
    (num_frames, *_), of_domains = zip(
        *(_PATHS[args.path](source, args) for source in sources), strict=True
    )
    walks = list(zip(*of_domains, strict=True))
    facts = {
        "frames": num_frames,
        "scales": ",".join(map(str, sources[0].resolutions)),
        **{name: getattr(args, name) for name in _RECORDED},
    }
    if len(sources) > 1:
        facts["domain"] = BOTH
    facts = sources[0].metadata(args.seeds, facts)
    path = args.outdir / "interpolation"
    with open_video(path, args.format, args.fps, args.codec, facts) as video:
        for i in tqdm(range(num_frames), unit="frame", disable=None):
            images = [side_by_side_scales(*(walk(i) for walk in pair)) for pair in walks]
            scales = [np.concatenate(scale) for scale in zip(*images, strict=True)]
            video.write(scale_sheet(scales, together=len(sources), **layout_of(args)))
    print(video.path)


# Each path returns the number of frames and, for each picture of a frame, a function from the
# number of the frame to the images at every scale.


def _loops(source, args):
    num_frames = _num_frames(args)
    sigma = args.smoothing * args.transition

    def loop(seed):
        z = gaussian_loop(seed, num_frames, source.G.z_dim, sigma)
        label = source.labels(seed)
        return lambda i: source.draw(source.map(z[i : i + 1], label), seed)

    return num_frames, [loop(seed) for seed in args.seeds]


def _key_frames(source, args):
    if len(args.seeds) < 2:
        raise ValueError("--path slerp needs at least two --seeds: one for each key frame.")
    transition = args.transition
    if args.seconds:
        steps = len(args.seeds) - args.open
        transition = max(1, round(args.seconds * args.fps / steps))

    def path(of_seed, interpolate):
        points = np.concatenate([of_seed(seed) for seed in args.seeds])
        return key_frame_path(points, transition, interpolate, closed=not args.open)

    z = path(source.z, slerp)
    labels = path(source.labels, lerp) if source.G.label_size else None

    def walk(i):
        label = None if labels is None else labels[i : i + 1]
        return source.draw(source.map(z[i : i + 1], label), args.seeds[0])

    return len(z), [walk]


def _standstills(source, args):
    check_noise_inputs(source.G)

    def standstill(seed):
        ws = source.ws(seed)
        return lambda i: source.draw(ws, seed, noise_number=i)

    return _num_frames(args), [standstill(seed) for seed in args.seeds]


def walk_between(samples, sampler, labels, *, transition, closed):
    """The pictures of a walk from sample to sample, with the noise of the first one.

    Args:
        samples: List of at least two `Sample`s, each met exactly.
        sampler: `SingleSampler`.
        labels: `LabelTable` of the network.
        transition: Frames from one sample to the next.
        closed: Whether the walk goes back to the first one.

    Yields:
        Tuple of the number of the picture, how many there are, and its scales: list of uint8
        `[1, r, r, C]`.
    """
    points = np.concatenate([sample.ws(sampler, labels) for sample in samples])
    path = key_frame_path(points, transition, interpolation_of_w(sampler.G), closed)
    for number, ws in enumerate(path):
        yield number, len(path), samples[0].draw(sampler, ws[None])


def _num_frames(args):
    if args.seconds:
        return max(1, round(args.seconds * args.fps))
    return args.points * args.transition


_PATHS = {"loop": _loops, "slerp": _key_frames, "noise": _standstills}
