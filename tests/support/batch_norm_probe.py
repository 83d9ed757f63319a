"""Run by `test_scogan_layers.py` in a process of its own: batch norm on two logical CPU devices.

Writes to an `.npz` file what the replicas return and the running moments that each of them sees.
"""

import sys

import numpy as np
import tensorflow as tf

from msg_stylegan.networks.scogan_layers import BatchNorm
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.training import devices


def main(target):
    strategy = devices.make_strategy(0, 2)
    with strategy.scope():
        norm = BatchNorm()
        norm.build((None, 3))
    inputs = np.random.default_rng(0).normal(2.0, 3.0, (2, 5, 3)).astype(np.float32)

    @tf.function
    def train():
        def on_replica():
            index = tf.distribute.get_replica_context().replica_id_in_sync_group
            return norm(tf.gather(tf.constant(inputs), index), training=True)

        return strategy.run(on_replica)

    outputs = strategy.experimental_local_results(train())
    arrays = {"inputs": inputs, "outputs": np.stack([output.numpy() for output in outputs])}
    for name in ("mean", "variance"):
        variable = tensorflow_variable(getattr(norm, name))
        copies = strategy.experimental_local_results(variable)
        arrays[name] = np.stack([copy.numpy() for copy in copies])
    np.savez(target, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
