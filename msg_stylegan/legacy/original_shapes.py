"""Names and shapes of the original's variables, worked out from the options of a network.

They check what a file claims about its networks before any memory is taken for a network.
"""

import dataclasses

import numpy as np

from msg_stylegan.option import problems_of
from msg_stylegan.resolutions import (
    channel_counts,
    connected_scales,
    discriminator_channels,
    scales,
)

# Far above what any network has.
_MAX_NUMBER = 2**20
_MAX_LAYERS = 64
_MAX_TAPS = 15


def check_network(options, data):
    """Checks what a file says of a network, before anything is computed from it.

    Args:
        options: `GeneratorOptions` or `DiscriminatorOptions`, with values of any kind.
        data: `Interface`, likewise.

    Raises:
        ValueError: A value is not possible, or absurdly large.
    """
    for name, value in dataclasses.asdict(data).items():
        low = 1 if name in ("resolution", "num_channels") else 0
        expected = str if name == "connect" else int
        if type(value) is not expected or (expected is int and not low <= value <= _MAX_NUMBER):
            raise ValueError(f"Option `{name}` of a network has the value {value!r}.")
    problems = problems_of(options)
    for name, value in dataclasses.asdict(options).items():
        if name in problems or _is_absurd(name, value):
            raise ValueError(f"Option `{name}` of a network has the value {value!r}.")
    if problems := options.problems(data):
        raise ValueError("\n".join(problems))


def _is_absurd(name, value):
    if isinstance(value, str):
        return False
    numbers = value if isinstance(value, tuple) else (value,)
    limit = _MAX_LAYERS if name == "mapping_layers" else _MAX_NUMBER
    return len(numbers) > _MAX_TAPS or any(abs(number) > limit for number in numbers)


def generator_shapes(options, data):
    """Shapes of all variables of the original's generator.

    Args:
        options: Checked `GeneratorOptions`.
        data: Checked `Interface`.

    Returns:
        Dictionary from the names of `original_variables.generator_variables` to shapes, in the
        same order.

    Raises:
        ValueError: No network has this resolution.
    """
    resolutions = scales(data.resolution)
    widths = channel_counts(len(resolutions), options)
    w_dim, num_channels = options.w_dim, data.num_channels
    top = len(resolutions) - 1
    connected = connected_scales(data.connect, data.resolution)
    shapes = {}
    if options.use_noise:
        for index in range(2 * len(resolutions)):
            side = resolutions[index // 2]
            shapes[f"noise{index}"] = (1, 1, side, side)
    for index, res in enumerate(resolutions):
        scope, inputs, width = f"{res}x{res}", widths[index], widths[index + 1]
        first, second = "Conv0_up", "Conv1"
        if index:
            shapes[f"{scope}/Conv0_up/weight"] = (3, 3, inputs, width)
        elif options.use_const_input:
            shapes[f"{scope}/Const/const"] = (1, width, 4, 4)
            first, second = "Const", "Conv"
        else:
            shapes[f"{scope}/Dense/weight"] = (w_dim, 16 * width)
            first, second = "Dense", "Conv"
        shapes |= _epilogue(f"{scope}/{first}", width, options)
        shapes[f"{scope}/{second}/weight"] = (3, 3, width, width)
        shapes |= _epilogue(f"{scope}/{second}", width, options)
        if res in connected:
            shapes |= _weight_and_bias(f"ToRGB_lod{top - index}", (1, 1, width, num_channels))
    prefixed = {f"G_synthesis/{name}": shape for name, shape in shapes.items()}
    return {"dlatent_avg": (w_dim,)} | prefixed | _mapping(options, data)


def discriminator_shapes(options, data):
    """Shapes of all variables of the original's discriminator; see `generator_shapes`."""
    num_channels, shapes = data.num_channels, {}
    for block in reversed(discriminator_channels(options, data)):
        res, width = block.resolution, block.inside
        scope = f"{res}x{res}"
        if res == data.resolution:
            shapes |= _weight_and_bias("FromRGB_lod0", (1, 1, num_channels, width))
        elif block.combine == "lin_cat":
            shapes |= _weight_and_bias(f"{scope}/combine", (1, 1, num_channels, width // 2))
        elif block.combine == "cat_lin":
            shapes[f"{scope}/combine/weight"] = (1, 1, width + num_channels, width)
        inputs = block.joined + options.mbstd_num_channels * options.uses_mbstd(res)
        if res > 4:
            shapes |= _weight_and_bias(f"{scope}/Conv0", (3, 3, inputs, width))
            shapes |= _weight_and_bias(f"{scope}/Conv1_down", (3, 3, width, block.out))
        else:
            shapes |= _weight_and_bias(f"{scope}/Conv", (3, 3, inputs, width))
            shapes |= _weight_and_bias(f"{scope}/Dense0", (16 * width, block.out))
            shapes |= _weight_and_bias(f"{scope}/Dense1", (block.out, max(data.label_size, 1)))
    return shapes


def check_arrays(arrays, shapes):
    """Checks arrays from a file against `generator_shapes` or `discriminator_shapes`.

    Raises:
        ValueError: A name is missing or unknown, or a shape differs.
    """
    missing, unknown = sorted(shapes.keys() - arrays.keys()), sorted(arrays.keys() - shapes.keys())
    if missing or unknown:
        raise ValueError(
            f"The variables do not fit the network. Missing: {some_names(missing)}. "
            f"Unknown: {some_names(unknown)}."
        )
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(
                f"Expected variable `{name}` of shape {list(shape)}. "
                f"Received: {list(arrays[name].shape)}"
            )


def finite_floats(arrays):
    """The arrays as float32, after checking that they are numbers.

    Raises:
        ValueError: An array is of another type, or has a number that is NaN or infinite.
    """
    result = {}
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            raise ValueError(f"Variable `{name}` is of type {array.dtype}. Expected float32.")
        if not np.isfinite(array).all() or np.abs(array).max(initial=0) > np.finfo("f4").max:
            raise ValueError(f"Variable `{name}` holds NaN or infinity.")
        result[name] = array.astype(np.float32, copy=False)
    return result


def _mapping(options, data):
    shapes = {}
    size = options.z_dim
    if data.label_size:
        shapes["G_mapping/LabelConcat/weight"] = (data.label_size, size)
        size *= 2
    last = options.mapping_layers - 1
    for index in range(options.mapping_layers):
        width = options.w_dim if index == last else options.mapping_width
        shapes |= _weight_and_bias(f"G_mapping/Dense{index}", (size, width))
        size = width
    return shapes


def _epilogue(name, width, options):
    shapes = {f"{name}/Noise/weight": (width,)} if options.use_noise else {}
    shapes[f"{name}/bias"] = (width,)
    if options.use_styles:
        shapes |= _weight_and_bias(f"{name}/StyleMod", (options.w_dim, 2 * width))
    return shapes


def _weight_and_bias(name, shape):
    return {f"{name}/weight": shape, f"{name}/bias": shape[-1:]}


def some_names(names):
    """Text of a list that may be long."""
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" * (len(names) > 5)) or (
        "none"
    )
