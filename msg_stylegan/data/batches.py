"""Training input: an endless, shuffled stream of batches that can start at any image.

Replaces the shuffle buffer of the original: the order follows from arithmetic, needs 8 bytes of
memory per image, and is a true shuffle of the whole data set.
"""

import atexit
import os
import threading
import time

import numpy as np
import tensorflow as tf

# Batches being read at the same time, and batches waiting. Fixed, so that memory is bounded.
_PARALLEL_READS = 2
# Decoding takes far longer than reading, and each batch takes a thread.
_PARALLEL_DECODES = min(max(os.cpu_count() or 1, _PARALLEL_READS), 8)
_PREFETCHED_BATCHES = 2


class _OpenCalls:
    """The calls from tf.data's threads into Python, which must come to rest before Python ends.

    A thread that enters Python while the interpreter shuts down never returns. The destruction of
    its iterator waits for it, and the process hangs. But once nobody takes batches any more, the
    buffers soon fill up and no further calls come: this class waits for that.
    """

    # After so many seconds without a call all buffers are full: calls follow closely on each other.
    _REST = 0.3
    _PATIENCE = 30.0

    def __init__(self):
        self._lock = threading.Lock()
        self._count = 0
        self._last = -self._REST

    def __enter__(self):
        with self._lock:
            self._count += 1

    def __exit__(self, *_):
        with self._lock:
            self._count -= 1
            self._last = time.monotonic()

    def wait_for_rest(self):
        deadline = time.monotonic() + self._PATIENCE
        while time.monotonic() < deadline:
            with self._lock:
                if self._count == 0 and time.monotonic() - self._last >= self._REST:
                    return
            time.sleep(self._REST / 10)


_open_calls = _OpenCalls()
atexit.register(_open_calls.wait_for_rest)


class ShuffledOrder:
    """The endless sequence of record numbers: each epoch is another permutation of all of them.

    Args:
        num_images: Records per epoch.
        seed: Decides all permutations.
    """

    def __init__(self, num_images, seed):
        self.num_images = num_images
        self.seed = seed
        self._epochs = {}
        self._lock = threading.Lock()

    def at(self, positions):
        """Record numbers at the given positions of the sequence, int64 `[N]` both."""
        positions = np.asarray(positions, np.int64)
        epochs, offsets = np.divmod(positions, self.num_images)
        indices = np.empty_like(positions)
        for epoch in np.unique(epochs):
            members = epochs == epoch
            indices[members] = self._permutation(int(epoch))[offsets[members]]
        return indices

    def _permutation(self, epoch):
        with self._lock:
            if epoch not in self._epochs:
                # A batch touches two epochs at most, unless the epochs are tiny.
                while len(self._epochs) >= 2:
                    del self._epochs[min(self._epochs)]
                # The raw stream of a bit generator is the same in all versions of numpy, which
                # `Generator.permutation` does not promise.
                bits = np.random.PCG64(np.random.SeedSequence([self.seed, epoch]))
                order = np.argsort(bits.random_raw(self.num_images), kind="stable")
                self._epochs[epoch] = order
            return self._epochs[epoch]


def training_batches(dataset, *, batch_size, seed, start=0, input_context=None):
    """Endless batches of real images for training.

    Image `p` of the stream depends only on `seed` and `p`, whatever the batch size and the numbers
    of replicas and hosts. No image is dropped: batches run over the end of an epoch, and an epoch
    may be smaller than a batch.

    Args:
        dataset: A `TFRecordDataset`.
        batch_size: Images per step on all replicas together.
        seed: Decides the order.
        start: Images consumed so far, to continue a run.
        input_context: The `tf.distribute.InputContext` of this host, as given by
            `strategy.distribute_datasets_from_function`; None = one host and one replica.

    Returns:
        A `tf.data.Dataset` of {"images": uint8 `[n, r, r, C]`, "labels": float32
        `[n, label_size]`}, `n` the batch size per replica. With several local replicas,
        successive elements are the parts of one global batch for one replica after the other.

    Raises:
        ValueError: The batch cannot be split evenly.
    """
    if batch_size < 1 or start < 0:
        raise ValueError(
            f"Expected batch_size >= 1 and start >= 0. Received: batch_size={batch_size}, "
            f"start={start}"
        )
    context = input_context or tf.distribute.InputContext()
    num_replicas = context.num_replicas_in_sync
    if batch_size % num_replicas or num_replicas % context.num_input_pipelines:
        raise ValueError(
            f"`schedule.batch_size` must be a multiple of the number of replicas. "
            f"Received: {batch_size} images for {num_replicas} replicas on "
            f"{context.num_input_pipelines} hosts"
        )
    batch_per_replica = batch_size // num_replicas
    local_replicas = num_replicas // context.num_input_pipelines
    first_replica = context.input_pipeline_id * local_replicas
    order = ShuffledOrder(dataset.num_images, seed)

    def read(element):
        step, local_replica = divmod(int(element), local_replicas)
        first = start + step * batch_size + (first_replica + local_replica) * batch_per_replica
        with _open_calls:
            indices = order.at(np.arange(first, first + batch_per_replica))
            return dataset.read_images(indices), dataset.read_labels(indices)

    def batch(element):
        images, labels = tf.numpy_function(read, [element], [tf.uint8, tf.float32])
        images.set_shape([batch_per_replica, *dataset.shape])
        labels.set_shape([batch_per_replica, dataset.label_size])
        return {"images": images, "labels": labels}

    options = tf.data.Options()
    # The pipelines share the work by the arithmetic above.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    batches = tf.data.Dataset.counter()
    parallel = _PARALLEL_READS if dataset.encoding == "raw" else _PARALLEL_DECODES
    batches = batches.map(batch, num_parallel_calls=parallel, deterministic=True)
    return batches.prefetch(_PREFETCHED_BATCHES).with_options(options)
