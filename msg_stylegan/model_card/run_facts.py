"""What a run knows about its published snapshot: options, training and scores."""

import dataclasses
import math
from pathlib import Path, PurePosixPath, PureWindowsPath

from msg_stylegan.files import read_json_lines
from msg_stylegan.networks import newest_snapshot
from msg_stylegan.training.snapshots import read_best


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """A snapshot of a run, and what is recorded about it."""

    # The file to publish: the best snapshot, or the newest one of a run without scores.
    snapshot: Path
    # {"snapshot", "metric", "value"} of the best snapshot, or None.
    best: dict | None
    # Metric name -> its newest line for this snapshot, a dict with "results".
    metrics: dict

    @property
    def scores(self):
        """Numbers of all metrics that can be published: result key -> value."""
        results = (line["results"].items() for line in self.metrics.values())
        return {key: value for items in results for key, value in items if math.isfinite(value)}


def read_run(run_dir):
    """Collects what is known about the snapshot of a run that should be published.

    Args:
        run_dir: Run directory.

    Returns:
        `RunFacts`.

    Raises:
        FileNotFoundError: The run has no snapshot yet.
        ValueError: What is recorded is damaged.
    """
    run_dir = Path(run_dir)
    best = read_best(run_dir)
    if best and not (run_dir / best["snapshot"]).is_file():
        best = None
    snapshot = run_dir / best["snapshot"] if best else newest_snapshot(run_dir)
    metrics = {}
    for path in sorted(run_dir.glob("metric-*.jsonl")):
        for line in read_json_lines(path, ("snapshot_pkl", "metric", "results")):
            if line["snapshot_pkl"] == snapshot.name:
                metrics[line["metric"]] = line
    return RunFacts(snapshot, best, metrics)


def without_folders(value):
    """A copy of JSON values in which absolute paths are cut to their last part.

    Options of a run name folders of the machine, which are nobody else's business.
    """
    if isinstance(value, dict):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_folders(item) for item in value]
    if isinstance(value, str):
        for path in (PurePosixPath(value), PureWindowsPath(value)):
            if path.is_absolute():
                return path.name
    return value
