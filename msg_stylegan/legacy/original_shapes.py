"""Names and shapes of the original's variables, worked out from the options of a network.

What a file claims about its networks is checked by them before any memory is taken for a network.
"""

import math

import numpy as np

from msg_stylegan.resolutions import channels, connected_scales, scales

# Far above what any network has.
_MAX_SIZE = 2**20
_MAX_RESOLUTION = 2**14
_MAX_LAYERS = 64
_MAX_TAPS = 15


def check_options(options, known):
    """Checks the options of a network out of a file, before anything is computed from them.

    Args:
        options: Arguments of our `Generator` or `Discriminator`.
        known: Names that there must be.

    Raises:
        ValueError: A name is missing or unknown, or a value is of a wrong type or beyond all sense.
    """
    if options.keys() != set(known):
        missing, unknown = sorted(known - options.keys()), sorted(options.keys() - known)
        raise ValueError(f"Options of a network are missing: {missing}, or unknown: {unknown}")
    for name, value in options.items():
        if not _KINDS[name](value):
            raise ValueError(f"Option `{name}` of a network has the value {value!r}.")


def generator_shapes(options):
    """Shapes of all variables of the original's generator.

    Args:
        options: Checked arguments of our `Generator`.

    Returns:
        Dictionary from the names of `original_variables.generator_variables` to shapes, in the
        same order.

    Raises:
        ValueError: There is no network of this resolution or with these channels.
    """
    resolutions, widths = _geometry(options)
    w_dim, num_channels = options["w_dim"], options["num_channels"]
    top = len(resolutions) - 1
    connected = connected_scales(options["connect"], options["resolution"])
    shapes = {}
    if options["use_noise"]:
        for index in range(2 * len(resolutions)):
            side = resolutions[index // 2]
            shapes[f"noise{index}"] = (1, 1, side, side)
    for index, res in enumerate(resolutions):
        scope, inputs, width = f"{res}x{res}", widths[index], widths[index + 1]
        first, second = "Conv0_up", "Conv1"
        if index:
            shapes[f"{scope}/Conv0_up/weight"] = (3, 3, inputs, width)
        elif options["use_const_input"]:
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
    return {"dlatent_avg": (w_dim,)} | prefixed | _mapping(options)


def discriminator_shapes(options):
    """Shapes of all variables of the original's discriminator; see `generator_shapes`."""
    resolutions, widths = _geometry(options)
    num_channels = options["num_channels"]
    connected = connected_scales(options["connect"], options["resolution"])
    combines = [options["combine"] if res in connected else None for res in resolutions]
    shapes = {}
    for index, res in reversed(list(enumerate(resolutions))):
        scope, width, outputs = f"{res}x{res}", widths[index + 1], widths[index]
        combine = combines[index]
        inputs = width + _stddev_channels(options, is_last=index == 0)
        if res == resolutions[-1]:
            shapes |= _weight_and_bias("FromRGB_lod0", (1, 1, num_channels, width))
        elif combine == "simple":
            inputs += num_channels
        elif combine == "lin_cat":
            shapes |= _weight_and_bias(f"{scope}/combine", (1, 1, num_channels, width // 2))
        elif combine is not None:
            shapes[f"{scope}/combine/weight"] = (1, 1, width + num_channels, width)
        if index:
            if combines[index - 1] == "lin_cat":
                outputs -= outputs // 2
            shapes |= _weight_and_bias(f"{scope}/Conv0", (3, 3, inputs, width))
            shapes |= _weight_and_bias(f"{scope}/Conv1_down", (3, 3, width, outputs))
        else:
            shapes |= _weight_and_bias(f"{scope}/Conv", (3, 3, inputs, width))
            shapes |= _weight_and_bias(f"{scope}/Dense0", (16 * width, outputs))
            shapes |= _weight_and_bias(f"{scope}/Dense1", (outputs, max(options["label_size"], 1)))
    return shapes


def check_arrays(arrays, shapes):
    """Checks arrays out of a file against `generator_shapes` or `discriminator_shapes`.

    Raises:
        ValueError: A name is missing or unknown, or a shape differs.
    """
    missing, unknown = sorted(shapes.keys() - arrays.keys()), sorted(arrays.keys() - shapes.keys())
    if missing or unknown:
        raise ValueError(
            f"The variables do not fit the network. Missing: {_some(missing)}. "
            f"Unknown: {_some(unknown)}."
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
        ValueError: An array is of another type, or has a number that is none.
    """
    result = {}
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            raise ValueError(f"Variable `{name}` is of type {array.dtype}. Expected float32.")
        if not np.isfinite(array).all() or np.abs(array).max(initial=0) > np.finfo("f4").max:
            raise ValueError(f"Variable `{name}` holds NaN or infinity.")
        result[name] = array.astype(np.float32, copy=False)
    return result


def _stddev_channels(options, is_last):
    """Channels that the minibatch stddev adds to a block of the discriminator."""
    is_here = is_last or options["mbstd_blocks"] == "all"
    return options["mbstd_num_channels"] * (is_here and options["mbstd_group_size"] not in (0, 1))


def _geometry(options):
    resolutions = scales(options["resolution"])
    shape = (options["channel_base"], options["channel_decay"], options["channel_max"])
    return resolutions, [channels(level, *shape) for level in range(len(resolutions) + 1)]


def _mapping(options):
    shapes = {}
    size = options["z_dim"]
    if options["label_size"]:
        shapes["G_mapping/LabelConcat/weight"] = (options["label_size"], size)
        size *= 2
    last = options["mapping_layers"] - 1
    for index in range(options["mapping_layers"]):
        width = options["w_dim"] if index == last else options["mapping_width"]
        shapes |= _weight_and_bias(f"G_mapping/Dense{index}", (size, width))
        size = width
    return shapes


def _epilogue(name, width, options):
    shapes = {f"{name}/Noise/weight": (width,)} if options["use_noise"] else {}
    shapes[f"{name}/bias"] = (width,)
    if options["use_styles"]:
        shapes |= _weight_and_bias(f"{name}/StyleMod", (options["w_dim"], 2 * width))
    return shapes


def _weight_and_bias(name, shape):
    return {f"{name}/weight": shape, f"{name}/bias": shape[-1:]}


def _some(names):
    """Text of a list that may be long."""
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" * (len(names) > 5)) or (
        "none"
    )


def _whole(low, high=_MAX_SIZE):
    return lambda value: type(value) is int and low <= value <= high


def _number(low, high):
    return lambda value: (
        type(value) in (int, float) and math.isfinite(value) and low <= value <= high
    )


def _is_flag(value):
    return type(value) is bool


def _is_name(value):
    return type(value) is str and len(value) < 100


def _are_taps(value):
    is_tap = _number(-1e6, 1e6)
    return isinstance(value, (list, tuple)) and len(value) <= _MAX_TAPS and all(map(is_tap, value))


_NAMES = ("synthesis", "z_space", "connect", "mbstd_blocks", "combine", "body")

# Option -> whether a value of it makes sense.
_KINDS = {
    "resolution": _whole(1, _MAX_RESOLUTION),
    "num_channels": _whole(1),
    "label_size": _whole(0),
    "z_dim": _whole(1),
    "w_dim": _whole(1),
    "mapping_layers": _whole(0, _MAX_LAYERS),
    "mapping_width": _whole(1),
    "mapping_lr_multiplier": _number(0, 1e6),
    "mapping_nonlinearity": _is_name,
    "normalize_z": _is_flag,
    "channel_base": _number(1, 2**40),
    "channel_decay": _number(0, 16),
    "channel_max": _whole(1),
    "nonlinearity": _is_name,
    "equalized_lr": _is_flag,
    "use_styles": _is_flag,
    "use_noise": _is_flag,
    "use_const_input": _is_flag,
    "use_pixel_norm": _is_flag,
    "use_instance_norm": _is_flag,
    "blur_filter": _are_taps,
    "w_avg_beta": _number(0, 1),
    "mbstd_group_size": _whole(-1),
    "mbstd_num_channels": _whole(1),
    **dict.fromkeys(_NAMES, _is_name),
}
