"""Arithmetic of a graph: the products and sums of its convolutions and matrix products."""

import collections
import math

from msg_stylegan.training.graph_memory import needed_operations

_CONVOLUTIONS = {
    # Where the kernel stands, and the tensor with a value for each position of it.
    "Conv2D": (lambda op: op.inputs[1], lambda op: op.outputs[0]),
    "Conv2DBackpropInput": (lambda op: op.inputs[1], lambda op: op.inputs[2]),
    "Conv2DBackpropFilter": (lambda op: op.outputs[0], lambda op: op.inputs[2]),
}
_CONVOLUTIONS |= {
    # Gradients of each channel by itself.
    "DepthwiseConv2dNative": _CONVOLUTIONS["Conv2D"],
    "DepthwiseConv2dNativeBackpropInput": _CONVOLUTIONS["Conv2DBackpropInput"],
    "DepthwiseConv2dNativeBackpropFilter": _CONVOLUTIONS["Conv2DBackpropFilter"],
}
_PRODUCTS = frozenset(("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"))


def count_flops(graph):
    """Floating-point operations of a graph without loops and branches, two for each product.

    Everything that costs time in proportion to channels squared is counted; additions of biases,
    nonlinearities and norms are not. Products with the padding of an image count, as usual.

    Args:
        graph: `tf.Graph` of a concrete function, whose shapes are known.

    Returns:
        Counter of them by type of operation.
    """
    counts = collections.Counter()
    for operation in needed_operations(graph):
        if flops := _flops_of(operation):
            counts[operation.type] += flops
    return counts


def _flops_of(operation):
    if operation.type in _CONVOLUTIONS:
        kernel, placed = (find(operation) for find in _CONVOLUTIONS[operation.type])
        images, height, width, _ = placed.shape
        return 2 * images * height * width * math.prod(kernel.shape)
    if operation.type in _PRODUCTS:
        a, product = operation.inputs[0], operation.outputs[0]
        transposed = any(
            operation.get_attr(name)
            for name in ("transpose_a", "adj_x")
            if name in operation.node_def.attr
        )
        return 2 * math.prod(product.shape) * a.shape[-2 if transposed else -1]
    if operation.type == "Einsum":
        return 2 * _einsum_size(operation)
    return 0


def _einsum_size(operation):
    terms = operation.get_attr("equation").decode().partition("->")[0].split(",")
    sides = {}
    for term, tensor in zip(terms, operation.inputs, strict=True):
        sides.update(zip(term, tensor.shape, strict=True))
    return math.prod(sides.values())
