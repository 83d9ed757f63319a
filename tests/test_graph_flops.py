"""Our count of floating-point operations, beside closed forms and TensorFlow's profiler."""

import collections

import pytest
import tensorflow as tf
from support.slow_cases import first_is_fast
from support.step_cases import STEP_CASES
from support.tiny_run import make_dataset
from support.tiny_training import make_tiny_dataset, tiny_config

from msg_stylegan.options import changed
from msg_stylegan.training.graph_flops import count_flops
from msg_stylegan.training.step_memory import estimate_memory, update_graphs


def flops(function, *shapes):
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    graph = tf.function(function, autograph=False).get_concrete_function(*specs).graph
    return count_flops(graph).total()


@pytest.mark.parametrize(
    "function, shapes, products",
    [
        pytest.param(tf.matmul, ([5, 7], [7, 3]), 5 * 7 * 3, id="matrices"),
        pytest.param(
            lambda a, b: tf.matmul(a, b, transpose_a=True),
            ([7, 5], [7, 3]),
            5 * 7 * 3,
            id="transposed",
        ),
        pytest.param(tf.matmul, ([4, 5, 7], [4, 7, 3]), 4 * 5 * 7 * 3, id="batches of matrices"),
        pytest.param(
            lambda a, b: tf.einsum("nij,njk->nik", a, b),
            ([4, 5, 7], [4, 7, 3]),
            4 * 5 * 7 * 3,
            id="einsum",
        ),
        pytest.param(
            lambda x, w: tf.nn.conv2d(x, w, 2, "SAME"),
            ([2, 8, 6, 5], [3, 3, 5, 7]),
            2 * 4 * 3 * 9 * 5 * 7,
            id="convolution",
        ),
        pytest.param(
            lambda x, w: tf.nn.conv2d_transpose(x, w, [2, 16, 12, 5], 2),
            ([2, 8, 6, 7], [4, 4, 5, 7]),
            2 * 8 * 6 * 16 * 5 * 7,
            id="transposed convolution",
        ),
        pytest.param(
            lambda x, w: tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME"),
            ([2, 8, 6, 5], [3, 3, 5, 1]),
            2 * 8 * 6 * 9 * 5,
            id="of each channel",
        ),
        pytest.param(lambda x: tf.tanh(x) * 2.0, ([3, 4],), 0, id="nonlinearity"),
    ],
)
def test_closed_forms(function, shapes, products):
    assert flops(function, *shapes) == 2 * products


def test_a_gradient_costs_as_much_again_for_each_factor():
    def gradients(x, w):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = tf.nn.conv2d(x, w, 1, "SAME")
            loss = tf.reduce_sum(y * y)
        return tape.gradient(loss, [x, w])

    shapes = ([2, 8, 8, 5], [3, 3, 5, 7])
    assert flops(gradients, *shapes) == 3 * flops(
        lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), *shapes
    )


@pytest.mark.parametrize("name", first_is_fast(["plain", *STEP_CASES]))
def test_steps_cost_what_the_profiler_of_tensorflow_says(name, tmp_path):
    datasets = [
        make_tiny_dataset(tmp_path, label_size=3),
        make_dataset(tmp_path / "tiny_b", label_size=3, seed=1),
    ]
    config = changed(tiny_config(tmp_path), STEP_CASES.get(name, {}))
    datasets = datasets[: 2 if config.dataset.path_b else 1]
    _, state = estimate_memory(config, datasets, 1)
    step = state.enter(state.stage)
    for graph in update_graphs(step, datasets).values():
        counts = count_flops(graph)
        theirs = {kind: profiled(graph)[kind] for kind in counts}
        # The profiler does not know what some kinds cost.
        known = {kind: count for kind, count in counts.items() if theirs[kind]}
        assert {"Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropInput", "MatMul"} <= known.keys()
        assert known == {kind: theirs[kind] for kind in known}


def profiled(graph):
    """Operations of what a function returns, by type, as TensorFlow's profiler counts them."""
    names = [tensor.op.name for tensor in graph.outputs]
    with tf.Graph().as_default() as returned:
        definition = tf.compat.v1.graph_util.extract_sub_graph(
            graph.as_graph_def(add_shapes=True), names
        )
        tf.import_graph_def(definition, name="")
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    node = tf.compat.v1.profiler.profile(returned, cmd="op", options=options)
    counts = collections.Counter()
    while node.children:
        (node,) = node.children
        counts[node.name] += node.float_ops
    return counts
