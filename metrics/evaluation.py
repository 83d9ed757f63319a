"""Brings metrics together with images: from reals and fakes to numbers.

Fakes are the highest resolution of a generator, without truncation, with random noise and with
labels drawn from the data set; or they are files. All randomness follows from the seed given here,
so that evaluating never changes the random numbers of a training run.
"""

import contextlib
import dataclasses
import functools
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from metrics.cache import StatisticsCache
from metrics.domains import metric_of_domain_b
from metrics.feature_networks.library import FeatureNetworks
from metrics.feature_networks.network import FeatureExtractor
from metrics.features import Features
from metrics.fixed_order import LABEL_ORDER_VERSION, ORDER_VERSION, FixedOrder, LabelsInOrder
from metrics.floors import floors
from metrics.generated_images import GeneratedImages
from metrics.image_files import check_sizes
from metrics.metric import Metric, MetricInputs, MetricOptions
from metrics.registry import get_metrics
from msg_stylegan import load_networks
from msg_stylegan.networks import snapshots_of_run


@dataclasses.dataclass(frozen=True)
class MetricResult:
    """The outcome of one evaluation."""

    metric: Metric
    # Result key -> float; empty if there was nothing to measure yet.
    results: dict
    # Seconds.
    total_time: float

    @property
    def headline(self):
        """The value by which snapshots are compared."""
        return self.results[self.metric.headline]


class Evaluation:
    """Metrics of one generator, or one set of files; what they share is computed once."""

    def __init__(self, inputs, reals, fakes):
        self._inputs = inputs
        self.reals, self._fakes = reals, fakes

    def compute(self, metric):
        """Returns the `MetricResult`; raises ValueError if the metric cannot be computed."""
        start = time.monotonic()
        check_sizes(metric, self.reals, self._fakes, self._inputs.notice)
        generator = self._inputs.generator
        if generator and generator.resolutions[-1] < metric.min_resolution:
            raise ValueError(_too_small(metric, generator.resolutions[-1]))
        with _full_precision():
            results = metric.compute(self._inputs)
            if results:
                results = results | floors(metric, self._inputs)
        return MetricResult(metric, results, time.monotonic() - start)

    def real_moments(self, metric):
        """`Moments` of the reals that a Fréchet distance uses."""
        with _full_precision():
            return metric.real_moments(self._inputs)


@contextlib.contextmanager
def _full_precision():
    """Forbids TF32, in which GPUs multiply with 10 bits: too few for scores that are published."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        # Training may want it.
        tf.config.experimental.enable_tensor_float_32_execution(before)


def prepare_metrics(options, cache_dir, *, feature_network=None, strategy=None):
    """Finds the metrics that are asked for and the networks through which they look.

    Args:
        options: `MetricsOptions`.
        cache_dir: Folder for weights, statistics of real images and temporary files.
        feature_network: Path of a feature network of the user, see `custom.py`; None for none.
        strategy: `tf.distribute.Strategy` whose replicas generate images and run feature networks;
            None for the current one.

    Returns:
        `MetricEvaluator` without its arguments `reals` to `imported`, since opening the reals may
        take long, and the mistakes below show before that.

    Raises:
        ValueError: An unknown metric, or a feature network or classifier that cannot be used.
        FileNotFoundError: There is no such classifier.
    """
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        networks = FeatureNetworks(
            cache_dir,
            paths={name: getattr(options, field) for name, field in options.weights().items()},
            custom=feature_network,
            classifier=options.classifier,
        )
    metrics = get_metrics(
        options.names,
        MetricOptions(options.num_images, networks.custom_name, networks.classifier),
    )
    return functools.partial(
        MetricEvaluator, metrics, networks=networks, cache_dir=cache_dir, strategy=strategy
    )


class MetricEvaluator:
    """Computes metrics against one set of real images; made by what `prepare_metrics` returns.

    Attributes:
        metrics: List of `Metric`.
        reals: As given.
        num_devices: Number of replicas of the strategy.
    """

    def __init__(
        self,
        metrics,
        reals,
        *,
        networks,
        cache_dir,
        labels_dataset=None,
        mirror=False,
        seed=0,
        batch_size=0,
        strategy=None,
        imported=None,
        domain="a",
    ):
        """Prepares evaluations; computes nothing yet.

        Args:
            metrics: `Metric` objects, see `registry.get_metrics`.
            reals: `TFRecordDataset` or `ImageFiles`; None if there are none, or only what was
                imported.
            networks: `FeatureNetworks`.
            cache_dir: Folder for statistics of real images and for temporary files.
            labels_dataset: `TFRecordDataset` or `LabelTable` whose labels a conditional generator
                gets, in an order that follows from the labels.
            mirror: Whether reals are mirrored at random, as they are when training mirrors.
            seed: Whole number >= 0 that decides latents, labels, noise, mirroring, patches.
            batch_size: Images at a time, on each replica; 0 for what suits the resolution.
            strategy: `tf.distribute.Strategy` in whose scope the generators are made, see
                `prepare_metrics`. Results do not depend on it.
            imported: `Moments` that stand for those of the reals, or None.
            domain: Which domain of networks to score, "a" or "b". Metrics of B are renamed, but
                for those of pairs.
        """
        self.metrics = [
            metric_of_domain_b(metric) if domain == "b" and not metric.of_pair else metric
            for metric in metrics
        ]
        self._domain = domain
        self.reals = reals
        self._ordered_reals = None if reals is None else FixedOrder(reals, _progress, self._notice)
        self._networks = networks
        self._scratch_dir = Path(cache_dir) / "scratch"
        self._cache_dir = Path(cache_dir) / "metrics"
        self._labels = None if labels_dataset is None else LabelsInOrder(labels_dataset)
        self._seed = seed
        self._mirror_seed = seed if mirror else None
        self._batch_size = batch_size
        self._strategy = strategy or tf.distribute.get_strategy()
        self.num_devices = self._strategy.num_replicas_in_sync
        self._imported = imported
        self._extractors = {}
        self._generated = None
        self._noticed = set()

    def check(self, metric):
        """Raises what a metric would that lacks its weights, without loading them, or pixels."""
        for name in metric.networks:
            self._networks.check(name)
        side = self.reals.shape[0] if self.reals and self.reals.shape else None
        if side and side < metric.min_resolution:
            raise ValueError(_too_small(metric, side))

    def settings(self, metric):
        """What results depend on besides metric and snapshot; those of equal settings compare.

        Raises:
            ValueError: The weights of a pretrained network are missing.
        """
        settings = {"mirror": self._mirror_seed is not None, "seed": self._seed}
        if self.reals is not None:
            settings["dataset"] = self.reals.name
            settings["fingerprint"] = self.reals.fingerprint()
            if metric.shuffles_reals:
                settings["order"] = ORDER_VERSION
        if self._labels is not None and self._labels.label_size:
            settings["label order"] = LABEL_ORDER_VERSION
        if self._imported is not None:
            settings["imported"] = self._imported.digest()
        if metric.networks:
            settings["networks"] = {name: self._network(name).identity for name in metric.networks}
        return settings

    def of_networks(self, nets, snapshot=None, pairs=None):
        """Begins the evaluation of the domain of `Networks` that this is for; see `of_generator`.

        Raises:
            ValueError: There is no such domain, or the networks do not fit the reals.
        """
        return self.of_generator(nets.of_domain(self._domain).G_ema, snapshot, pairs)

    def of_generator(self, G, snapshot=None, pairs=None):
        """Begins the evaluation of a generator.

        Args:
            G: Generator, normally the weight average. Its current weights are used; compiled code
                is kept as long as the same object is given.
            snapshot: Path of its snapshot, beside those of the same run; None if there is none.
            pairs: `GeneratedPairs` of which G is the first generator, or None.

        Returns:
            An `Evaluation`.

        Raises:
            ValueError: The networks do not fit the reals.
        """
        self._check_shape(G)
        generated = self.generated(G).after(
            lambda count: self._images_before(snapshot, count) if snapshot else None
        )
        inputs = self._inputs(generated.batches, None, generated, pairs)
        return Evaluation(inputs, self.reals, None)

    def generated(self, G):
        """`GeneratedImages` of a generator, the same ones as long as it is the same object."""
        if self._generated is None or self._generated.G is not G:
            self._generated = self._generated_images(G, self._strategy)
        return self._generated

    def of_images(self, fakes):
        """Begins the evaluation of fakes in files, `ImageFiles` or `TFRecordDataset`."""
        shuffled = FixedOrder(fakes, _progress, self._notice)

        def iterate(num_images):
            batches = shuffled.iterate_images(self._batch(fakes), num_images)
            return self._in_colour(batches, self.reals)

        return Evaluation(self._inputs(iterate, fakes), self.reals, fakes)

    def of_reals(self):
        """Begins an evaluation that has no fakes, for statistics of the reals."""
        return self.of_images(self.reals)

    def _inputs(self, iterate_fakes, fakes, generated=None, pairs=None):
        def reals(num_images, start=0, mirrored=True, shuffled=True):
            if self.reals is None:
                raise ValueError("There are no real images to compare with. Name them by --reals.")
            batches = self._ordered_reals.iterate_images(
                self._batch(self.reals),
                num_images,
                start=start,
                shuffled=shuffled,
                mirror_seed=self._mirror_seed if mirrored else None,
            )
            return self._in_colour(batches, fakes)

        inputs = MetricInputs(
            reals=reals,
            fakes=iterate_fakes,
            num_reals=0 if self.reals is None else self.reals.num_images,
            num_fakes=None if fakes is None else fakes.num_images,
            features=None,
            generator=generated,
            # Which images are mirrored depends on the seed.
            cache=self._cache(mirror_seed=self._mirror_seed),
            seed=self._seed,
            scratch_dir=self._scratch_dir,
            progress=_progress,
            notice=self._notice,
            pairs=pairs,
        )
        features = Features(
            inputs,
            self._extractor,
            functools.partial(self._network, "lpips"),
            cache=self._cache(),
            mirror_seed=self._mirror_seed,
            imported=self._imported,
        )
        return dataclasses.replace(inputs, features=features)

    def _cache(self, **more):
        if self.reals is None:
            return None
        source = {"fingerprint": self.reals.fingerprint(), **more}
        return StatisticsCache(self._cache_dir, source)

    def _network(self, name):
        # Its weights are made here, if they do not exist yet.
        with self._strategy.scope():
            return self._networks.get(name)

    def _extractor(self, name):
        if name not in self._extractors:
            self._extractors[name] = FeatureExtractor(self._network(name), self._strategy)
        return self._extractors[name]

    def _notice(self, text):
        # Once, and not again for every snapshot.
        if text not in self._noticed:
            self._noticed.add(text)
            tqdm.write(f"notice: {text}", file=sys.stderr)

    def _generated_images(self, G, strategy):
        return GeneratedImages(
            G,
            self._batch_size or _batch_size(G.resolution),
            seed=self._seed,
            labels_dataset=self._labels,
            strategy=strategy,
        )

    def _images_before(self, snapshot, count):
        """Fixed images of the last snapshot before this one, or None."""
        snapshot = Path(snapshot)
        snapshots = snapshots_of_run(snapshot.parent)
        # Files of other systems are not snapshots of a run.
        earlier = snapshots[: snapshots.index(snapshot)] if snapshot in snapshots else []
        if not earlier:
            return None
        G = load_networks(earlier[-1]).of_domain(self._domain).G_ema
        return self._generated_images(G, strategy=None).fixed_images(count)

    def _batch(self, images):
        return self._batch_size or (_batch_size(images.shape[0]) if images.shape else 32)

    def _check_shape(self, G):
        if self.reals is None:
            return
        shape = (G.resolution, G.resolution, G.num_channels)
        if self.reals.shape is None or tuple(self.reals.shape) != shape:
            uneven = getattr(self.reals, "uneven", None)
            found = uneven or f"the real images {self.reals.path} have {list(self.reals.shape)}."
            raise ValueError(f"The networks make images of shape {list(shape)}, {found}")

    def _in_colour(self, batches, other):
        """Batches as they are, or grayscale ones in the colours of those they are compared to."""
        colour = other is not None and other.shape is not None and other.shape[2] == 3
        for images in batches:
            yield np.repeat(images, 3, axis=3) if colour and images.shape[3] == 1 else images


def _too_small(metric, side):
    return (
        f"{metric.name} needs images of at least {metric.min_resolution} pixels. Received {side}."
    )


_progress = functools.partial(tqdm, leave=False, disable=None, dynamic_ncols=True)


def _batch_size(resolution):
    # The original's rule for SWD.
    return min(max(8192 // resolution, 4), 256)
