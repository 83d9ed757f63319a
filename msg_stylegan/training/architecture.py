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


def count_parameters(network):
    """Number of trainable weights."""
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)
