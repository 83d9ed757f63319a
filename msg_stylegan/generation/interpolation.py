"""A video of a walk through the latents.

Writes OUTDIR/interpolation.mp4 (or .gif, or a folder of PNG files). Paths:

  loop    smooth random walks without end, one for each seed, side by side
  slerp   one walk from the image of a seed to that of the next, and back to the first
  noise   the images of the seeds stand still, but each frame has other noise

In loop and slerp the noise stays the same, so that only the latent moves.
"""

import argparse

import numpy as np
from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    add_columns_argument,
    add_zoom_argument,
    argument,
    positive,
    positive_number,
)
from msg_stylegan.generation.network_source import (
    SeedImages,
    add_seed_arguments,
    check_noise_inputs,
)
from msg_stylegan.generation.scale_choice import add_scales_argument
from msg_stylegan.generation.video_output import add_video_arguments, open_video, video_path
from msg_stylegan.pictures.sheets import LAYOUTS, scale_sheet

# Options that are stored in the video.
_RECORDED = ("path", "points", "transition", "seconds", "smoothing", "open", "fps")


def add_arguments(parser):
    add_seed_arguments(parser, seeds="loop and noise: one walk for each; slerp: the key frames")
    parser.add_argument(
        "--path",
        choices=tuple(_PATHS),
        default="loop",
        help="what moves, see above (default: %(default)s)",
    )
    parser.add_argument(
        "--points",
        type=argument(positive),
        default=12,
        metavar="N",
        help="transitions in a loop or of noise (default: %(default)s)",
    )
    parser.add_argument(
        "--transition",
        type=argument(positive),
        default=60,
        metavar="FRAMES",
        help="frames from one point to the next (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=argument(positive_number),
        metavar="S",
        help="length of the video, instead of --points (loop, noise) or --transition (slerp)",
    )
    parser.add_argument(
        "--smoothing",
        type=argument(positive_number),
        default=1.0,
        metavar="X",
        help="slowness of a loop: width of its filter in transitions (default: %(default)s)",
    )
    parser.add_argument(
        "--open", action="store_true", help="let slerp end at the last seed, not at the first"
    )
    add_scales_argument(parser, "top")
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="strip",
        help="order of several scales (default: %(default)s)",
    )
    add_columns_argument(parser)
    add_zoom_argument(parser)
    add_video_arguments(parser, fps=30)


def run(args):
    if args.path == "noise":
        args = argparse.Namespace(**{**vars(args), "noise_mode": "random"})
    source = SeedImages(args, args.scales)
    walks = _PATHS[args.path](source, args)
    facts = {
        "frames": len(walks[0]),
        "scales": ",".join(map(str, source.resolutions)),
        **{name: getattr(args, name) for name in _RECORDED},
    }
    with open_video(args, source.metadata(args.seeds, facts)) as video:
        for i in tqdm(range(len(walks[0])), unit="frame", disable=None):
            images = [walk.images(i) for walk in walks]
            scales = [np.concatenate(scale) for scale in zip(*images, strict=True)]
            video.write(
                scale_sheet(scales, columns=args.columns, zoom=args.zoom, layout=args.layout)
            )
    print(video_path(args))


class _Walk:
    """Images along a way through the latents, with one noise."""

    def __init__(self, source, z, labels, noise_seed):
        self._source = source
        self._z = z
        self._labels = labels
        self._noise_seed = noise_seed

    def __len__(self):
        return len(self._z)

    def images(self, i):
        """Images of frame i at every scale, a list of uint8 `[1, r, r, C]`."""
        labels = None if self._labels is None else self._labels[i : i + 1]
        ws = self._source.map(self._z[i : i + 1], labels)
        return self._source.draw(ws, self._noise_seed)


class _Standstill:
    """Images of one latent, each with other noise."""

    def __init__(self, source, seed, num_frames):
        self._source = source
        self._seed = seed
        self._num_frames = num_frames
        self._ws = source.ws(seed)

    def __len__(self):
        return self._num_frames

    def images(self, i):
        return self._source.draw(self._ws, self._seed, noise_number=i)


def _loops(source, args):
    from msg_stylegan.sampling.latent_paths import gaussian_loop

    num_frames = _num_frames(args)
    sigma = args.smoothing * args.transition
    walks = []
    for seed in args.seeds:
        z = gaussian_loop(seed, num_frames, source.G.z_dim, sigma)
        labels = source.labels(seed)
        labels = None if labels is None else labels.repeat(num_frames, axis=0)
        walks.append(_Walk(source, z, labels, seed))
    return walks


def _key_frames(source, args):
    from msg_stylegan.sampling.latent_paths import key_frame_path, lerp, slerp

    if len(args.seeds) < 2:
        raise ValueError("--path slerp needs at least two --seeds: one for each key frame.")
    transition = args.transition
    if args.seconds:
        steps = len(args.seeds) - args.open
        transition = max(1, round(args.seconds * args.fps / steps))
    z = np.concatenate([source.z(seed) for seed in args.seeds])
    z = key_frame_path(z, transition, slerp, closed=not args.open)
    labels = None
    if source.G.label_size:
        labels = np.concatenate([source.labels(seed) for seed in args.seeds])
        labels = key_frame_path(labels, transition, lerp, closed=not args.open)
    return [_Walk(source, z, labels, args.seeds[0])]


def _standstills(source, args):
    check_noise_inputs(source.G)
    return [_Standstill(source, seed, _num_frames(args)) for seed in args.seeds]


def _num_frames(args):
    if args.seconds:
        return max(1, round(args.seconds * args.fps))
    return args.points * args.transition


_PATHS = {"loop": _loops, "slerp": _key_frames, "noise": _standstills}
