"""The variables of TensorFlow behind the weights of networks."""

import tensorflow as tf
from tensorflow import keras

# How replicas agree on a weight that each of them assigns; Keras 2 and 3 spell it differently.
MEAN_OF_REPLICAS = "mean" if hasattr(keras, "ops") else tf.VariableAggregation.MEAN


def tensorflow_variable(variable):
    """The `tf.Variable` of a weight, which tapes, strategies and SavedModels ask for.

    Args:
        variable: Weight of a layer: wrapped in Keras 3, a `tf.Variable` itself in Keras 2.

    Returns:
        The variable inside; a `tf.Variable`, also one of several replicas, as it is.
    """
    value = variable.value
    return variable if callable(value) else value


def variables_but_for(layer, inner):
    """Trainable variables of a layer without those of a layer inside it, which may be None."""
    left_out = {id(variable) for variable in inner.trainable_variables} if inner else set()
    return [variable for variable in layer.trainable_variables if id(variable) not in left_out]
