"""Arithmetic that both networks share: scales, which of them are connected, and channels."""

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
        ValueError: There is no such set of scales, or none of such a resolution.
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


def count_channels(level, base, decay, maximum):
    """What `channels` returns, or 0 where it raises an error."""
    return max(min(int(base / 2.0 ** (level * decay)), maximum), 0)


def channels(level, base, decay, maximum):
    """Channels at `level`: `min(base / 2^(level * decay), maximum)`, rounded down.

    The activations at resolution 2^r have level r - 1, so resolution 4 has level 1.

    Raises:
        ValueError: Nothing is left.

    Source:
        ProGAN, appendix A; the original's `fmap_base`, `fmap_decay`, `fmap_max`.
    """
    count = count_channels(level, base, decay, maximum)
    if count < 1:
        raise ValueError(
            f"`channel_base`={base} with `channel_decay`={decay} and `channel_max`={maximum} "
            f"leaves no channel at resolution {2 ** (level + 1)}. Choose a larger `channel_base`."
        )
    return count
