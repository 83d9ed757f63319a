"""The original's variables by name, and how each is laid out in our networks.

The original (TensorFlow 1, NCHW) stores the weights before the run-time scale, as we do. Three
things differ: activations are NCHW there; dense rows and columns that come from or go to a 4x4
activation are ordered C, H, W there; and where it fuses upsampling with the convolution its kernel
is ours mirrored in both axes.
"""

import numpy as np

from msg_stylegan.legacy.original_shapes import check_arrays


class Layout:
    """A pair of functions between the original's array and ours."""

    def __init__(self, to_ours, to_original):
        self.to_ours = to_ours
        self.to_original = to_original


_SAME = Layout(lambda a: a, lambda a: a)
_MAP = Layout(lambda a: a.transpose(0, 2, 3, 1), lambda a: a.transpose(0, 3, 1, 2))
_MIRRORED = Layout(lambda a: a[::-1, ::-1], lambda a: a[::-1, ::-1])


def _dense_rows(a, before, after):
    inputs = a.reshape(*before, -1)
    return inputs.transpose(*after, 3).reshape(a.shape)


# Rows of the discriminator's first dense layer: (C, 4, 4) there, (4, 4, C) here.
_DENSE_FROM_MAP = Layout(
    lambda a: _dense_rows(a, (a.shape[0] // 16, 4, 4), (1, 2, 0)),
    lambda a: _dense_rows(a, (4, 4, a.shape[0] // 16), (2, 0, 1)),
)
# Columns of the dense layer that replaces the constant input.
_DENSE_TO_MAP = Layout(
    lambda a: _DENSE_FROM_MAP.to_ours(a.T).T, lambda a: _DENSE_FROM_MAP.to_original(a.T).T
)


def generator_variables(G, fused_from=128):
    """Maps every variable name of the original's generator to `(our variable, Layout)`.

    Args:
        G: A built `Generator`.
        fused_from: Output side from which on the original fuses; see `original_options.fused_from`.

    Returns:
        Dictionary in the original's order of creation. Names of the synthesis and the mapping
        are prefixed with `G_synthesis/` and `G_mapping/`.
    """
    table = {"dlatent_avg": (G.w_avg, _SAME)}
    blocks = G.synthesis.blocks
    epilogues = [e for block in blocks for e in (block.epilogue0, block.epilogue1)]
    synthesis = {
        f"noise{index}": (epilogue.noise.const, _MAP)
        for index, epilogue in enumerate(epilogues)
        if epilogue.noise is not None
    }
    for index, block in enumerate(blocks):
        scope = f"{block.resolution}x{block.resolution}"
        if block.is_first and block.options.use_const_input:
            synthesis[f"{scope}/Const/const"] = (block.const, _MAP)
            name0, name1 = "Const", "Conv"
        elif block.is_first:
            synthesis[f"{scope}/Dense/weight"] = (block.dense.kernel, _DENSE_TO_MAP)
            name0, name1 = "Dense", "Conv"
        else:
            layout = _MIRRORED if block.resolution >= fused_from else _SAME
            synthesis[f"{scope}/Conv0_up/weight"] = (block.conv0.kernel, layout)
            name0, name1 = "Conv0_up", "Conv1"
        synthesis.update(_epilogue_variables(f"{scope}/{name0}", block.epilogue0))
        synthesis[f"{scope}/{name1}/weight"] = (block.conv1.kernel, _SAME)
        synthesis.update(_epilogue_variables(f"{scope}/{name1}", block.epilogue1))
        if block.torgb is not None:
            synthesis.update(_weight_and_bias(f"ToRGB_lod{len(blocks) - 1 - index}", block.torgb))
    table.update({f"G_synthesis/{name}": entry for name, entry in synthesis.items()})
    if G.label_size:
        table["G_mapping/LabelConcat/weight"] = (G.mapping.label_kernel, _SAME)
    for index, layer in enumerate(G.mapping.dense_layers):
        table.update(_weight_and_bias(f"G_mapping/Dense{index}", layer))
    return table


def discriminator_variables(D):
    """Maps every variable name of the original's discriminator to `(our variable, Layout)`.

    Other combine functions than the original's have a bias, too, or no variables.

    Args:
        D: A built `Discriminator`.
    """
    table = {}
    for block in reversed(D.blocks):
        scope = f"{block.resolution}x{block.resolution}"
        if block.is_top:
            table.update(_weight_and_bias("FromRGB_lod0", block.fromrgb))
        elif block.combine.variables:
            table[f"{scope}/combine/weight"] = (block.combine.kernel, _SAME)
            if block.combine.use_bias:
                table[f"{scope}/combine/bias"] = (block.combine.bias, _SAME)
        if block.is_last:
            table.update(_weight_and_bias(f"{scope}/Conv", block.conv0))
            table[f"{scope}/Dense0/weight"] = (block.dense0.kernel, _DENSE_FROM_MAP)
            table[f"{scope}/Dense0/bias"] = (block.dense0.bias, _SAME)
            table.update(_weight_and_bias(f"{scope}/Dense1", block.dense1))
        else:
            table.update(_weight_and_bias(f"{scope}/Conv0", block.conv0))
            table.update(_weight_and_bias(f"{scope}/Conv1_down", block.conv1))
    return table


def assign(table, arrays):
    """Sets our variables to the original's arrays.

    Args:
        table: From `generator_variables` or `discriminator_variables`.
        arrays: Dictionary from the original's names to arrays.

    Raises:
        ValueError: A name is missing or unknown, or a shape differs.
    """
    shapes = {
        name: layout.to_original(np.broadcast_to(np.float32(0), tuple(variable.shape))).shape
        for name, (variable, layout) in table.items()
    }
    check_arrays(arrays, shapes)
    for name, (variable, layout) in table.items():
        variable.assign(layout.to_ours(np.asarray(arrays[name], dtype=np.float32)))


def export(table):
    """Returns our variables as arrays with the original's names and layouts."""
    return {
        name: np.ascontiguousarray(layout.to_original(variable.numpy()))
        for name, (variable, layout) in table.items()
    }


def _weight_and_bias(name, layer):
    return {f"{name}/weight": (layer.kernel, _SAME), f"{name}/bias": (layer.bias, _SAME)}


def _epilogue_variables(name, epilogue):
    table = {}
    if epilogue.noise is not None:
        table[f"{name}/Noise/weight"] = (epilogue.noise.strength, _SAME)
    table[f"{name}/bias"] = (epilogue.bias, _SAME)
    if epilogue.options.use_styles:
        table.update(_weight_and_bias(f"{name}/StyleMod", epilogue.style))
    return table
