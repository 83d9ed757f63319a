"""One training of an experiment: trained and scored once, and found again after an interruption."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import msg_stylegan
from experiments.frame.image_changes import measure_image_changes, read_image_changes
from metrics.report import SnapshotScorer
from metrics.results import recorded_lines
from msg_stylegan import load_networks, options
from msg_stylegan.commands.judges import open_judges
from msg_stylegan.commands.origins import open_origin
from msg_stylegan.files import read_json, write_json
from msg_stylegan.networks import newest_snapshot
from msg_stylegan.training import loop, run_directory
from msg_stylegan.training.run_log import logging_to, say
from msg_stylegan.training.stats import read_stats

_FAILURE_FILE = "failure.json"
# Options that say where things are and what computes them, not what is computed.
_PLACES = ("data_dir", "result_dir", "cache_dir", "hardware.", "metrics.", "coupling.classifier")
# Exceptions.
_COMPUTED = ("hardware.precision", "hardware.num_reduced_scales")


@dataclass(frozen=True)
class Point:
    """A scored snapshot of a trial."""

    kimg: float
    # Time of training up to here: without compiling, pictures, snapshots and metrics.
    seconds: float
    # Result key -> value.
    scores: dict


class Trial:
    """A variant with one seed, in a run directory of its own.

    Args:
        variant: `Variant`.
        seed: Seed of the training.
        config: `Config` that the variant changes.
        folder: Folder of all trials of the experiment.
        changes_per_point: Snapshots per scored one if images are compared, see `Experiment`; or 0.

    Raises:
        ValueError: Options are wrong, or others than those of a trial that is there already.
    """

    def __init__(self, variant, seed, config, folder, changes_per_point=0):
        self.variant = variant
        self.seed = seed
        self.config = options.changed(variant.apply(config), {"seed": seed})
        options.validate(self.config)
        self._changes_per_point = changes_per_point
        self.run_dir = Path(folder) / f"{variant.name}-seed{seed}"
        if self.run_dir.exists():
            self._check_options()

    @property
    def name(self):
        return self.run_dir.name

    @property
    def failure(self):
        """Why training could not go on, or None."""
        path = self.run_dir / _FAILURE_FILE
        return read_json(path, ["error"])["error"] if path.exists() else None

    def is_finished(self, evaluator):
        """Whether the end of the training is reached, and all is measured."""
        points = self.points(evaluator)
        keys = {metric.headline for metric in evaluator.metrics}
        if self._changes_per_point and self.image_changes is None:
            return False
        return bool(points) and keys <= points[-1].scores.keys() and self._is_end(points[-1].kimg)

    @property
    def image_changes(self):
        """Pairs of kimg and change, see `read_image_changes`; None while not measured."""
        return read_image_changes(self.run_dir)

    def run(self, datasets, evaluator, strategy):
        """Trains and scores what is not trained and scored yet.

        Args:
            datasets: `TFRecordDataset` of each domain.
            evaluator: `MetricEvaluator` or `PairEvaluator` with the same strategy.
            strategy: The `tf.distribute.Strategy` to train with.

        Raises:
            KeyboardInterrupt: Training was stopped. Everything is saved.
            ValueError: A metric cannot be computed.
        """
        options.validate(self.config, strategy.num_replicas_in_sync, *datasets)
        with strategy.scope():
            judges = open_judges(self.config, datasets)
        values = options.to_dict(self.config)
        if not self.run_dir.exists():
            run_directory.create_run_directory(self.run_dir, values)
        scorer = SnapshotScorer(evaluator, say=say)
        info = {"options": values, "version": msg_stylegan.__version__}
        with logging_to(self.run_dir):
            try:
                stopped = loop.train(
                    self.config,
                    self.run_dir,
                    datasets,
                    strategy,
                    info=info,
                    judges=judges,
                    open_origin=lambda: open_origin(
                        self.config.transfer.init_from, self.config.result_dir
                    ),
                    evaluate=self._at_points(scorer),
                )
            except FloatingPointError as error:
                # A result as well: this variant cannot be trained like this.
                write_json(self.run_dir / _FAILURE_FILE, {"error": str(error)})
                return
            if stopped:
                raise KeyboardInterrupt
            self._score_end(evaluator, scorer, strategy)
        if self._changes_per_point:
            measure_image_changes(self.run_dir, datasets[0].resolution)

    def points(self, evaluator):
        """List of `Point`, by kimg: what is scored by now."""
        scores = {}
        for metric in evaluator.metrics:
            lines = recorded_lines(self.run_dir, metric, evaluator.settings(metric))
            for line in lines.values():
                scores.setdefault(line["kimg"], {}).update(line["results"])
        times = _training_time(self.run_dir)
        return [
            Point(kimg, float(np.interp(kimg, *times)), scores[kimg]) for kimg in sorted(scores)
        ]

    def _at_points(self, scorer):
        """Leaves out the snapshots between the scored ones."""
        between = max(self._changes_per_point, 1)
        tick_kimg = self.config.schedule.tick_kimg

        def evaluate(nets, snapshot, kimg, *more):
            # A tick ends with the first batch that reaches its length; the last one may be shorter.
            if self._is_end(kimg) or int(kimg / tick_kimg + 1e-6) % between == 0:
                scorer(nets, snapshot, kimg, *more)

        return evaluate

    def _is_end(self, kimg):
        return kimg >= self.config.schedule.total_kimg

    def _score_end(self, evaluator, scorer, strategy):
        """Computes what an interruption of the last metrics has left out."""
        snapshot = newest_snapshot(self.run_dir)
        recorded = set(scorer.recorded(snapshot))
        if {metric.name for metric in evaluator.metrics} - recorded:
            with strategy.scope():
                nets = load_networks(snapshot)
            scorer.failures.clear()
            scorer(nets, snapshot, nets.info["cur_nimg"] / 1000, skip=recorded)
        if scorer.failures:
            raise ValueError(f"{self.name}: {scorer.failures[0]}")

    def _check_options(self):
        stored = options.from_dict(read_json(self.run_dir / run_directory.OPTIONS_FILE))
        lines = [
            f"\n  {name}: {old!r} there, {new!r} now"
            for name, old, new in options.differences(stored, self.config)
            if name in _COMPUTED or not name.startswith(_PLACES)
        ]
        if lines:
            raise ValueError(
                f"{self.run_dir} was trained with other options. Name another --outdir, or remove "
                f"that folder:{''.join(lines)}"
            )


def _training_time(run_dir):
    """Curve of the time spent on training: arrays `(kimg, seconds)` that begin at 0."""
    kimg, seconds = [0.0], [0.0]
    for line in read_stats(run_dir):
        length = line["Progress/kimg"] - kimg[-1]
        kimg.append(line["Progress/kimg"])
        seconds.append(seconds[-1] + length * line["Timing/sec_per_kimg"])
    return np.array(kimg), np.array(seconds)
