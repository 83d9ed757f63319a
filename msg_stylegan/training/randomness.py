"""Random numbers of an iteration: a pure function of the seed and the images shown so far."""

import contextlib
import enum

import tensorflow as tf

from msg_stylegan.networks.part_seed import PartSeed


class Stream(enum.IntEnum):
    """What random numbers are for. The values are part of what a resumed run repeats exactly."""

    D_LATENTS = 0
    G_LATENTS = 1
    MIRROR = 2
    LABELS = 3
    NOISE = 4
    # Noisy targets of a least-squares loss.
    TARGETS = 5
    # Shares of the reals in the mixtures of the gradient penalty.
    MIXTURE = 6
    # Lists of images on their way into D, by update.
    REALS_OF_D = 7
    FAKES_OF_D = 8
    MIXED_OF_D = 9
    REALS_OF_G = 10
    FAKES_OF_G = 11
    # Other latents of style mixing, and the layer where they begin, by update.
    D_MIXED = 12
    G_MIXED = 13
    PATH_MIXED = 14
    # What path lengths are measured with.
    PATH_LATENTS = 15
    PATH_LABELS = 16
    PATH_DIRECTIONS = 17


# What is never the same in two domains, whose reals do not belong together.
OWN_STREAMS = (Stream.MIRROR, Stream.TARGETS, Stream.MIXTURE)
# What a domain reads its images with: augmentation and dropout.
VIEWS = (
    Stream.REALS_OF_D,
    Stream.FAKES_OF_D,
    Stream.MIXED_OF_D,
    Stream.REALS_OF_G,
    Stream.FAKES_OF_G,
)
# Added to the numbers of streams that domain B has for itself.
_OWN = 1000
# Folded into the seed of a stream for what is not drawn for its samples.
_ONCE = 1


class StepRandomness:
    """Draws that a resumed run repeats, and that do not depend on the number of replicas.

    Args:
        seed: Seed of the run.
        cur_nimg: int64 variable: real images shown so far.
        batch_size: Images per update, over all replicas.
        num_replicas: Devices that share a batch.
        own_streams: `Stream`s that are to differ from those of the other domain of a pair.
    """

    def __init__(self, seed, cur_nimg, batch_size, num_replicas, own_streams=()):
        self._seed = seed
        self._cur_nimg = cur_nimg
        self._batch_size = batch_size
        self._batch_per_replica = batch_size // num_replicas
        self._own_streams = frozenset(own_streams)
        self._rows = None
        self._graph = None

    @property
    def is_part(self):
        """Whether only some samples are seen."""
        return self._rows is not None

    @contextlib.contextmanager
    def only(self, rows):
        """Lets everything be about some samples of the replica's share, int32 `[n]`."""
        self._rows = rows
        try:
            yield
        finally:
            self._rows = None

    @contextlib.contextmanager
    def outside(self, graph):
        """Lets everything be drawn in a graph outside of a function that XLA compiles.

        XLA draws other numbers from a seed.
        """
        self._graph = graph
        try:
            yield
        finally:
            self._graph = None

    def drawing(self):
        """Context in which numbers are drawn from seeds."""
        return contextlib.nullcontext() if self._graph is None else self._graph.as_default()

    def part(self, tensors):
        """Those samples of tensors of the replica's share, in any structure, that are seen."""
        if not self.is_part:
            return tensors
        return tf.nest.map_structure(lambda t: tf.gather(t, self._rows), tensors)

    def seed(self, stream, images_ago=0):
        """Stateless seed `[2]` of a `Stream`, now or as it was so many images ago."""
        number = int(stream) + (_OWN if stream in self._own_streams else 0)
        with self.drawing():
            nimg = tf.cast(self._cur_nimg - images_ago, tf.int32)
            seed = tf.stack([tf.constant(self._seed), nimg])
            return tf.random.experimental.stateless_fold_in(seed, number)

    def draw(self, distribution, shape, stream, images_ago=0):
        """Draws `[n, *shape]`: what is seen of this replica's share of the global batch."""
        seed = self.seed(stream, images_ago)
        with self.drawing():
            numbers = distribution([self._batch_size, *shape], seed)
        return self.share(numbers)

    def draw_once(self, distribution, shape, stream, images_ago=0):
        """Draws `shape`, the same for all samples of the global batch."""
        seed = self.seed(stream, images_ago)
        with self.drawing():
            return distribution(shape, tf.random.experimental.stateless_fold_in(seed, _ONCE))

    def share(self, tensors):
        """What is seen of this replica's share of tensors `[batch_size, ...]`, in any structure."""
        first = self.replica_id() * self._batch_per_replica
        return self.part(
            tf.nest.map_structure(lambda t: t[first : first + self._batch_per_replica], tensors)
        )

    def noise_seed(self, stream):
        """Seed of the generator's noise, another one for every replica."""
        with self.drawing():
            seed = tf.random.experimental.stateless_fold_in(self.seed(Stream.NOISE), int(stream))
        return self._of_replica(seed)

    def replica_seed(self, stream):
        """Seed of a `Stream`, another one for every replica."""
        return self._of_replica(self.seed(stream))

    def _of_replica(self, seed):
        with self.drawing():
            seed = tf.random.experimental.stateless_fold_in(seed, self.replica_id())
        if self._rows is None and self._graph is None:
            return seed
        return PartSeed(seed, self._rows, self._batch_per_replica)

    @staticmethod
    def replica_id():
        """Number of the replica that asks, scalar int32."""
        return tf.convert_to_tensor(
            tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32
        )
