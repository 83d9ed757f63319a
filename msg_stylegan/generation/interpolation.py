"""A video of a walk through the latents.

Writes OUTDIR/interpolation.mp4 (or .gif, or a folder of PNG files). Paths:

  loop    smooth random walks without end, one for each seed, side by side
  slerp   one walk from the image of a seed to that of the next, and back to the first
  noise   the images of the seeds stand still, but each frame has new noise

In loop and slerp the noise stays the same, so that only the latent moves. With --domain both, each
picture of a pair of networks has its partner, which goes the same way, beside it.

With --w instead of seeds, the walk goes from w to w, and back to the first one: through what the
command `project` has found, or what was kept in the explorer.
"""

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    BOTH,
    DOMAINS,
    add_layout_arguments,
    add_scales_argument,
    add_seed_arguments,
    add_video_arguments,
    add_w_argument,
    check_seeds_or_w,
    layout_of,
    positive,
    positive_number,
)
from msg_stylegan.generation.sample import Sample, WPoint
from msg_stylegan.generation.seed_images import (
    check_noise_inputs,
    open_seed_images,
    side_by_side_scales,
)
from msg_stylegan.pictures.sheets import scale_sheet
from msg_stylegan.pictures.video import open_video
from msg_stylegan.sampling.latent_paths import gaussian_loop, key_frame_path, lerp, slerp
from msg_stylegan.sampling.sampler import z_of_seeds

_DEFAULTS = {"path": "loop", "points": 12, "transition": 60, "smoothing": 1.0}
# Options that some walks have no use for -> those that have: values of --path, and --w.
_USERS = {"points": ("loop", "noise"), "smoothing": ("loop",), "open": ("slerp", "--w")}
# Options that are stored in the video of seeds.
_RECORDED = ("path", "points", "transition", "seconds", "smoothing", "open", "fps")


def add_arguments(parser):
    add_seed_arguments(
        parser,
        seeds="loop and noise: one walk for each; slerp: the key frames",
        required=False,
        domains=(*DOMAINS, BOTH),
    )
    add_w_argument(
        parser, "walk from w to w, in files of the command project or the explorer", nargs="+"
    )
    parser.add_argument(
        "--path",
        choices=tuple(_PATHS),
        help=f"what moves, see above (default: {_DEFAULTS['path']})",
    )
    for name, metavar, what in (
        ("points", "N", "transitions in a loop or of noise"),
        ("transition", "FRAMES", "frames from one point to the next"),
    ):
        parser.add_argument(
            f"--{name}",
            type=positive,
            metavar=metavar,
            help=f"{what} (default: {_DEFAULTS[name]})",
        )
    parser.add_argument(
        "--seconds",
        type=positive_number,
        metavar="S",
        help="length of the video, instead of --points (loop, noise) or --transition (slerp, --w)",
    )
    parser.add_argument(
        "--smoothing",
        type=positive_number,
        metavar="X",
        help="slowness of a loop: width of its filter in transitions "
        f"(default: {_DEFAULTS['smoothing']})",
    )
    parser.add_argument(
        "--open",
        action="store_true",
        help="let slerp and --w end at the last, not at the first",
    )
    add_scales_argument(parser, "top")
    add_layout_arguments(parser, "several scales")
    add_video_arguments(parser, fps=30)


def run(args):
    check_seeds_or_w(args)
    if args.w is not None and args.path is not None:
        raise ValueError("--path is for --seeds: from w to w there is one way only.")
    _check_options(args)
    for name, default in _DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, default)
    if args.path == "noise":
        args.noise_mode = "random"
    sources = open_seed_images(args, args.scales)
    find = _walks_of_seeds if args.w is None else _walk_of_w
    num_frames, walks, facts = find(sources, args)
    path = args.outdir / "interpolation"
    with open_video(path, args.format, args.fps, args.codec, facts) as video:
        for i in tqdm(range(num_frames), unit="frame", disable=None):
            images = [side_by_side_scales(*(walk(i) for walk in pair)) for pair in walks]
            scales = [np.concatenate(scale) for scale in zip(*images, strict=True)]
            video.write(scale_sheet(scales, together=len(sources), **layout_of(args)))
    print(video.path)


def _check_options(args):
    """Refuses what the walk has no use for."""
    walk = (args.path or _DEFAULTS["path"]) if args.w is None else "--w"
    for name, users in _USERS.items():
        if getattr(args, name) and walk not in users:
            walks = " and ".join(x if x == "--w" else f"--path {x}" for x in users)
            raise ValueError(f"--{name} is for {walks}.")
    replaced = "points" if walk in _USERS["points"] else "transition"
    if args.seconds and getattr(args, replaced):
        raise ValueError(f"--seconds is instead of --{replaced}: give one of them.")
    if walk == "noise" and args.noise_mode == "none":
        raise ValueError("--path noise draws new noise: --noise_mode none would have none.")


# What is drawn: the number of frames; for each picture of a frame a list of functions, one for each
# domain, from the number of the frame to the images at every scale; and facts for the video.


def _walks_of_seeds(sources, args):
    (num_frames, *_), of_domains = zip(
        *(_PATHS[args.path](source, args) for source in sources), strict=True
    )
    facts = {
        "frames": num_frames,
        "scales": _names(sources[0].resolutions),
        **{name: getattr(args, name) for name in _RECORDED},
    }
    if len(sources) > 1:
        facts["domain"] = BOTH
    facts = sources[0].metadata(args.seeds, facts)
    return num_frames, list(zip(*of_domains, strict=True)), facts


def _walk_of_w(sources, args):
    from msg_stylegan.projection import read_points

    (source,) = sources
    points = [(w, str(path)) for path in args.w for w in read_points(path)]
    walk = source.walk(
        [Sample(WPoint(*point), source.look) for point in points],
        transition=_transition(args, len(points)),
        closed=not args.open,
    )
    facts = {
        **source.network_facts,
        **walk.facts(_names(path.name for path in args.w)),
        "scales": _names(source.resolutions),
        "fps": args.fps,
    }
    return len(walk), [(walk.images,)], facts


# Each path returns the number of frames and, for each picture of a frame, a function from the
# number of the frame to the images at every scale. Paths of z lead through normal numbers, which
# are moved where the network expects them at the end: a path through a cube would leave it.


def _loops(source, args):
    num_frames = _num_frames(args)
    sigma = args.smoothing * args.transition

    def loop(seed):
        z = gaussian_loop(seed, num_frames, source.G.z_dim, sigma)
        label = source.labels(seed)
        return lambda i: source.draw(source.map(_placed(source, z, i), label), seed)

    return num_frames, [loop(seed) for seed in args.seeds]


def _key_frames(source, args):
    if len(args.seeds) < 2:
        raise ValueError("--path slerp needs at least two --seeds: one for each key frame.")
    transition = _transition(args, len(args.seeds))

    def path(of_seed, interpolate):
        points = np.concatenate([of_seed(seed) for seed in args.seeds])
        return key_frame_path(points, transition, interpolate, closed=not args.open)

    z = path(lambda seed: z_of_seeds([seed], source.G.z_dim), slerp)
    labels = path(source.labels, lerp) if source.G.label_size else None

    def walk(i):
        label = None if labels is None else labels[i : i + 1]
        return source.draw(source.map(_placed(source, z, i), label), args.seeds[0])

    return len(z), [walk]


def _placed(source, z, i):
    """Row i of standard normal z, `[1, z_dim]`, where the network expects it."""
    return np.asarray(source.G.place_z(z[i : i + 1]))


def _standstills(source, args):
    check_noise_inputs(source.G)

    def standstill(seed):
        ws = source.ws(seed)
        return lambda i: source.draw(ws, seed, noise_number=i)

    return _num_frames(args), [standstill(seed) for seed in args.seeds]


def _num_frames(args):
    if args.seconds:
        return max(1, round(args.seconds * args.fps))
    return args.points * args.transition


def _transition(args, num_points):
    """Frames from one of the points to the next."""
    if not args.seconds:
        return args.transition
    return max(1, round(args.seconds * args.fps / max(1, num_points - args.open)))


def _names(items):
    return ",".join(map(str, items))


_PATHS = {"loop": _loops, "slerp": _key_frames, "noise": _standstills}
