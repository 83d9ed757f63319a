"""Run by `test_replicas.py` in a process of its own: losses and gradients on N CPU devices.

Writes to an `.npz` file: both losses of every name, summed over the batch, and their gradients.
"""

import sys

import numpy as np
import tensorflow as tf

from msg_stylegan import losses
from msg_stylegan.training import devices

BATCH = 8


def main(num_replicas, target):
    strategy = devices.make_strategy(0, num_replicas if num_replicas > 1 else 0)
    logits = np.random.default_rng(0).normal(size=(2, BATCH, 1)).astype(np.float32)
    share = BATCH // num_replicas

    keys = ("D", "D/real", "D/fake", "G", "G/real", "G/fake")

    @tf.function(autograph=False)
    def on_replica(name):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        first = tf.convert_to_tensor(replica) * share
        real, fake = (tf.constant(x)[first : first + share] for x in logits)
        loss = losses.make_loss(name)
        results = []
        for kind in ("D", "G"):
            with tf.GradientTape() as tape:
                tape.watch([real, fake])
                values = loss.D(real, fake) if kind == "D" else loss.G(fake, real)
                total = tf.reduce_sum(values)
            results += [values, *tape.gradient(total, [real, fake], unconnected_gradients="zero")]
        return results

    arrays = {}
    for name in losses.LOSSES:
        results = strategy.run(on_replica, args=(name,))
        for key, values in zip(keys, results, strict=True):
            parts = strategy.experimental_local_results(values)
            arrays[f"{name}/{key}"] = np.concatenate([part.numpy() for part in parts])
    np.savez(target, **arrays)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
