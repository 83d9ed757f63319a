"""Reduced precision: the blocks that compute in it, and what that asks of their layers.

Weights are float32 variables. A layer computes in the type of its input: the operations cast
kernels and biases to it. A block casts what enters to its `compute_type`, and what leaves towards
images, other blocks do the same. In reduced types activations are clamped, and norms, styles and
the minibatch standard deviation are computed in float32, see `ops`.
"""

import tensorflow as tf

from msg_stylegan.networks.float32 import Float32


class TypeOfInput(Float32):
    """Lets a Keras layer with float32 weights see its input in the type that it has."""

    def __init__(self, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})


class Block(TypeOfInput):
    """A block of a network, which may compute in reduced precision.

    Attributes:
        compute_type: Type of the activations, see `reduce_precision`. It belongs to a training and
            not to the network: snapshots do not have it.
    """

    compute_type = tf.float32

    def enter(self, x):
        """`x`, a tensor or None, in the type of the block."""
        return None if x is None else tf.cast(x, self.compute_type)


def reduce_precision(blocks, compute_type, num_scales):
    """Lets the blocks of the highest scales compute in a type of 16 bits.

    That of 4x4 stays at float32: its dense layers are what w enters, and what gives the logits. A
    compiled function keeps the types with which it was traced.

    Args:
        blocks: `Block`s of a network, low to high resolution.
        compute_type: `tf.bfloat16` or `tf.float16`.
        num_scales: Number of scales.

    Source:
        Karras et al. 2020 (ADA), appendix; there with float16.
    """
    for block in blocks[-num_scales:]:
        if block.resolution > 4:
            block.compute_type = compute_type
