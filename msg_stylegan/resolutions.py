"""Arithmetic of the networks: scales, which of them are connected, and channels."""

import dataclasses

# Named sets of scales that G and D may share: those of the paper's ablation (MSG-GAN, table 4).
CONNECTIONS = {
    "all": lambda side: True,
    "coarse": lambda side: side <= 8,
    "middle": lambda side: 16 <= side <= 32,
    "fine": lambda side: side >= 64,
    "none": lambda side: False,
}


def scales(resolution):
    """Sides of the images a network of this resolution sees, low to high: 4, 8, ..., resolution.

    Raises:
        ValueError: Not a power of two of at least 8. The discriminator needs two scales.
    """
    if resolution < 8 or resolution & (resolution - 1):
        raise ValueError(
            f"Expected `resolution` to be a power of two of at least 8. Received: {resolution}"
        )
    return [2**i for i in range(2, resolution.bit_length())]


def connected_scales(connect, resolution):
    """Sides of the images that pass from G to D, low to high.

    The full resolution is always among them.

    Args:
        connect: A key of `CONNECTIONS`, or sides separated by commas, such as "4,32".
        resolution: Side of the largest image.

    Raises:
        ValueError: There is no such set of scales, or no such resolution.
    """
    sides = scales(resolution)
    if connect in CONNECTIONS:
        return [side for side in sides if side == resolution or CONNECTIONS[connect](side)]
    chosen = {int(side) if side.isdecimal() else side for side in connect.split(",")}
    if not chosen <= set(sides):
        raise ValueError(
            f"Expected `connect` to be one of {list(CONNECTIONS)}, or some of {sides} with commas "
            f"between them. Received: {connect!r}"
        )
    return sorted(chosen | {resolution})


def channel_counts(num_scales, options):
    """Channels at the levels from 0 to `num_scales`; 0 where nothing is left.

    At level l: `min(channel_base / 2^(l * channel_decay), channel_max)`, rounded down. The
    activations at resolution 2^r have level r - 1, so resolution 4 has level 1.

    Args:
        num_scales: Number of scales, of which the lowest has level 1.
        options: `GeneratorOptions` or `DiscriminatorOptions`.

    Source:
        ProGAN, appendix A; the original's `fmap_base`, `fmap_decay`, `fmap_max`.
    """
    return [
        min(int(options.channel_base / 2.0 ** (level * options.channel_decay)), options.channel_max)
        for level in range(num_scales + 1)
    ]


# Instead of the name of a combine function, for a block that sees no image.
UNCONNECTED = "none"

# Name of a combine function -> channels that a block of `c` channels gets from the one above, and
# those after an image of `n` channels is joined.
_COMBINED = {
    "cat_lin": lambda c, n: (c, c),
    "lin_cat": lambda c, n: (c - c // 2, c),
    "simple": lambda c, n: (c, c + n),
    UNCONNECTED: lambda c, n: (c, c),
}
COMBINE_NAMES = tuple(name for name in _COMBINED if name != UNCONNECTED)


@dataclasses.dataclass(frozen=True)
class BlockChannels:
    """Channels of a block of the discriminator.

    Attributes:
        resolution: Side of its input, in pixels.
        combine: Name of its combine function, or `UNCONNECTED`. The block of the full resolution
            starts from its image alone.
        joined: Channels after the image is joined.
        inside: Channels of its activations.
        out: Channels of its output.
    """

    resolution: int
    combine: str
    joined: int
    inside: int
    out: int


def discriminator_channels(options, data):
    """The `BlockChannels` of a discriminator, low to high resolution.

    Args:
        options: `DiscriminatorOptions`.
        data: `Interface`.
    """
    sides = scales(data.resolution)
    connected = connected_scales(data.connect, data.resolution)
    # The dense layer of the last block has all of the channels.
    out, *widths = channel_counts(len(sides), options)
    blocks = []
    for side, width in zip(sides, widths, strict=True):
        combine = options.combine if side in connected[:-1] else UNCONNECTED
        from_above, joined = _COMBINED[combine](width, data.num_channels)
        blocks.append(BlockChannels(side, combine, joined, width, out))
        out = from_above
    return blocks
