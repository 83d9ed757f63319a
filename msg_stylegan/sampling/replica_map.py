"""A compiled function mapped over equal chunks of data, one chunk per device at a time."""

import numpy as np

from msg_stylegan.lazy_tensorflow import tf


class ReplicaMap:
    """Runs a function on many chunks, on all replicas of a strategy.

    What comes out does not depend on the number of replicas: every chunk is computed alone.

    Args:
        function: Takes the tensors of one chunk; returns a tensor, or a list, tuple or dict of
            them. It is compiled once per shape of its arguments.
        strategy: `tf.distribute.Strategy`, in whose scope the variables were made; None for the
            current one.
    """

    def __init__(self, function, strategy=None):
        self._strategy = strategy or tf.distribute.get_strategy()
        self.num_replicas = self._strategy.num_replicas_in_sync

        # Not through AutoGraph: the functions hold no Python control flow over tensors.
        @tf.function(autograph=False, reduce_retracing=True)
        def run(*arguments):
            return self._strategy.run(function, arguments)

        self._run = run

    def __call__(self, chunks):
        """Maps the function.

        Args:
            chunks: Iterable of tuples of arrays, the arguments for one chunk each. May be endless:
                no more chunks are taken at a time than there are replicas.

        Yields:
            What the function returns for each chunk, with NumPy arrays for tensors, in order.
        """
        group = []
        for chunk in chunks:
            # Replicas run together only what has the same shapes.
            if group and [np.shape(x) for x in chunk] != [np.shape(x) for x in group[0]]:
                yield from self._run_group(group)
                group = []
            group.append(chunk)
            if len(group) == self.num_replicas:
                yield from self._run_group(group)
                group = []
        if group:
            yield from self._run_group(group)

    def _run_group(self, group):
        # A replica without work repeats the last chunk: all of them must run.
        padded = group + group[-1:] * (self.num_replicas - len(group))
        arguments = [self._distribute(values) for values in zip(*padded, strict=True)]
        results = self._run(*arguments)
        flat = [self._strategy.experimental_local_results(x) for x in tf.nest.flatten(results)]
        for i in range(len(group)):
            yield tf.nest.pack_sequence_as(results, [values[i].numpy() for values in flat])

    def _distribute(self, values):
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(values[context.replica_id_in_sync_group])
        )
