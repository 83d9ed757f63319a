"""Names of weights by their place in a network, the same with Keras 2 and Keras 3."""

import tensorflow as tf
from tensorflow import keras

_VARIABLES = (tf.Variable, getattr(keras, "Variable", tf.Variable))


def named_variables(network):
    """All variables of a network by their place, such as `synthesis/block_8x8/conv1/kernel`.

    Blocks are named by their resolution, so that networks of different sizes call the same weight
    the same.

    Args:
        network: A network with its weights made.

    Returns:
        Dictionary of names to variables.
    """
    return dict(_walk(network, ""))


def _walk(layer, prefix):
    if not type(layer).__module__.startswith(__package__):
        # A layer of Keras, whose attributes are its own business.
        for variable in layer.variables:
            yield prefix + variable.name.partition(":")[0].rpartition("/")[2], variable
        return
    for name, value in vars(layer).items():
        # Keras keeps the same objects a second time behind underscores.
        if name.startswith("_"):
            continue
        if isinstance(value, _VARIABLES):
            yield prefix + name, value
        elif isinstance(value, keras.layers.Layer):
            yield from _walk(value, f"{prefix}{name}/")
        elif isinstance(value, (list, tuple)):
            for index, child in enumerate(value):
                if isinstance(child, keras.layers.Layer):
                    is_block = hasattr(child, "resolution")
                    place = child.name if is_block else f"{name}{index}"
                    yield from _walk(child, f"{prefix}{place}/")
