"""Recorded results: `metric-<name>.jsonl` beside the snapshots, TensorBoard, tables."""

import time
from pathlib import Path

import tensorflow as tf

from msg_stylegan.files import append_json_line, read_json_lines
from msg_stylegan.tensorflow_files import tensorflow_writing
from msg_stylegan.training.stats import format_time

# A metric with more values than this, floors not counted, shows only its headline and the floor of
# that in a table with others.
_MAX_COLUMNS = 3


def record_result(result, *, snapshot, kimg, settings, num_gpus=1, writer=None):
    """Adds a result to `metric-<name>.jsonl` beside the snapshot, and to TensorBoard.

    Args:
        result: `MetricResult`.
        snapshot: Path of the snapshot file.
        kimg: Thousands of images that it was trained for, or None if unknown.
        settings: `MetricEvaluator.settings(metric)`.
        num_gpus: Devices of the evaluation.
        writer: TensorBoard writer, or None.

    Returns:
        The line as a dict.
    """
    snapshot = Path(snapshot)
    line = {
        **result_line(result, settings),
        "num_gpus": num_gpus,
        # Named as in StyleGAN3, whose tools read it; ours is not a pickle.
        "snapshot_pkl": snapshot.name,
        "kimg": kimg,
    }
    append_json_line(metric_file(snapshot.parent, result.metric.name), line)
    if writer is not None and kimg is not None:
        with tensorflow_writing(snapshot.parent / "events.out.tfevents.*"), writer.as_default():
            for key, value in result.results.items():
                tf.summary.scalar(f"Metrics/{key}", value, step=round(kimg * 1000))
            writer.flush()
    return line


def result_line(result, settings):
    """What is recorded of every result, as a dict that JSON can hold."""
    return {
        "results": result.results,
        "metric": result.metric.name,
        "total_time": result.total_time,
        "total_time_str": format_time(result.total_time),
        "timestamp": time.time(),
        "settings": settings,
    }


def recorded_lines(folder, metric, settings):
    """Results of one metric that were recorded with the same settings.

    Args:
        folder: Folder of the snapshots.
        metric: `Metric`.
        settings: `MetricEvaluator.settings(metric)`.

    Returns:
        Dict of snapshot file name -> newest line for it.
    """
    lines = read_json_lines(metric_file(folder, metric.name), ("snapshot_pkl", "results", "kimg"))
    return {line["snapshot_pkl"]: line for line in lines if line.get("settings") == settings}


def metric_file(folder, name, suffix=".jsonl"):
    """Path of the results of a metric, and by another suffix of what is made from them."""
    return Path(folder) / f"metric-{name}{suffix}"


def results_table(metrics, rows):
    """Text table of several metrics: a row per snapshot or set of images.

    Args:
        metrics: List of `Metric`.
        rows: List of tuples: first cells as a dict of title -> text, and a dict of metric name ->
            recorded line (which may lack metrics).

    Returns:
        The table. A metric with many values, such as one per resolution, shows all of them only
        when it stands alone; the files have them always.
    """
    columns = {metric.name: [] for metric in metrics}
    for metric in metrics:
        lines = [lines[metric.name] for _, lines in rows if metric.name in lines]
        keys = list(dict.fromkeys(key for line in lines for key in line["results"]))
        # The headline first, then the rest as the metric orders it.
        keys.sort(key=lambda key, metric=metric: key != metric.headline)
        num_scores = sum(not key.startswith(f"{metric.name}_floor") for key in keys)
        if num_scores > _MAX_COLUMNS and len(metrics) > 1:
            keys = [key for key in keys if key in (metric.headline, metric.floor_headline)]
        columns[metric.name] = keys
    table = [[*rows[0][0], *(key for keys in columns.values() for key in keys)]]
    for cells, lines in rows:
        values = [
            _number(lines[name]["results"].get(key)) if name in lines else ""
            for name, keys in columns.items()
            for key in keys
        ]
        table.append([*cells.values(), *values])
    return _aligned(table)


def _number(value):
    # Scores range from 1e-5 (KID) to hundreds (FID).
    return "" if value is None else f"{value:.6f}" if abs(value) < 0.1 else f"{value:.4f}"


def _aligned(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    formatted = (
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in formatted)
