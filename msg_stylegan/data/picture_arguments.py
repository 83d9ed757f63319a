"""Command line arguments for how image files become pixels, and pixels become squares."""

import argparse

from msg_stylegan.data.decoding.picture_reader import MAX_PIXELS, PictureReader
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
        help="as in the original: 2^N pixels, stretched, with a bilinear filter",
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
        # 2**13 exceeds all published networks: a larger number is a size, not an exponent.
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


def add_reader_arguments(parser):
    """Adds the arguments that `reader_of` reads, to a parser or a group of one."""
    parser.add_argument(
        "--background",
        metavar="COLOUR",
        default="black",
        help="colour behind transparent images, such as white or #ff8800 (default: %(default)s)",
    )
    parser.add_argument(
        "--value_range",
        metavar="WHITE|BLACK,WHITE",
        type=_parse_range,
        help="values that become black and white in gray images of 16 or 32 bits or floats, for "
        "example 4095 for 12 bits in 16 (default: 0,65535; others than 16 bits are not used)",
    )
    parser.add_argument(
        "--max_pixels",
        metavar="N",
        type=int,
        default=MAX_PIXELS,
        help="leave out images of more pixels, which could fill the memory (default: %(default)s)",
    )


def reader_of(args):
    """The `PictureReader` that parsed arguments ask for."""
    return PictureReader(args.background, args.value_range, args.max_pixels)


def _parse_range(text):
    """A tuple of two numbers; a single one is white, and 0 is black."""
    try:
        numbers = [float(item) for item in text.split(",")]
        numbers = tuple(int(number) if number.is_integer() else number for number in numbers)
    except (ValueError, OverflowError):
        numbers = ()
    if len(numbers) == 1:
        numbers = (0, *numbers)
    if len(numbers) != 2:
        raise argparse.ArgumentTypeError(
            f"expected the value of white, such as 4095, or those of black and white, such as "
            f"-1,1. Received: {text!r}"
        )
    return numbers
