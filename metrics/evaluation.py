"""Brings metrics and networks together: from a generator and a data set to numbers.

The generator is asked for its highest resolution, without truncation, with random noise and with
labels drawn from the data set. All randomness follows from the seed given here, so that
evaluating never changes the random numbers of a training run.
"""

import dataclasses
import functools
import time
from pathlib import Path

from tqdm import tqdm

from metrics.cache import StatisticsCache
from metrics.metric import Metric, MetricInputs
from msg_stylegan.sampling import Sampler, iterate_images


@dataclasses.dataclass(frozen=True)
class MetricResult:
    """What came out of one evaluation."""

    metric: Metric
    # Result key -> float.
    results: dict
    # Seconds.
    total_time: float

    @property
    def headline(self):
        """The value by which snapshots are compared."""
        return self.results[self.metric.headline]


class MetricEvaluator:
    """Computes metrics for generators that make images like those of one data set."""

    def __init__(self, metrics, dataset, *, cache_dir, mirror=False, seed=0, batch_size=0):
        """Prepares an evaluation; computes nothing yet.

        Args:
            metrics: `Metric` objects, see `registry.get_metrics`.
            dataset: `TFRecordDataset` of the real images at the resolution of the networks, with
                labels if the networks are conditional.
            cache_dir: Folder for statistics of real images and for temporary files.
            mirror: Whether reals are mirrored at random, as they are when training mirrors.
            seed: Whole number >= 0 that decides latents, labels, noise, mirroring, patches.
            batch_size: Images at a time; 0 for what suits the resolution.
        """
        self.metrics = list(metrics)
        self._dataset = dataset
        self._mirror = mirror
        self._seed = seed
        # The original's rule for SWD.
        self._batch_size = batch_size or min(max(8192 // dataset.resolution, 4), 256)
        self._scratch_dir = Path(cache_dir) / "scratch"
        self._cache_dir = Path(cache_dir) / "metrics"
        self._sampler = None

    def settings(self):
        """What results depend on beside metric and snapshot; equal settings can be compared."""
        return {
            "dataset": self._dataset.name,
            "fingerprint": self._dataset.fingerprint(),
            "mirror": self._mirror,
            "seed": self._seed,
        }

    def evaluate(self, metric, G):
        """Computes one metric.

        Args:
            metric: One of `self.metrics`.
            G: Generator, normally the weight average. Its current weights are used; compiled code
                is kept as long as the same object is given.

        Returns:
            A `MetricResult`.

        Raises:
            ValueError: The networks do not fit the data set, or the metric cannot be computed.
        """
        start = time.monotonic()
        sampler = self._sampler_for(G)
        inputs = MetricInputs(
            reals=self._reals,
            fakes=lambda num_images: iterate_images(
                sampler, num_images, seed=self._seed, labels_dataset=self._dataset
            ),
            cache=StatisticsCache(self._cache_dir, self._source()),
            seed=self._seed,
            scratch_dir=self._scratch_dir,
            progress=functools.partial(tqdm, leave=False, disable=None, dynamic_ncols=True),
        )
        results = metric.compute(inputs)
        return MetricResult(metric, results, time.monotonic() - start)

    def _reals(self, num_images, start=0):
        return self._dataset.iterate_images(
            self._batch_size, num_images, mirror=self._mirror, seed=self._seed, start=start
        )

    def _sampler_for(self, G):
        shape = (G.resolution, G.resolution, G.num_channels)
        if tuple(self._dataset.shape) != shape:
            raise ValueError(
                f"The networks make images of shape {list(shape)}, the data set "
                f"{self._dataset.path} gives {list(self._dataset.shape)}."
            )
        if self._sampler is None or self._sampler.G is not G:
            self._sampler = Sampler(G, self._batch_size, resolutions=[G.resolution])
        return self._sampler

    def _source(self):
        return {
            "fingerprint": self._dataset.fingerprint(),
            "shape": list(self._dataset.shape),
            # Which images are mirrored depends on the seed.
            "mirror_seed": self._seed if self._mirror else None,
        }
