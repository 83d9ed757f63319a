"""Networks from the state dicts of BMSG-GAN (MSG-ProGAN)."""

import itertools

import numpy as np

from msg_stylegan.legacy import bmsg_variables, original_variables
from msg_stylegan.legacy.original_shapes import some_names
from msg_stylegan.networks import Discriminator, Generator, progan_options
from msg_stylegan.options import DiscriminatorOptions


def networks_from_state_dicts(generator=None, shadow=None, discriminator=None):
    """Builds MSG-ProGAN networks and fills them with weights of BMSG-GAN.

    Weights that were trained with `use_eql=False` have the same names and shapes and cannot be told
    from others; they give wrong images.

    Args:
        generator: Weights of `GAN_GEN_*.pth`, arrays by their names without `module.`, or None.
        shadow: Those of `GAN_GEN_SHADOW_*.pth`, the moving average of the generator, or None.
        discriminator: Those of `GAN_DIS_*.pth`, or None.

    Returns:
        Dictionary with the built networks "G", "G_ema" and "D"; what no dictionary was given for is
        missing. With only one of `generator` and `shadow`, "G" and "G_ema" have equal weights.

    Raises:
        ValueError: A dictionary is not of such a network, or the dictionaries belong to networks
            of different sizes. The message names the weights and shapes.
    """
    given = {"generator": generator, "shadow": shadow, "discriminator": discriminator}
    given = {kind: arrays for kind, arrays in given.items() if arrays is not None}
    sizes = {kind: size_of(kind, arrays) for kind, arrays in given.items()}
    if len(set(sizes.values())) > 1:
        text = "; ".join(
            f"{kind}: depth {depth}, latent size {latent_size}, {num_channels} colour channels"
            for kind, (depth, latent_size, num_channels) in sizes.items()
        )
        raise ValueError(f"The weights belong to networks of different sizes. {text}.")
    networks = {}
    trained, average = given.get("generator"), given.get("shadow")
    if trained or average:
        networks["G"] = _make_network("G", "generator", trained or average, sizes)
        networks["G_ema"] = _make_network("G_ema", "generator", average or trained, sizes)
    if "discriminator" in given:
        networks["D"] = _make_network("D", "discriminator", given["discriminator"], sizes)
    return networks


def size_of(kind, arrays):
    """Returns (depth, latent size, channels of the images).

    They are read from the shapes of a few weights. If these agree, they make up a good part of the
    network, so no network is built that is much larger than what was given.

    Args:
        kind: "generator", "shadow" or "discriminator".
        arrays: As for `networks_from_state_dicts`.

    Raises:
        ValueError: The shapes are not those of such a network.
    """
    if kind == "discriminator":
        depth = _count(arrays, "rgb_to_features.{}.weight") + 1
        width, colours = _side(arrays, "final_block.conv_2", 0), _side(arrays, "final_converter", 1)
        expected = {
            "final_block.conv_2": (width, width, 4, 4),
            "final_converter": (width // 2, colours, 1, 1),
        }
    else:
        kind = "generator"
        depth = _count(arrays, "rgb_converters.{}.weight")
        width, colours = _side(arrays, "layers.0.conv_1", 0), _side(arrays, "rgb_converters.0", 0)
        expected = {
            "layers.0.conv_1": (width, width, 4, 4),
            "layers.0.conv_2": (width, width, 3, 3),
            "rgb_converters.0": (colours, width, 1, 1),
        }
    for name in (f"{name}.weight" for name in expected):
        if name not in arrays:
            raise ValueError(
                f"Expected the weights of a BMSG-GAN {kind}, with `{name}`. Received: "
                f"{some_names(list(arrays))}"
            )
    for name, shape in expected.items():
        received = arrays[f"{name}.weight"].shape
        if received != shape or 0 in shape:
            raise ValueError(
                f"Expected `{name}.weight` of the {kind} to have the shape {list(shape)}, without "
                f"zeros. Received: {list(received)}"
            )
    return depth, width, colours


def _side(arrays, name, axis):
    shape = np.shape(arrays.get(f"{name}.weight"))
    return shape[axis] if axis < len(shape) else 0


def _count(arrays, pattern):
    return next(count for count in itertools.count() if pattern.format(count) not in arrays)


def _make_network(name, kind, arrays, sizes):
    (size,) = set(sizes.values())
    try:
        G_options, D_options, data = progan_options(*size)
    except ValueError as error:
        raise ValueError(f"This is not a {kind} of BMSG-GAN. {error}") from error
    options = D_options if kind == "discriminator" else G_options
    return network_with_weights(name, options, data, arrays)


def network_with_weights(name, options, data, arrays):
    """Builds one network and fills it.

    Args:
        name: Name of the network.
        options: `GeneratorOptions` or `DiscriminatorOptions`, those of `progan_options` but for
            what decides nothing.
        data: `Interface` of `progan_options`.
        arrays: As for `networks_from_state_dicts`, of the size that `size_of` tells.

    Raises:
        ValueError: The weights do not fit.
    """
    is_D = isinstance(options, DiscriminatorOptions)
    network = (Discriminator if is_D else Generator)(options, data, name=name)
    network.build()
    variables = (
        bmsg_variables.discriminator_variables if is_D else bmsg_variables.generator_variables
    )
    try:
        original_variables.assign(variables(network), arrays)
    except ValueError as error:
        kind = "discriminator" if is_D else "generator"
        raise ValueError(f"The weights are not of a BMSG-GAN {kind}. {error}") from error
    return network
