import textwrap

import numpy as np
import tensorflow as tf
from support.new_process import run_python

from msg_stylegan.sampling.replica_map import ReplicaMap


def test_every_chunk_is_mapped_alone_and_in_order():
    mapped = ReplicaMap(lambda x, y: {"sum": tf.reduce_sum(x), "both": (x * 2, y)})
    chunks = [(np.full((2, 3), i, np.float32), np.array([i])) for i in range(5)]
    for i, result in enumerate(mapped(iter(chunks))):
        assert result["sum"] == 6 * i
        np.testing.assert_array_equal(result["both"][0], 2 * chunks[i][0])
        np.testing.assert_array_equal(result["both"][1], [i])
    assert i == 4
    assert list(mapped([])) == []


def test_chunks_may_be_endless_and_are_taken_one_after_the_other():
    taken = []

    def chunks():
        for i in range(10**9):
            taken.append(i)
            yield (np.float32(i),)

    results = ReplicaMap(lambda x: x + 1)(chunks())
    assert [next(results) for _ in range(3)] == [1, 2, 3]
    assert taken == [0, 1, 2]


def test_weights_are_read_at_every_call():
    variable = tf.Variable(1.0)
    mapped = ReplicaMap(lambda x: x * variable)
    assert list(mapped([(np.float32(3),)])) == [3]
    variable.assign(2.0)
    assert list(mapped([(np.float32(3),)])) == [6]


def test_two_replicas_share_the_chunks_and_give_the_same(tmp_path):
    # 5 chunks for 2 replicas, of which one has another shape.
    probe = tmp_path / "probe.py"
    probe.write_text(
        textwrap.dedent(
            """
            import numpy as np
            import tensorflow as tf
            from msg_stylegan.sampling.replica_map import ReplicaMap
            from msg_stylegan.training.devices import make_strategy

            strategy = make_strategy(0, 2)
            with strategy.scope():
                factor = tf.Variable(2.0)

            def function(x):
                replica = tf.distribute.get_replica_context().replica_id_in_sync_group
                return tf.reduce_sum(x * factor), tf.convert_to_tensor(replica)

            chunks = [(np.full(n, n, np.float32),) for n in (3, 3, 3, 4, 3)]
            mapped = ReplicaMap(function, strategy)
            print([(float(value), int(replica)) for value, replica in mapped(chunks)])
            """
        )
    )
    expected = [(18.0, 0), (18.0, 1), (18.0, 0), (32.0, 0), (18.0, 0)]
    assert run_python(probe).splitlines()[0] == str(expected)
