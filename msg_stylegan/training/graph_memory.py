"""Memory that the tensors of a graph need, by counting through it as it would run.

Operations run one after the other in the order in which they were made, as on a single stream of a
device. A tensor lives from the operation that makes it to the last one that reads it. TensorFlow
running several operations at a time, on the threads of a CPU, can need more.
"""

import collections
import math

import tensorflow as tf

# Operations whose result is their first input, without a copy.
_VIEWS = frozenset(
    (
        "CheckNumerics",
        "EnsureShape",
        "ExpandDims",
        "Identity",
        "PreventGradient",
        "Reshape",
        "Squeeze",
        "StopGradient",
    )
)
# Those that write into an input of the same size that nobody needs any more.
_IN_PLACE = frozenset(
    (
        "Abs",
        "Add",
        "AddN",
        "AddV2",
        "BiasAdd",
        "Exp",
        "LeakyRelu",
        "LeakyReluGrad",
        "Log",
        "Log1p",
        "Maximum",
        "Minimum",
        "Mul",
        "Neg",
        "Pow",
        "RealDiv",
        "Relu",
        "ReluGrad",
        "Rsqrt",
        "RsqrtGrad",
        "Select",
        "SelectV2",
        "Sigmoid",
        "Sign",
        "Softplus",
        "SoftplusGrad",
        "Sqrt",
        "SqrtGrad",
        "Square",
        "SquaredDifference",
        "Sub",
        "Tanh",
        "TanhGrad",
    )
)
# What is there before the graph runs: inputs, constants and variables.
_NOT_MADE = frozenset(("Const", "Placeholder", "ReadVariableOp"))


def peak_memory(graph):
    """The moment at which most bytes are live in a graph without loops and branches.

    Args:
        graph: `tf.Graph` of a concrete function. Its inputs and variables do not count.

    Returns:
        Dictionary from the shape of the live tensors, a tuple, to their bytes together.

    Raises:
        ValueError: The size of a tensor is not known before the graph runs.
    """
    operations = needed_operations(graph)
    readers = collections.Counter(
        tensor.ref() for operation in operations for tensor in operation.inputs
    )
    readers.update(tensor.ref() for tensor in graph.outputs)
    count = _Count(readers)
    for operation in operations:
        count.run(operation)
    return count.peak


def needed_operations(graph):
    """Operations on which the outputs and the side effects of a function depend, in order."""
    needed, to_see = set(), [tensor.op for tensor in graph.outputs]
    to_see += getattr(graph, "control_outputs", [])
    while to_see:
        operation = to_see.pop()
        if operation not in needed:
            needed.add(operation)
            to_see += [tensor.op for tensor in operation.inputs]
            to_see += operation.control_inputs
    return [operation for operation in graph.get_operations() if operation in needed]


class _Count:
    """Bytes that are live while operations run one after the other.

    Args:
        readers: Number of operations that read a tensor, by its reference.
    """

    def __init__(self, readers):
        self._readers = readers
        # The buffer of every tensor seen so far, and by buffer the readers that are to come.
        self._buffers = {}
        self._left = {}
        self._live = {}
        self._total = self._most = 0
        self.peak = {}

    def run(self, operation):
        made = [
            buffer
            for tensor in operation.outputs
            if (buffer := self._place(operation, tensor)) is not None
        ]
        self._note()
        for tensor in operation.inputs:
            self._release(self._buffers[tensor.ref()], 1)
        for buffer in made:
            self._release(buffer, 0)

    def _place(self, operation, tensor):
        """Gives a tensor its buffer; returns the buffer if it is a new one."""
        reference = tensor.ref()
        buffer = self._buffer_of_input(operation, tensor)
        is_new = buffer is None
        if is_new:
            buffer = reference
            self._left[buffer] = 0
            self._live[buffer] = 0 if operation.type in _NOT_MADE else _bytes_of(tensor)
            self._total += self._live[buffer]
        self._buffers[reference] = buffer
        self._left[buffer] += self._readers[reference]
        return buffer if is_new else None

    def _buffer_of_input(self, operation, tensor):
        if operation.type in _VIEWS:
            return self._buffers[operation.inputs[0].ref()]
        if operation.type not in _IN_PLACE:
            return None
        size = _bytes_of(tensor)
        reads = collections.Counter(self._buffers[t.ref()] for t in operation.inputs)
        for buffer, number in reads.items():
            if self._left[buffer] == number and self._live[buffer] == size:
                return buffer
        return None

    def _release(self, buffer, readings):
        self._left[buffer] -= readings
        if self._left[buffer] == 0:
            self._total -= self._live.pop(buffer, 0)

    def _note(self):
        if self._total > self._most:
            self._most = self._total
            self.peak = collections.Counter()
            for buffer, size in self._live.items():
                if size:
                    self.peak[tuple(buffer.deref().shape)] += size


def _bytes_of(tensor):
    if tensor.dtype in (tf.resource, tf.variant, tf.string):
        return 0
    if not tensor.shape.is_fully_defined():
        raise ValueError(f"the size of {tensor.name} is not known before it is computed")
    return math.prod(tensor.shape) * tensor.dtype.size
