"""Everything that a run writes while it trains, except for checkpoints."""

import collections
import time
from pathlib import Path

from msg_stylegan import files
from msg_stylegan.domains import SUFFIXES
from msg_stylegan.kimg_schedule import schedules_of
from msg_stylegan.sampling.label_table import label_facts
from msg_stylegan.training import stats as training_stats
from msg_stylegan.training.run_log import say
from msg_stylegan.training.sample_grids import SampleGrids
from msg_stylegan.training.snapshots import Snapshots


class RunOutput:
    """Writes statistics, pictures and scored snapshots into the directory of a run.

    Args:
        config: All options of the run.
        run_dir: Run directory.
        datasets: `TFRecordDataset` of each domain.
        nets: `Networks` of the run.
        progress: `Progress`, restored already.
        info: Dictionary that snapshots carry; `cur_nimg` and facts of the data sets are added.
        evaluate: None, or the function that scores a snapshot, see `loop.train`.
    """

    def __init__(self, config, run_dir, datasets, nets, progress, info, evaluate):
        files.remove_leftovers(run_dir)
        for folder in filter(Path.is_dir, Path(run_dir).iterdir()):
            files.remove_leftovers(folder)
        schedule = config.schedule
        self._schedules = schedules_of(config)
        self._nets = nets
        self._progress = progress
        self._info = {**info, **_facts_of(datasets)}
        self._evaluate = evaluate
        self._max_skipped_updates = schedule.max_skipped_updates
        # By kind of update.
        self._skipped_in_a_row = collections.Counter()
        self._elapsed_before = float(progress.elapsed_sec.numpy())
        self._session_start = time.monotonic()
        self._writer = training_stats.StatsWriter(run_dir, progress.nimg)
        self._snapshots = Snapshots(run_dir, schedule.keep_snapshots)
        self._grids = SampleGrids(
            run_dir,
            [domain.G_ema for domain in nets.domains],
            datasets,
            schedule.image_grid,
            schedule.batch_size,
            config.seed,
        )
        self._stage = None
        # Images that the networks of the last snapshot of this session had been shown.
        self._snapshot_nimg = None

    def enter(self, stage):
        """Continues with a stage to which the networks have been moved."""
        self._stage = stage
        self._grids.retrace()

    def write_reals(self):
        """Saves a grid of real images of each domain."""
        self._grids.save_reals()

    def write_stats(self, tick):
        """Reports the statistics of a tick. Reading them waits for the device.

        Raises:
            FloatingPointError: No update of a network could be applied for too long.
        """
        if not tick.totals:
            return
        stats = {**training_stats.mean_stats(tick.totals), **tick.timing()}
        for name, option in self._schedules.items():
            stats[f"Schedule/{name}"] = float(option.at(tick.nimg))
        total_sec = self._elapsed_before + time.monotonic() - self._session_start
        self._progress.elapsed_sec.assign(total_sec)
        stats["Timing/total_sec"] = total_sec
        stats["Resources/peak_mem_gb"] = training_stats.peak_memory_gb()
        say(training_stats.tick_line(stats))
        self._writer.write(stats, tick.nimg)
        self._check_updates(stats, tick)

    def write_images(self, tick):
        """Saves the sample grids of all scales."""
        for name, picture in self._grids.save_fakes(tick.kimg).items():
            self._writer.write_image(f"Fakes/{name}", picture, tick.nimg)

    def write_networks(self, tick):
        """Saves a snapshot and returns its path; None if the one of this image is just saved."""
        if tick.nimg == self._snapshot_nimg:
            return None
        info = {**self._info, "cur_nimg": tick.nimg}
        path = self._snapshots.save(self._nets, tick.kimg, info)
        self._snapshot_nimg = tick.nimg
        return path

    def score_networks(self, snapshot, tick, stop_request):
        """Scores a snapshot, unless training is to stop, and removes old ones."""
        best = []

        def record_best(metric, value):
            self._snapshots.record_best(snapshot, metric, value)
            best.append(metric)

        # A score of another resolution, or inside a fade, could not be compared with any other.
        if self._evaluate and self._stage.is_last and not stop_request.reason():
            writer = self._writer.events.writer
            stop_request.call_or_stop(
                self._evaluate, self._nets, snapshot, tick.kimg, writer, record_best
            )
            if reason := stop_request.reason():
                say(f"{reason}: the metrics of {snapshot.name} may be missing.")
        if not best:
            self._snapshots.forget_best(snapshot)
        self._snapshots.remove_old(snapshot)

    def close(self):
        self._writer.close()

    def _check_updates(self, stats, tick):
        for kind, skipped in training_stats.skipped_updates(stats).items():
            if stats[f"Progress/{kind}_updates"]:
                self._skipped_in_a_row[kind] = 0
                continue
            self._skipped_in_a_row[kind] += skipped
            if self._skipped_in_a_row[kind] > self._max_skipped_updates:
                name, _, penalties = kind.partition("_")
                raise FloatingPointError(
                    f"All of the last {self._skipped_in_a_row[kind]:.0f} updates of {name} "
                    f"{'by its penalties ' * bool(penalties)}up to {tick.kimg:g} kimg had "
                    "non-finite gradients and were skipped. Continue with --resume and a lower "
                    "optimizer.G_learning_rate and D_learning_rate."
                )


class NoOutput:
    """`RunOutput` of a worker that writes nothing."""

    def enter(self, stage):
        pass

    def write_reals(self):
        pass

    def write_stats(self, tick):
        pass

    def write_images(self, tick):
        pass

    def write_networks(self, tick):
        return None

    def score_networks(self, snapshot, tick, stop_request):
        pass

    def close(self):
        pass


def _facts_of(datasets):
    """What tells data sets, and what whoever draws with the networks needs without having them."""
    facts = {}
    for dataset, suffix in zip(datasets, SUFFIXES, strict=False):
        of_one = {"dataset": dataset.name, "fingerprint": dataset.fingerprint()}
        if dataset.label_size:
            of_one["labels"] = label_facts(dataset)
        facts |= {f"{key}{suffix}": value for key, value in of_one.items()}
    return facts
