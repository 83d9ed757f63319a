"""Networks from flat dictionaries of their options and interface, in which single ones change."""

from msg_stylegan.networks import Discriminator, Generator, build_networks, progan_options
from msg_stylegan.networks.pair_member import flat_config, split_config


def progan_generator_options(depth, latent_size, num_channels=3):
    """That of BMSG-GAN's generator, see `progan_options`."""
    options, _, data = progan_options(depth, latent_size, num_channels)
    return flat_config(options, data)


def progan_discriminator_options(depth, latent_size, num_channels=3):
    """That of BMSG-GAN's discriminator."""
    _, options, data = progan_options(depth, latent_size, num_channels)
    return flat_config(options, data)


def networks_of(generator, discriminator, info=None):
    """`build_networks` from two such dictionaries of one interface."""
    G_options, data, rest = split_config(Generator.options_class, generator)
    D_options, _, _ = split_config(Discriminator.options_class, discriminator)
    return build_networks(G_options, D_options, data, info, rest.get("stage_resolution", 0))
