"""Scores snapshots of a run, or files, and reports: lines, plots, tables, the best snapshot."""

import math
import traceback
from pathlib import Path

from metrics.fixed_order import ORDER_VERSION
from metrics.plots import plot_metric
from metrics.results import (
    metric_file,
    record_result,
    recorded_lines,
    result_line,
    results_table,
)
from msg_stylegan.faults import REPORT, user_message


class SnapshotScorer:
    """Scores snapshots of a run and records the results; used in and after training.

    Attributes:
        failures: Messages of the metrics that could not be computed so far.
    """

    def __init__(self, evaluator, *, say=print, complain=None):
        """Prepares scoring.

        Args:
            evaluator: `MetricEvaluator` or `PairEvaluator`. The first of its metrics decides which
                snapshot is best.
            say: Function that tells the user a line.
            complain: The same for what failed; None for `say`.
        """
        self.failures = []
        self._evaluator = evaluator
        self._say = say
        self._complain = complain or say

    def __call__(self, nets, snapshot, kimg, writer=None, on_best=None, *, skip=()):
        """Computes all metrics of one snapshot. One that fails does not stop the others.

        Args:
            nets: Networks, whose averaged generators are scored.
            snapshot: Path of its file. Results are added to the files in the same folder.
            kimg: Thousands of images that it was trained for, or None if unknown.
            writer: TensorBoard writer (`tf.summary`), or None. The step is the number of images.
            on_best: Called with result key and value of the first metric as soon as they are known,
                if they are better than for any earlier snapshot of the run; or None.
            skip: Names of metrics to leave out.
        """
        evaluation = None
        for metric in self._evaluator.metrics:
            if metric.name in skip:
                continue
            try:
                # One for all metrics, because they share features of the same images.
                evaluation = evaluation or self._evaluator.of_networks(nets, snapshot)
                headline, is_best = self._score(metric, evaluation, Path(snapshot), kimg, writer)
            except Exception as error:
                # Whatever it was: days of training, or the other metrics, are worth more.
                message = f"{metric.name} of {Path(snapshot).name} failed: {error}"
                _report_failure(message, error, self.failures, self._complain)
                continue
            # At once, because what comes after it may be interrupted.
            if is_best and on_best and metric is self._evaluator.metrics[0]:
                on_best(metric.headline, headline)

    def say_what_is_missing(self):
        """Tells which metrics lack weights, before hours pass until they are needed.

        Those that lack the same share a message.

        Returns:
            Names of such metrics.
        """
        names = {}
        for metric in self._evaluator.metrics:
            try:
                self._evaluator.check(metric)
            except Exception as error:
                if user_message(error) is None:
                    raise
                names.setdefault(str(error), []).append(metric.name)
        for error, metrics in names.items():
            self.failures.append(f"{', '.join(metrics)} cannot be computed yet: {error}")
            self._complain(self.failures[-1])
        return {name for metrics in names.values() for name in metrics}

    def recorded(self, snapshot):
        """Names of the metrics that have a result for a snapshot, with the same settings."""
        snapshot = Path(snapshot)
        return [
            metric.name
            for metric in self._evaluator.metrics
            if snapshot.name in self._lines(snapshot.parent, metric)
        ]

    def best(self, folder):
        """The best existing snapshot by the first metric: `(file name, key, value)`, or None."""
        metric = self._evaluator.metrics[0]
        lines = self._lines(folder, metric)
        best = None
        for name, line in lines.items():
            value = line["results"][metric.headline]
            # Old ones may have been removed.
            if Path(folder, name).exists() and metric.is_best(value, best[2:] if best else []):
                best = (name, metric.headline, value)
        return best

    def table(self, snapshots):
        """Text table of the recorded results of some snapshots of one folder."""
        metrics = self._evaluator.metrics
        found = {metric.name: self._lines(snapshots[0].parent, metric) for metric in metrics}
        rows = []
        for snapshot in snapshots:
            lines = {name: of[snapshot.name] for name, of in found.items() if snapshot.name in of}
            kimg = next((line["kimg"] for line in lines.values()), None)
            cells = {"snapshot": snapshot.name, "kimg": _kimg_text(kimg)}
            rows.append((cells, lines))
        return results_table(metrics, rows)

    def _score(self, metric, evaluation, snapshot, kimg, writer):
        settings = self._evaluator.settings(metric)
        earlier = recorded_lines(snapshot.parent, metric, settings).values()
        values = [line["results"][metric.headline] for line in earlier if _precedes(line, kimg)]
        result = evaluation.compute(metric)
        if not result.results:
            self._say(f"{snapshot.name}  {metric.name}: nothing to measure yet")
            return math.nan, False
        line = record_result(
            result,
            snapshot=snapshot,
            kimg=kimg,
            settings=settings,
            num_gpus=self._evaluator.num_devices,
            writer=writer,
        )
        self._say(
            f"{snapshot.name}  {metric.headline} {result.headline:.4f}  "
            f"time {line['total_time_str']}"
        )
        lines = recorded_lines(snapshot.parent, metric, settings)
        draw = metric.draw or plot_metric
        draw(metric_file(snapshot.parent, metric.name, ".png"), metric, list(lines.values()))
        return result.headline, metric.is_best(result.headline, values)

    def _lines(self, folder, metric):
        try:
            settings = self._evaluator.settings(metric)
        except Exception as error:
            if user_message(error) is None:
                raise
            # Weights are missing, as scoring says; then there is nothing to compare with.
            return {}
        return recorded_lines(folder, metric, settings)


def score_images(evaluator, fakes, *, complain=print):
    """Computes all metrics of images in files. One that fails does not stop the others.

    Args:
        evaluator: `MetricEvaluator`.
        fakes: See `MetricEvaluator.of_images`.
        complain: Function that tells the user what failed, a line each.

    Returns:
        Tuple `(lines, failures)`: recorded lines, which name the fakes by their content too, and
        messages of the metrics that failed.
    """
    lines, failures = [], []
    # Text of an error -> the first metric that met it.
    reasons = {}
    evaluation = evaluator.of_images(fakes)
    for metric in evaluator.metrics:
        try:
            result = evaluation.compute(metric)
            line = result_line(result, evaluator.settings(metric))
        except Exception as error:
            first = reasons.setdefault(str(error), metric.name)
            why = f"failed: {error}" if first == metric.name else f"failed as {first} did."
            message = f"{metric.name} of {fakes.name} {why}"
            _report_failure(message, error, failures, complain)
            continue
        facts = {"name": fakes.name, "fingerprint": fakes.fingerprint(), "order": ORDER_VERSION}
        lines.append({**line, "fakes": {**facts, "num_images": fakes.num_images}})
    return lines, failures


def images_table(evaluator, fakes, lines):
    """Text table of what `score_images` returned."""
    cells = {"fakes": fakes.name, "images": str(fakes.num_images)}
    return results_table(evaluator.metrics, [(cells, {line["metric"]: line for line in lines})])


def _report_failure(message, error, failures, complain):
    failures.append(message)
    if user_message(error) is None:
        message = f"{message}\n{REPORT}\n{traceback.format_exc()}"
    complain(message)


def _kimg_text(kimg):
    if kimg is None:
        return ""
    return f"{kimg:.1f}" if round(kimg, 1) == kimg else f"{kimg:.3f}"


def _precedes(line, kimg):
    """Whether a line belongs to less training; later ones remain of a run that was set back."""
    return kimg is not None and line["kimg"] is not None and line["kimg"] < kimg
