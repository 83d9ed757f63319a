"""Metrics of two domains: of each against its own reals, and of what their images have in common.

What is recorded of domain B is named `<metric>_b`, so that it never mixes with that of A.
"""

import dataclasses
from pathlib import Path

from metrics.generated_pairs import GeneratedPairs
from metrics.metric import one_domain_message
from metrics.partners import Partners
from msg_stylegan.domains import SUFFIX_B


def metric_of_domain_b(metric):
    """The same `Metric` under the names of domain B: `swd2k_b` with `swd2k_b_avg` and the like."""
    name = f"{metric.name}{SUFFIX_B}"

    def renamed(key):
        return f"{name}{key.removeprefix(metric.name)}"

    def compute(inputs):
        return {renamed(key): value for key, value in metric.compute(inputs).items()}

    return dataclasses.replace(
        metric, name=name, headline=renamed(metric.headline), compute=compute, domain="b"
    )


def evaluator_of_domains(evaluators, partners=None):
    """What scores networks of one domain, or of a pair.

    Args:
        evaluators: List of the `MetricEvaluator` of each domain, one or two.
        partners: See `PairEvaluator`.

    Returns:
        A `MetricEvaluator` or `PairEvaluator`.

    Raises:
        ValueError: A metric of pairs is asked for, and there is one domain.
    """
    if len(evaluators) == 2:
        return PairEvaluator(*evaluators, partners)
    (evaluator,) = evaluators
    for metric in evaluator.metrics:
        if metric.of_pair:
            raise ValueError(one_domain_message(metric.name))
    return evaluator


def evaluator_of_training(prepared, datasets, mirror):
    """What scores the networks of a training, with the labels of its data sets.

    Args:
        prepared: What `prepare_metrics` returns.
        datasets: `TFRecordDataset` of each domain, one or two.
        mirror: Whether images are mirrored half of the time in training.

    Returns:
        As `evaluator_of_domains`.
    """
    return evaluator_of_domains(
        [
            prepared(dataset, labels_dataset=dataset, mirror=mirror, domain=domain)
            for dataset, domain in zip(datasets, "ab", strict=False)
        ]
    )


class PairEvaluator:
    """Scores both domains of a pair, and metrics of pairs once; used like a `MetricEvaluator`.

    Attributes:
        metrics: List of `Metric`: those of A, each followed by the same for B.
        num_devices: Number of replicas of the strategy.
    """

    def __init__(self, a, b, partners=None):
        """Joins evaluators.

        Args:
            a: `MetricEvaluator` of domain A.
            b: The same of domain B, for the same metrics.
            partners: Folder of real images whose partners are known, see `Partners`; empty or None
                for the one in which the reals of A lie.
        """
        self._evaluators = {"a": a, "b": b}
        beside = None if a.reals is None else Path(a.reals.path).parent
        self._partners = Partners(partners or beside)
        of_both = zip(a.metrics, b.metrics, strict=True)
        self.metrics = [
            metric for pair in of_both for metric in (pair[:1] if pair[0].of_pair else pair)
        ]
        self.num_devices = a.num_devices

    def check(self, metric):
        """As `MetricEvaluator.check`; raises also what a metric would that lacks true pairs."""
        self._evaluators[metric.domain].check(metric)
        if metric.of_partners:
            self._partners.fingerprint()

    def settings(self, metric):
        """As `MetricEvaluator.settings`; those of a metric of pairs name both data sets."""
        settings = self._evaluators[metric.domain].settings(metric)
        if metric.of_pair:
            of_b = self._evaluators["b"].settings(metric)
            both = ("dataset", "fingerprint")
            settings |= {f"{name}{SUFFIX_B}": of_b[name] for name in both if name in of_b}
        if metric.of_partners:
            settings["partners"] = self._partners.fingerprint()
        return settings

    def of_networks(self, nets, snapshot=None):
        """Begins the evaluation of a pair of networks.

        Args:
            nets: `Networks` of a pair.
            snapshot: Path of its file, beside those of the same run; None if there is none.

        Returns:
            `PairEvaluation`.
        """
        return PairEvaluation(self._evaluators, nets, snapshot, self._partners)


class PairEvaluation:
    """Metrics of one pair of networks; those of a domain share what they compute."""

    def __init__(self, evaluators, nets, snapshot, partners):
        self._evaluators = evaluators
        self._partners = partners
        self._nets = nets
        self._snapshot = snapshot
        self._evaluations = {}

    def compute(self, metric):
        """Returns the `MetricResult`; raises ValueError if the metric cannot be computed."""
        # Only now: a domain that does not fit its reals leaves the other one alone.
        if metric.domain not in self._evaluations:
            self._evaluations[metric.domain] = self._evaluation(metric.domain)
        return self._evaluations[metric.domain].compute(metric)

    def _evaluation(self, domain):
        evaluator = self._evaluators[domain]
        if domain == "b":
            return evaluator.of_networks(self._nets, self._snapshot)
        a, b = self._evaluators.values()
        generated = a.generated(self._nets.G_ema), b.generated(self._nets.G_ema_b)
        pair = GeneratedPairs(*generated, self._nets.E, self._partners)
        return evaluator.of_networks(self._nets, self._snapshot, pair)
