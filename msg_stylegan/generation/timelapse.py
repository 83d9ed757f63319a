"""A video of how the samples of a run became better.

Writes OUTDIR/timelapse.mp4 (or .gif, or a folder of PNG files) from the pictures that the run saved
while it trained: all its scales side by side, or the grid of one scale. Needs no network.
"""

import re

from tqdm import tqdm

from msg_stylegan.generation.arguments import (
    BadArgumentError,
    add_outdir_argument,
    add_result_dir_argument,
    add_video_arguments,
    add_zoom_argument,
    positive,
)
from msg_stylegan.image_counts import FAKES
from msg_stylegan.pictures.sheets import enlarge, read_image
from msg_stylegan.pictures.video import open_video
from msg_stylegan.training.run_directory import find_run


def add_arguments(parser):
    parser.add_argument(
        "--run",
        dest="which_run",
        required=True,
        metavar="RUN",
        help='run: its folder, its number or "latest"',
    )
    add_result_dir_argument(parser)
    add_outdir_argument(parser)
    parser.add_argument(
        "--scale",
        type=positive,
        metavar="PIXELS",
        help="show the grid of this scale (default: all scales of a few samples)",
    )
    parser.add_argument(
        "--grid",
        type=parse_grid,
        metavar="WxH",
        help="with --scale: show the first W columns and H rows only",
    )
    add_zoom_argument(parser)
    add_video_arguments(parser, fps=10)


def run(args):
    if args.grid and not args.scale:
        raise ValueError("--grid needs --scale: it cuts the grid of one scale.")
    run_dir = find_run(args.result_dir, args.which_run)
    pictures = sample_pictures(run_dir, args.scale)
    facts = {"run": run_dir.name, "scale": args.scale or "all", "fps": args.fps}
    with open_video(args.outdir / "timelapse", args.format, args.fps, args.codec, facts) as video:
        shape = None
        for path in tqdm(pictures, unit="frame", disable=None):
            frame = read_image(path)
            if args.grid:
                columns, rows = args.grid
                frame = frame[: rows * args.scale, : columns * args.scale]
            if shape not in (None, frame.shape):
                raise ValueError(
                    f"{path} has {frame.shape[1]}x{frame.shape[0]} pixels, the pictures before it "
                    f"have {shape[1]}x{shape[0]}. --scale and --grid can cut all to one size."
                )
            shape = frame.shape
            video.write(enlarge(frame, args.zoom))
    print(video.path)


def sample_pictures(run_dir, scale):
    """Sample grids of a run, oldest first.

    Args:
        run_dir: Its folder.
        scale: Side of the images, or None for the sheets with all scales.

    Returns:
        List of paths.

    Raises:
        FileNotFoundError: The run has none of this scale.
    """
    name = f"{scale}x{scale}" if scale else "all_scales"
    found = FAKES.paths(run_dir / name)
    if not found:
        folders = sorted(
            {path.parent.name for path in run_dir.glob("*x*/fakes*.png")},
            key=lambda folder: (len(folder), folder),
        )
        raise FileNotFoundError(
            f"There are no fakes*.png in {run_dir / name}. Scales with pictures: "
            f"{', '.join(folders) or 'none'}."
        )
    return found


def parse_grid(text):
    """Parses the size of a grid, such as `8x4`."""
    match = re.fullmatch("([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if not match:
        raise BadArgumentError(f"expected columns and rows such as 8x4, received {text!r}")
    return int(match[1]), int(match[2])
