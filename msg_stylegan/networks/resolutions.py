"""Arithmetic that both networks share: the list of scales and the channels at each of them."""


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


def channels(level, base, decay, maximum):
    """Channels at `level`: `min(base / 2^(level * decay), maximum)`, rounded down.

    The activations at resolution 2^r have level r - 1, so resolution 4 has level 1.

    Raises:
        ValueError: Nothing is left.

    Source:
        ProGAN, appendix A; the original's `fmap_base`, `fmap_decay`, `fmap_max`.
    """
    count = min(int(base / 2.0 ** (level * decay)), maximum)
    if count < 1:
        raise ValueError(
            f"`channel_base`={base} with `channel_decay`={decay} and `channel_max`={maximum} "
            f"leaves no channel at resolution {2 ** (level + 1)}. Choose a larger `channel_base`."
        )
    return count
