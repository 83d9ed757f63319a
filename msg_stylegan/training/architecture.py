"""The networks of a run, from its options and its data set."""

import math

from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks


def make_networks(config, dataset):
    """Returns the `Networks` of a run with initial weights.

    Args:
        config: `Config`.
        dataset: Decides resolution, channels and labels.

    Raises:
        ValueError: An option contradicts another one, or the data set.
    """
    return build_networks(
        config.generator,
        config.discriminator,
        Interface.of(dataset, config.connect),
        stage_resolution=config.growing.start_resolution,
    )


def describe_networks(nets):
    """Two lines with the sizes of the networks."""
    return "\n".join(
        f"{label} {sum(math.prod(v.shape) for v in network.trainable_variables):,} parameters"
        for label, network in (("Generator:    ", nets.G), ("Discriminator:", nets.D))
    )
