"""Constructor arguments of the networks, from the options of a run and its data set."""

import dataclasses
import math


def network_options(config, dataset):
    """Returns `(generator options, discriminator options)` for `networks.build_networks`.

    Args:
        config: All options of the run.
        dataset: Decides resolution, channels and labels.
    """
    shared = {
        "resolution": dataset.resolution,
        "num_channels": dataset.num_channels,
        "label_size": dataset.label_size,
    }
    return (
        {**shared, **dataclasses.asdict(config.generator)},
        {**shared, **dataclasses.asdict(config.discriminator)},
    )


def describe_networks(nets):
    """Two lines with the sizes of the networks."""
    return "\n".join(
        f"{label} {_count_parameters(network):,} parameters"
        for label, network in (("Generator:    ", nets.G), ("Discriminator:", nets.D))
    )


def _count_parameters(network):
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)
