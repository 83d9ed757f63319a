"""The same computation without rounding errors worth mentioning."""

import numpy as np
import tensorflow as tf

FLOAT, DOUBLE = tf.float32.as_datatype_enum, tf.float64.as_datatype_enum


def in_float64(function, *arguments):
    """`function` with every float32 operation in it computed in float64.

    Args:
        function: Makes a nest of tensors of its arguments and of variables, and changes none.
        arguments: Tensors, or None, like those that it is called with.

    Returns:
        Function of the same arguments, which sees the variables as they are when it is called;
        float64 tensors where the other one gives float32.
    """
    traced = tf.function(function, autograph=False).get_concrete_function(*arguments)
    placeholders = [tensor.op.name for tensor in traced.graph.internal_captures]
    variables = {
        name: variable
        for name, handle in zip(placeholders, traced.captured_inputs, strict=True)
        for variable in traced.variables
        if variable.handle is handle
    }
    graph = traced.graph.as_graph_def()
    assert not graph.library.function, "what is called is not widened"
    reads = {}
    for node in graph.node:
        if node.op == "ReadVariableOp":
            reads[f"{node.name}:0"] = variables[node.input[0]]
            node.CopyFrom(tf.compat.v1.NodeDef(name=node.name, op="Placeholder", attr=node.attr))
        for attribute in node.attr.values():
            _widen(attribute)
    wide = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    inputs = [t.name for t in traced.inputs if t.op.name not in placeholders]
    compute = wide.prune(
        [wide.graph.get_tensor_by_name(name) for name in [*inputs, *reads]],
        [wide.graph.get_tensor_by_name(tensor.name) for tensor in traced.outputs],
    )

    def call(*arguments):
        given = [value for value in arguments if value is not None]
        values = [tf.convert_to_tensor(value) for value in [*given, *reads.values()]]
        results = compute(*(_wide(value) for value in values))
        return tf.nest.pack_sequence_as(traced.structured_outputs, results)

    return call


def _wide(tensor):
    return tf.cast(tensor, tf.float64) if tensor.dtype == tf.float32 else tensor


def _widen(attribute):
    kind = attribute.WhichOneof("value")
    if kind == "type" and attribute.type == FLOAT:
        attribute.type = DOUBLE
    elif kind == "tensor" and attribute.tensor.dtype == FLOAT:
        array = tf.make_ndarray(attribute.tensor).astype(np.float64)
        attribute.tensor.CopyFrom(tf.make_tensor_proto(array))
    elif kind == "list":
        attribute.list.type[:] = [DOUBLE if one == FLOAT else one for one in attribute.list.type]
