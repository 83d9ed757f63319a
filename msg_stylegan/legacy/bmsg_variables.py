"""The weights of BMSG-GAN by their PyTorch names, and how each is laid out in our networks.

BMSG-GAN stores the weights before the run-time scale, as we do. Its convolution kernels are OIHW,
ours HWIO. The transposed convolution at the start and the valid convolution at the end cover the
whole 4x4 activation, so that they are dense layers here.
"""

from msg_stylegan.legacy.original_variables import Layout

_SAME = Layout(lambda a: a, lambda a: a)
_CONVOLUTION = Layout(lambda a: a.transpose(2, 3, 1, 0), lambda a: a.transpose(3, 2, 0, 1))
# (inputs, outputs, 4, 4) there; columns are (4, 4, outputs) here.
_DENSE_TO_MAP = Layout(
    lambda a: a.transpose(0, 2, 3, 1).reshape(a.shape[0], -1),
    lambda a: a.reshape(a.shape[0], 4, 4, -1).transpose(0, 3, 1, 2),
)
# (outputs, inputs, 4, 4) there; rows are (4, 4, inputs) here.
_DENSE_FROM_MAP = Layout(
    lambda a: a.transpose(2, 3, 1, 0).reshape(-1, a.shape[0]),
    lambda a: a.reshape(4, 4, -1, a.shape[1]).transpose(3, 2, 0, 1),
)
# (outputs, inputs, 1, 1) there.
_DENSE = Layout(lambda a: a[:, :, 0, 0].T, lambda a: a.T[:, :, None, None])


def generator_variables(G):
    """Maps every name in a state dict of BMSG-GAN's generator to `(our variable, Layout)`.

    Args:
        G: A built `Generator` with the options of `progan_options`.

    Returns:
        Dictionary for `original_variables.assign` and `original_variables.export`, in the order of
        BMSG-GAN.
    """
    layers, converters = {}, {}
    for index, block in enumerate(G.synthesis.blocks):
        name = f"layers.{index}"
        if block.is_first:
            layers[f"{name}.conv_1.weight"] = (block.dense.kernel, _DENSE_TO_MAP)
            layers[f"{name}.conv_1.bias"] = (block.bias, _SAME)
        else:
            layers.update(_weight_and_bias(f"{name}.conv_1", block.conv0))
        layers.update(_weight_and_bias(f"{name}.conv_2", block.conv1))
        converters.update(_weight_and_bias(f"rgb_converters.{index}", block.torgb))
    return {**layers, **converters}


def discriminator_variables(D):
    """Maps every name in a state dict of BMSG-GAN's discriminator to `(our variable, Layout)`.

    Args:
        D: A built `Discriminator` with the options of `progan_options`.
    """
    last, *blocks = D.blocks
    table = {}
    for index, block in enumerate(blocks):
        from_image = block.fromrgb if block.is_top else block.combine
        table.update(_weight_and_bias(f"rgb_to_features.{index}", from_image))
    table.update(_weight_and_bias("final_converter", last.combine))
    for index, block in enumerate(blocks):
        table.update(_weight_and_bias(f"layers.{index}.conv_1", block.conv0))
        table.update(_weight_and_bias(f"layers.{index}.conv_2", block.conv1))
    table.update(_weight_and_bias("final_block.conv_1", last.conv0))
    table.update(_weight_and_bias("final_block.conv_2", last.dense0, _DENSE_FROM_MAP))
    table.update(_weight_and_bias("final_block.conv_3", last.dense1, _DENSE))
    return table


def _weight_and_bias(name, layer, layout=_CONVOLUTION):
    return {f"{name}.weight": (layer.kernel, layout), f"{name}.bias": (layer.bias, _SAME)}
