"""Networks from the state dicts of BMSG-GAN (MSG-ProGAN)."""

import numpy as np

from msg_stylegan.legacy import bmsg_variables, original_variables
from msg_stylegan.legacy.original_shapes import check_arrays, some_names
from msg_stylegan.networks import Discriminator, Generator, progan_options


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
    sizes = {
        kind: (_discriminator_size if kind == "discriminator" else _generator_size)(arrays)
        for kind, arrays in given.items()
    }
    if len(set(sizes.values())) > 1:
        text = "; ".join(
            f"{kind}: depth {depth}, latent size {latent_size}, {num_channels} colour channels"
            for kind, (depth, latent_size, num_channels) in sizes.items()
        )
        raise ValueError(f"The weights belong to networks of different sizes. {text}.")
    networks = {}
    trained, average = given.get("generator"), given.get("shadow")
    if trained or average:
        networks["G"] = _make_generator("G", trained or average, sizes)
        networks["G_ema"] = _make_generator("G_ema", average or trained, sizes)
    if "discriminator" in given:
        networks["D"] = _make_discriminator(given["discriminator"], sizes)
    return networks


def _generator_size(arrays):
    """Returns (depth, latent size, channels of the images)."""
    _, latent_size = _outputs_and_inputs("generator", arrays, "layers.0.conv_2.weight")
    num_channels, _ = _outputs_and_inputs("generator", arrays, "rgb_converters.0.weight")
    return _count(arrays, "rgb_converters.{}.weight"), latent_size, num_channels


def _discriminator_size(arrays):
    _, latent_size = _outputs_and_inputs("discriminator", arrays, "final_block.conv_2.weight")
    _, num_channels = _outputs_and_inputs("discriminator", arrays, "final_converter.weight")
    return _count(arrays, "rgb_to_features.{}.weight") + 1, latent_size, num_channels


def _outputs_and_inputs(kind, arrays, name):
    if name not in arrays:
        raise ValueError(
            f"Expected the weights of a BMSG-GAN {kind}, with `{name}`. Received: "
            f"{some_names(list(arrays))}"
        )
    shape = arrays[name].shape
    if len(shape) != 4 or 0 in shape:
        raise ValueError(
            f"Expected `{name}` of the {kind} to have four axes, none of size 0. Received: {shape}"
        )
    return shape[:2]


def _count(arrays, pattern):
    count = 0
    while pattern.format(count) in arrays:
        count += 1
    return count


def _make_generator(name, arrays, sizes):
    options, _, data = _options("generator", sizes)
    G = Generator(options, data, name=name)
    G.build()
    _fill("generator", bmsg_variables.generator_variables(G), arrays)
    return G


def _make_discriminator(arrays, sizes):
    _, options, data = _options("discriminator", sizes)
    D = Discriminator(options, data, name="D")
    D.build()
    _fill("discriminator", bmsg_variables.discriminator_variables(D), arrays)
    return D


def _options(kind, sizes):
    (size,) = set(sizes.values())
    try:
        return progan_options(*size)
    except ValueError as error:
        raise ValueError(f"This is not a {kind} of BMSG-GAN. {error}") from error


def _fill(kind, table, arrays):
    """Checks names and shapes as PyTorch has them, and assigns.

    Raises:
        ValueError: They differ.
    """
    shapes = {
        name: layout.to_original(np.broadcast_to(np.float32(0), tuple(variable.shape))).shape
        for name, (variable, layout) in table.items()
    }
    try:
        check_arrays(arrays, shapes)
    except ValueError as error:
        raise ValueError(f"The weights are not of a BMSG-GAN {kind}. {error}") from error
    original_variables.assign(table, arrays)
