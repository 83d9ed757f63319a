"""A network that turns images into features, and running it over any number of images."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from msg_stylegan.sampling.replica_map import ReplicaMap

# Images per call of the network, on each replica; fewer of those that are very large.
BATCH_SIZE = 32
_BATCH_BYTES = 2**28

# Options of layers, spelled out because what a program has chosen for all its layers must not
# reach here.
IN_NHWC = {"data_format": "channels_last", "dtype": "float32"}


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
    """A network with fixed weights together with the preprocessing of its images.

    Metrics write `model(prepare(images))["features"]`, inside a `tf.function` if they like.
    """

    # "inception", "clean_inception", ...; part of the names of metrics for a network of the user.
    name: str
    # Hex digest of weights, preprocessing and version of our code: part of cache keys.
    identity: str
    # Maps prepared images float32 [n, ...] to a dict of float32 arrays [n, d]: "features", and for
    # Inception also "logits" (without bias). A Keras model or another callable; never in training
    # mode.
    model: Callable
    # Maps images uint8 or float32 [n, h, w, 3] with values 0..255, any h and w, to the input of the
    # model. TensorFlow operations only; n, h and w may be unknown until it runs.
    prepare: Callable
    # Length of "features"; None where it depends on the size of the images.
    dim: int | None


class FeatureExtractor:
    """A feature network, compiled.

    Attributes:
        network: The `FeatureNetwork`.

    Args:
        network: A `FeatureNetwork`, made in the scope of the strategy.
        strategy: `tf.distribute.Strategy` whose replicas share the images; None for the
            current one.
        batch_size: Images per call, at most. Results do not depend on it.
    """

    def __init__(self, network, strategy=None, batch_size=BATCH_SIZE):
        self.network = network
        self._batch_size = batch_size
        self._run = ReplicaMap(lambda images: network.model(network.prepare(images)), strategy)

    def __call__(self, batches):
        """Features of images.

        Args:
            batches: Iterable of uint8 `[n, h, w, C]`, C = 1 or 3; n, h and w may change.

        Yields:
            Dict of output name -> float32 `[m, d]`, in the order of the images.
        """
        counts = []

        def chunks():
            for images, size in _regrouped(batches, self._batch_size):
                counts.append(len(images))
                yield (_padded(_in_colour(images), size),)

        for outputs in self._run(chunks()):
            count = counts.pop(0)
            yield {name: values[:count] for name, values in outputs.items()}


def _regrouped(batches, batch_size):
    """Cuts and joins batches.

    Yields:
        Images, and the number that all groups of their shape have but for the last one.
    """
    rest, size = None, batch_size
    for images in batches:
        if rest is not None and rest.shape[1:] != images.shape[1:]:
            yield rest, size
            rest = None
        size = max(1, min(batch_size, _BATCH_BYTES // math.prod(images.shape[1:])))
        images = images if rest is None else np.concatenate([rest, images])
        whole = len(images) - len(images) % size
        for start in range(0, whole, size):
            yield images[start : start + size], size
        rest = images[whole:] if whole < len(images) else None
    if rest is not None:
        yield rest, size


def _in_colour(images):
    # Feature networks know colour pictures only.
    return np.repeat(images, 3, axis=3) if images.shape[3] == 1 else images


def _padded(images, size):
    return np.pad(images, ((0, size - len(images)), (0, 0), (0, 0), (0, 0)), mode="edge")
