"""Constructor arguments of the networks, from the options of a run and its data set."""

import dataclasses
import math

from msg_stylegan.networks.progan_synthesis import STYLEGAN_OPTIONS

# What follows from `discriminator.body=progan`.
_PROGAN_BODY_OPTIONS = {"blur_filter": []}


def network_options(config, dataset):
    """Returns `(generator options, discriminator options)` for `networks.build_networks`.

    ProGAN networks and those without mapping layers leave no choice for some options. Such an
    option takes the value that it must have when it stands at its default.

    Args:
        config: All options of the run.
        dataset: Decides resolution, channels and labels.

    Raises:
        ValueError: An option contradicts one from which it follows.
    """
    shared = {
        "resolution": dataset.resolution,
        "num_channels": dataset.num_channels,
        "label_size": dataset.label_size,
        "connect": config.connect,
    }
    if config.growing.start_resolution:
        shared["stage_resolution"] = config.growing.start_resolution
    generator, discriminator = config.generator, config.discriminator
    G_options, D_options = dataclasses.asdict(generator), dataclasses.asdict(discriminator)
    if generator.synthesis == "progan":
        G_options |= _implied("generator", generator, "synthesis", STYLEGAN_OPTIONS)
    if generator.mapping_layers == 0:
        w_dim = generator.z_dim * (2 if dataset.label_size else 1)
        G_options |= _implied("generator", generator, "mapping_layers", {"w_dim": w_dim})
    if discriminator.body == "progan":
        D_options |= _implied("discriminator", discriminator, "body", _PROGAN_BODY_OPTIONS)
    return {**shared, **G_options}, {**shared, **D_options}


def _implied(group, options, cause, implied):
    """Checks that options that follow from another one are at their defaults, or follow it."""
    defaults = {field.name: field.default for field in dataclasses.fields(options)}
    problems = []
    for name, value in implied.items():
        given, expected = getattr(options, name), tuple(value) if value == [] else value
        if given not in (defaults[name], expected):
            reason = f"{group}.{cause}={getattr(options, cause)!r}"
            problems.append(
                f"{group}.{name}={given!r}: must be {expected!r}, or left out, with {reason}"
            )
    if problems:
        raise ValueError("\n".join(problems))
    return implied


def describe_networks(nets):
    """Two lines with the sizes of the networks."""
    return "\n".join(
        f"{label} {_count_parameters(network):,} parameters"
        for label, network in (("Generator:    ", nets.G), ("Discriminator:", nets.D))
    )


def _count_parameters(network):
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)
