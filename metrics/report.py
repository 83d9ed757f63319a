"""Results of metrics: `metric-<name>.jsonl` beside the snapshots, TensorBoard, tables."""

import time
import traceback
from pathlib import Path

import tensorflow as tf

from msg_stylegan.files import append_json_line, read_json_lines
from msg_stylegan.training.stats import format_time


class SnapshotScorer:
    """Scores snapshots of a run and records the results; used in and after training.

    Attributes:
        failures: Messages of the metrics that could not be computed so far.
    """

    def __init__(self, evaluator, *, say=print, num_gpus=1):
        """Prepares scoring.

        Args:
            evaluator: `MetricEvaluator`. The first of its metrics decides which snapshot is best.
            say: Function that tells the user a line.
            num_gpus: Devices of the evaluation, for the record.
        """
        self.failures = []
        self._evaluator = evaluator
        self._say = say
        self._num_gpus = num_gpus

    def __call__(self, nets, snapshot, kimg, writer=None, *, skip=()):
        """Computes all metrics of one snapshot. One that fails does not stop the others.

        Args:
            nets: Networks; `nets.G_ema` is scored.
            snapshot: Path of its file. Results are added to the files in the same folder.
            kimg: Thousands of images that it was trained for, or None if unknown.
            writer: TensorBoard writer (`tf.summary`), or None. The step is the number of images.
            skip: Names of metrics to leave out.

        Returns:
            `(result key, value)` of the first metric if it is better than for any earlier
            snapshot of the run, else None.
        """
        best = None
        for metric in self._evaluator.metrics:
            if metric.name in skip:
                continue
            try:
                headline, is_best = self._score(metric, nets.G_ema, Path(snapshot), kimg, writer)
            except Exception as error:
                # Whatever it was: days of training, or the other metrics, are worth more.
                self._report_failure(metric, snapshot, error)
                continue
            if is_best and metric is self._evaluator.metrics[0]:
                best = (metric.headline, headline)
        return best

    def _score(self, metric, G, snapshot, kimg, writer):
        settings = self._evaluator.settings()
        earlier = recorded_lines(snapshot.parent, metric, settings).values()
        values = [line["results"][metric.headline] for line in earlier if _precedes(line, kimg)]
        result = self._evaluator.evaluate(metric, G)
        line = record_result(
            result,
            snapshot=snapshot,
            kimg=kimg,
            settings=settings,
            num_gpus=self._num_gpus,
            writer=writer,
        )
        self._say(
            f"{snapshot.name}  {metric.headline} {result.headline:.4f}  "
            f"time {line['total_time_str']}"
        )
        return result.headline, metric.is_best(result.headline, values)

    def _report_failure(self, metric, snapshot, error):
        message = f"{metric.name} of {Path(snapshot).name} failed: {error}"
        self.failures.append(message)
        if not isinstance(error, ValueError | OSError | tf.errors.OpError):
            message += "\n" + traceback.format_exc()
        self._say(message)


def record_result(result, *, snapshot, kimg, settings, num_gpus=1, writer=None):
    """Adds a result to `metric-<name>.jsonl` beside the snapshot, and to TensorBoard.

    Args:
        result: `MetricResult`.
        snapshot: Path of the snapshot file.
        kimg: Thousands of images that it was trained for, or None if unknown.
        settings: `MetricEvaluator.settings()`.
        num_gpus: Devices of the evaluation.
        writer: TensorBoard writer, or None.

    Returns:
        The line as a dict.
    """
    snapshot = Path(snapshot)
    line = {
        "results": result.results,
        "metric": result.metric.name,
        "total_time": result.total_time,
        "total_time_str": format_time(result.total_time),
        "num_gpus": num_gpus,
        # Named as in StyleGAN3, whose tools read it; ours is not a pickle.
        "snapshot_pkl": snapshot.name,
        "timestamp": time.time(),
        "kimg": kimg,
        "settings": settings,
    }
    append_json_line(_metric_file(snapshot.parent, result.metric.name), line)
    if writer is not None and kimg is not None:
        with writer.as_default():
            for key, value in result.results.items():
                tf.summary.scalar(f"Metrics/{key}", value, step=round(kimg * 1000))
        writer.flush()
    return line


def recorded_lines(folder, metric, settings):
    """Results of one metric that were recorded with the same settings.

    Args:
        folder: Folder of the snapshots.
        metric: `Metric`.
        settings: `MetricEvaluator.settings()`.

    Returns:
        Dict of snapshot file name -> newest line for it.
    """
    lines = read_json_lines(_metric_file(folder, metric.name))
    return {line["snapshot_pkl"]: line for line in lines if line.get("settings") == settings}


def results_table(metric, lines):
    """Text table of one metric: a row per line, a column per result key."""
    keys = list(lines[0]["results"]) if lines else []
    # The headline first, then the rest as the metric orders it.
    keys.sort(key=lambda key: key != metric.headline)
    rows = [["snapshot", "kimg", *keys, "time"]]
    for line in lines:
        kimg = "" if line["kimg"] is None else f"{line['kimg']:.1f}"
        values = [f"{line['results'].get(key, float('nan')):.4f}" for key in keys]
        rows.append([line["snapshot_pkl"], kimg, *values, line["total_time_str"]])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    formatted = (
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(formatted)


def _precedes(line, kimg):
    """Whether a line belongs to less training; later ones remain of a run that was set back."""
    return kimg is not None and line["kimg"] is not None and line["kimg"] < kimg


def _metric_file(folder, name):
    return Path(folder) / f"metric-{name}.jsonl"
