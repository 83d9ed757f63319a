"""Options of the networks of BMSG-GAN (MSG-ProGAN), from its depth and latent size."""

from msg_stylegan.interface import Interface
from msg_stylegan.networks import ops
from msg_stylegan.options import DiscriminatorOptions, GeneratorOptions


def progan_options(depth, latent_size, num_channels=3):
    """Returns `(GeneratorOptions, DiscriminatorOptions, Interface)` of BMSG-GAN's networks.

    Args:
        depth: Number of scales, at least 4; the resolution is `2 ** (depth + 1)`.
        latent_size: Components of z, and most channels of a layer; a power of two of at least
            `2 ** (depth - 4)`.
        num_channels: Channels of the images.

    Raises:
        ValueError: `depth` or `latent_size` is not such a number.
    """
    if depth < 4:
        raise ValueError(f"Expected `depth` to be at least 4. Received: {depth}")
    if latent_size < 2 ** (depth - 4) or latent_size & (latent_size - 1):
        raise ValueError(
            f"Expected `latent_size` to be a power of two of at least {2 ** (depth - 4)}, because "
            f"the depth is {depth}. Received: {latent_size}"
        )
    shared = {
        # As many channels as z has components from 4x4 to 32x32, then half of them per doubling.
        "channel_base": 16 * latent_size,
        "channel_decay": 1.0,
        "channel_max": latent_size,
        "nonlinearity": "lrelu",
        "equalized_lr": True,
    }
    data = Interface(2 ** (depth + 1), num_channels)
    generator = GeneratorOptions(
        z_dim=latent_size,
        # No mapping network. The other options of it mean nothing then.
        mapping_layers=0,
        mapping_width=latent_size,
        mapping_lr_multiplier=1.0,
        mapping_nonlinearity="lrelu",
        # The scripts normalise z, not the network.
        normalize_z=False,
        z_space="sphere",
        w_avg_beta=0.995,
        body="progan",
        **shared,
    )
    discriminator = DiscriminatorOptions(
        mbstd_group_size=ops.WHOLE_BATCH,
        mbstd_num_channels=1,
        mbstd_blocks="last",
        combine="lin_cat",
        body="progan",
        **shared,
    )
    return generator.resolved(data), discriminator.resolved(data), data
