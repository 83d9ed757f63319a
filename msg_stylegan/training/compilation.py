"""Gradients that XLA compiles."""

import contextlib

import tensorflow as tf


def compiled(compute, randoms):
    """A function that XLA compiles, and which draws no numbers.

    Args:
        compute: Function without arguments.
        randoms: List of `StepRandomness` that it draws from; they draw outside of it, because XLA
            draws other numbers from the same seed.

    Returns:
        Function without arguments that returns what `compute` does.
    """

    def call():
        graph = tf.compat.v1.get_default_graph()
        # A new function for every call, because it sees the samples of one round.
        function = tf.function(compute, autograph=False, jit_compile=True)
        with contextlib.ExitStack() as stack:
            for random in randoms:
                stack.enter_context(random.outside(graph))
            return function()

    return call
