"""Where the frames of a video go: one file, or a folder of numbered PNG files."""

from msg_stylegan.generation.arguments import argument, positive_number
from msg_stylegan.pictures.frame_folder import FrameFolder
from msg_stylegan.pictures.video import CODECS, VideoWriter


def add_video_arguments(parser, fps):
    """Options of commands that make a video.

    Args:
        parser: Parser of the command.
        fps: Default speed.
    """
    parser.add_argument(
        "--format",
        choices=("mp4", "gif", "frames"),
        default="mp4",
        help="frames: a folder of numbered PNG files (default: %(default)s)",
    )
    parser.add_argument(
        "--fps",
        type=argument(positive_number),
        default=fps,
        metavar="N",
        help="frames per second (default: %(default)s)",
    )
    parser.add_argument(
        "--codec",
        choices=tuple(CODECS),
        default="h264",
        help="how an MP4 is encoded (default: %(default)s)",
    )


def video_path(args):
    """File or folder of the video of a command: OUTDIR/COMMAND.mp4 and the like."""
    suffix = "" if args.format == "frames" else f".{args.format}"
    return args.outdir / f"{args.command}{suffix}"


def open_video(args, metadata):
    """Opens the video of a command.

    Args:
        args: Parsed options.
        metadata: Facts to be stored in it.

    Returns:
        A context manager with `write(frame)`.
    """
    if args.format == "frames":
        return FrameFolder(video_path(args), metadata)
    return VideoWriter(video_path(args), args.fps, args.codec, metadata)
