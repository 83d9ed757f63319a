"""The variables of TensorFlow behind the weights of networks."""


def tensorflow_variable(variable):
    """The `tf.Variable` of a weight, which tapes, strategies and SavedModels ask for.

    Args:
        variable: Weight of a layer: wrapped in Keras 3, a `tf.Variable` itself in Keras 2.

    Returns:
        The variable inside; a `tf.Variable`, also one of several replicas, as it is.
    """
    value = variable.value
    return variable if callable(value) else value
