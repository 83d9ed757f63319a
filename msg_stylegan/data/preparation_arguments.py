"""Command line arguments for the squares that images become."""

from msg_stylegan.data.decoding.reader_arguments import add_reader_arguments, reader_of
from msg_stylegan.data.image_preparation import FILTERS, FITS, ImagePreparation


def add_preparation_arguments(command):
    """Adds the arguments that `preparation_of` reads."""
    command.add_argument(
        "--resolution",
        metavar="R",
        type=int,
        help="side of the images, a power of two (default: that of the first one)",
    )
    command.add_argument(
        "--resize",
        metavar="N",
        type=int,
        help="as the original: 2^N pixels, stretched, with a bilinear filter",
    )
    command.add_argument(
        "--fit",
        choices=FITS,
        help="what becomes of images that are not square (default: center-crop)",
    )
    command.add_argument("--filter", choices=list(FILTERS), help="for resizing (default: lanczos)")
    command.add_argument(
        "--channels", type=int, choices=(1, 3), help="1 = grayscale, 3 = RGB (default: as they are)"
    )
    command.add_argument(
        "--min_size", metavar="N", type=int, default=1, help="skip images with a shorter side"
    )
    add_reader_arguments(command)


def preparation_of(args):
    """The `ImagePreparation` that parsed arguments ask for."""
    resolution, fit, image_filter = args.resolution, "center-crop", "lanczos"
    if args.resize is not None:
        # 2**13 is beyond all published networks: a larger number is a size, not an exponent.
        if not 2 <= args.resize <= 13:
            raise ValueError(
                "`--resize` takes the exponent of a power of two: 8 for 256x256, 10 for 1024x1024. "
                f"Received: {args.resize}. `--resolution` takes the size itself."
            )
        if resolution is not None:
            raise ValueError("Give either `--resolution` or `--resize`, not both.")
        resolution, fit, image_filter = 2**args.resize, "stretch", "bilinear"
    return ImagePreparation(
        resolution=resolution,
        fit=args.fit or fit,
        filter=args.filter or image_filter,
        channels=args.channels,
        min_size=args.min_size,
        reader=reader_of(args),
    )
