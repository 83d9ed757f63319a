"""The networks of a run, from its options and its data set."""

import math

import tensorflow as tf

from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks
from msg_stylegan.networks.precision import reduce_precision

# Value of `hardware.precision` -> type of the activations of reduced precision.
REDUCED = {"mixed_bfloat16": tf.bfloat16, "mixed_float16": tf.float16}


def make_networks(config, datasets):
    """Returns the `Networks` of a run with initial weights, in its precision.

    Args:
        config: `Config`.
        datasets: The data set of each domain, which decides resolution, channels and labels.

    Raises:
        ValueError: An option contradicts another one, or the data set.
    """
    data, *others = (Interface.of(dataset, config.connect) for dataset in datasets)
    nets = build_networks(
        config.generator,
        config.discriminator,
        data,
        stage_resolution=config.growing.start_resolution,
        data_b=others[0] if others else None,
        has_encoder=config.coupling.cycle > 0,
    )
    set_precision(nets, config.hardware)
    return nets


def set_precision(nets, hardware):
    """Lets the networks that are trained compute as `HardwareOptions` say.

    The averages, which make all images that anybody sees, stay at float32, and so does the encoder,
    which has no average.
    """
    if compute_type := REDUCED.get(hardware.precision):
        for domain in nets.domains:
            for blocks in (domain.G.synthesis.blocks, domain.D.blocks):
                reduce_precision(blocks, compute_type, hardware.num_reduced_scales)


def describe_networks(nets):
    """A line with the size of every network that is trained."""
    names = {"G": "Generator", "D": "Discriminator", "E": "Encoder"}
    lines = []
    for name, network in nets.members.items():
        if name.startswith("G_ema"):
            continue
        kind, _, domain = name.partition("_")
        label = f"{names[kind]}{' ' if domain else ''}{domain.upper()}:"
        size = _size(network.trainable_variables)
        frozen = sum(_size(layer.variables) for layer in network.layers if not layer.trainable)
        kept = f", and {frozen:,} numbers that stay as they are" if frozen else ""
        lines.append(f"{label:<17}{size:,} parameters{kept}")
    return "\n".join(lines)


def _size(variables):
    return sum(math.prod(variable.shape) for variable in variables)
