"""`MetricInputs` of plain arrays: test support for metrics."""

import contextlib
import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from metrics.metric import MetricInputs, MetricOptions
from metrics.moments import moments_of


def make_metric(family, name, **options):
    """The metric of a name, as the registry makes it."""
    match = re.fullmatch(family.pattern, name)
    assert match, f"{name} does not match {family.pattern}"
    return family.make(match, MetricOptions(**options))


def results_of(family, name, inputs, **options):
    """Results of the metric of a name, without that name."""
    metric = make_metric(family, name, **options)
    results = metric.compute(inputs)
    assert metric.headline in results
    assert all(isinstance(value, float) for value in results.values())
    return {key.removeprefix(metric.name): value for key, value in results.items()}


class _AskedInputs(MetricInputs):
    def count_fakes(self, metric, wanted, at_least=1):
        raise InterruptedError(wanted)


def asked_count(metric):
    """Number of fakes that a metric asks for when it is computed; 0 for all."""
    with pytest.raises(InterruptedError) as asked:
        metric.compute(_AskedInputs(**vars(_EMPTY)))
    return asked.value.args[0]


class ArrayFeatures:
    """Features that are there already.

    Args:
        reals: Dict of network name -> float `[N, d]`.
        fakes: Dict of network name, or of (name, output), -> float `[M, d]`.
        scales: Dict of resolution -> tuple of features of reals and of fakes.
        distance: What `lpips().distance` is.
    """

    def __init__(self, reals=None, fakes=None, scales=None, distance=None):
        self._reals = reals or {}
        self._fakes = fakes or {}
        self._scales = scales or {}
        self.distance = distance
        # What was asked for.
        self.calls = []
        self.imported = None

    def identity(self, network):
        return f"weights of {network}"

    def real_moments(self, network, num_images, *, mirrored):
        self.calls.append(("real_moments", network, num_images, mirrored))
        rows = self._reals[network]
        return moments_of(np.resize(rows, (num_images or len(rows), rows.shape[1])))

    def fake_moments(self, network, num_images):
        self.calls.append(("fake_moments", network, num_images))
        return moments_of(self._fakes[network][:num_images])

    def scale_moments(self, network, num_images, *, mirrored):
        self.calls.append(("scale_moments", network, num_images, mirrored))
        return {res: (moments_of(a), moments_of(b)) for res, (a, b) in self._scales.items()}

    def reals(self, network, num_images):
        self.calls.append(("reals", network, num_images))
        return self._reals[network][: num_images or None]

    def fakes(self, network, num_images, output="features"):
        self.calls.append(("fakes", network, num_images, output))
        key = network if output == "features" else (network, output)
        assert len(self._fakes[key]) >= num_images
        return self._fakes[key][:num_images]

    def lpips(self):
        return self


class Bar:
    """A progress bar that counts."""

    def __init__(self, total):
        self.total = total
        self.count = 0

    def update(self, count):
        self.count += count


class Progress:
    """Keeps all progress bars, and checks that each reaches its end."""

    def __init__(self):
        self.bars = []

    @contextlib.contextmanager
    def __call__(self, *, total, desc, unit, unit_scale=False):
        self.bars.append(Bar(total))
        yield self.bars[-1]
        assert self.bars[-1].count == total, desc


def array_inputs(*, features=None, fakes=None, num_reals=0, num_fakes=None, generator=None):
    """`MetricInputs` of arrays.

    Args:
        features: `ArrayFeatures`.
        fakes: uint8 `[N, r, r, C]`.
        num_reals: Number of different reals.
        num_fakes: Number of fakes in files; None for a generator.
        generator: What `inputs.generator` is.

    Returns:
        `MetricInputs` without a cache. `notice` is a list of what was said.
    """
    return dataclasses.replace(
        _EMPTY,
        fakes=lambda num_images: iter(np.array_split(fakes[:num_images], 3)),
        num_reals=num_reals,
        num_fakes=num_fakes,
        features=features,
        generator=generator,
        progress=Progress(),
        notice=Notices(),
    )


class Notices(list):
    """A list that is filled by calling it."""

    __call__ = list.append


_EMPTY = MetricInputs(
    reals=None,
    fakes=None,
    num_reals=0,
    num_fakes=None,
    features=None,
    generator=None,
    cache=None,
    seed=0,
    scratch_dir=Path(),
    progress=None,
    notice=None,
)
