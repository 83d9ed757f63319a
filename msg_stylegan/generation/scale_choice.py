"""Which scales of a network a command draws."""

from msg_stylegan.generation.arguments import argument, positive

_NAMES = ("all", "alternate", "top")


def add_scales_argument(parser, default):
    """Option of commands that show scales together."""
    parser.add_argument(
        "--scales",
        type=argument(parse_scales),
        default=default,
        metavar="SCALES",
        help="scales to show: all, alternate (every second one, counted from the top), top, or "
        "sizes such as 4,16,64 (default: %(default)s)",
    )


def parse_scales(text):
    """Parses `all`, `alternate`, `top` or sizes such as `4,16,64`."""
    if text in _NAMES:
        return text
    try:
        return sorted({positive(size) for size in text.split(",")})
    except ValueError:
        raise ValueError(
            f"expected {', '.join(_NAMES)} or sizes such as 4,16,64, received {text!r}"
        ) from None


def choose_scales(choice, available):
    """The scales that are meant.

    Args:
        choice: "all", "alternate", "top" (or None), a size, or a list of sizes.
        available: Sizes that a network makes, low to high.

    Returns:
        List of sizes, low to high.

    Raises:
        ValueError: The network does not make one of the sizes.
    """
    available = list(available)
    if choice == "all":
        return available
    if choice == "alternate":
        return available[::-2][::-1]
    if choice in ("top", None):
        return available[-1:]
    sizes = sorted([choice] if isinstance(choice, int) else choice)
    if not set(sizes) <= set(available):
        raise ValueError(f"The network makes images of {available} pixels. Received {sizes}.")
    return sizes
