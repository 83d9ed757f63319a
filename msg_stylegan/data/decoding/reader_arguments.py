"""Command line arguments for the rules by which image files become pixels."""

import argparse

from msg_stylegan.data.decoding.picture_reader import MAX_PIXELS, PictureReader


def add_reader_arguments(parser):
    """Adds the arguments that `reader_of` reads, to a parser or a group of one."""
    parser.add_argument(
        "--background",
        metavar="COLOUR",
        default="black",
        help="behind transparent images, such as white or #ff8800 (default: %(default)s)",
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
        numbers = tuple(_whole_if_it_is(float(item)) for item in text.split(","))
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


def _whole_if_it_is(number):
    return int(number) if number.is_integer() else number
