"""Statistics of training: one line per tick for people, one JSON line for programs."""

import math
import sys
import time
from pathlib import Path

import tensorflow as tf

from msg_stylegan import files
from msg_stylegan.training.event_file import EventFile

STATS_FILE = "stats.jsonl"


class StatsWriter:
    """Writes the statistics of a run to its `stats.jsonl` and to TensorBoard.

    Args:
        run_dir: Run directory.
        cur_nimg: Images shown so far. Later lines, from a session that was killed after its last
            checkpoint, are removed: those images will be shown again.
    """

    def __init__(self, run_dir, cur_nimg):
        self._path = Path(run_dir) / STATS_FILE
        if lines := read_stats(run_dir):
            kept = [line for line in lines if round(1000 * line["Progress/kimg"]) <= cur_nimg]
            files.write_json_lines(self._path, kept)
        self.events = EventFile(run_dir)

    def write(self, stats, nimg):
        """Adds one line of scalars.

        Args:
            stats: Dictionary of floats.
            nimg: Images shown so far, the step of the TensorBoard curves.
        """
        files.append_json_line(self._path, {**stats, "timestamp": time.time()})
        with self.events.events():
            for name, value in stats.items():
                tf.summary.scalar(name, value, step=nimg)

    def write_image(self, name, image, nimg):
        """Adds a uint8 image `[H, W, C]` to TensorBoard."""
        with self.events.events():
            tf.summary.image(name, image[None], step=nimg)

    def close(self):
        self.events.close()


def read_stats(run_dir):
    """Returns the lines of a run's `stats.jsonl` as dictionaries, see `files.read_json_lines`.

    Raises:
        ValueError: A line is damaged.
    """
    path = Path(run_dir) / STATS_FILE
    lines = files.read_json_lines(path, ("Progress/kimg",))
    for line in lines:
        kimg = line["Progress/kimg"]
        if not isinstance(kimg, (int, float)) or not math.isfinite(kimg):
            raise ValueError(
                f"{path} is damaged: a line has Progress/kimg={kimg!r}. Remove that line to go on "
                "without it."
            )
    return lines


def mean_stats(totals):
    """Means over the updates of a tick.

    Args:
        totals: Non-empty list of what `TrainStep.run` returned. Reading it waits for the device.

    Returns:
        Dictionary of floats: mean losses and scores (0 if no update was applied), and the numbers
        of applied and skipped updates.
    """
    sums = {name: float(sum(float(total[name]) for total in totals)) for name in totals[0]}
    means = {}
    for name, value in sums.items():
        if name.startswith("Loss/"):
            of_G = name.startswith(("Loss/G/", "Loss/coupling/"))
            updates = sums["G_updates" if of_G else "D_updates"]
            means[name] = value / max(updates, 1.0)
    counts = {f"Progress/{name}": sums[name] for name in sums if not name.startswith("Loss/")}
    return {**means, **counts}


def tick_line(stats):
    """The line of a tick for people."""
    parts = [
        f"tick {stats['Progress/tick']:<5.0f}",
        f"kimg {stats['Progress/kimg']:<9.2f}",
        f"time {format_time(stats['Timing/total_sec']):<12}",
        f"img/s {stats['Timing/images_per_sec']:<8.1f}",
        f"sec/kimg {stats['Timing/sec_per_kimg']:<8.2f}",
        f"maint {stats['Timing/maintenance_sec']:<6.1f}",
        f"mem {stats['Resources/peak_mem_gb']:<6.2f}",
        f"D {stats['Loss/D/loss']:<7.3f}",
        f"G {stats['Loss/G/loss']:<7.3f}",
        f"r1 {stats['Loss/r1_penalty']:<8.4f}",
        f"ETA {format_time(stats['Timing/eta_sec'])}",
    ]
    if "Loss/D/scale" in stats:
        parts.append(f"scale D {stats['Loss/D/scale']:.0f} G {stats['Loss/G/scale']:.0f}")
    if skipped := sum(skipped_updates(stats).values()):
        parts.append(f"skipped updates {skipped:.0f}")
    return " ".join(parts)


def skipped_updates(stats):
    """Numbers of skipped updates by their kind, such as `"D"` or `"D_penalty"`."""
    start, end = "Progress/", "_skipped"
    return {
        name.removeprefix(start).removesuffix(end): value
        for name, value in stats.items()
        if name.startswith(start) and name.endswith(end)
    }


def format_time(seconds):
    """`1d 02h 03m 04s`, without leading zero parts."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    if days:
        return f"{days}d {h:02}h {m:02}m {s:02}s"
    if hours:
        return f"{h}h {m:02}m {s:02}s"
    return f"{m}m {s:02}s"


def peak_memory_gb():
    """Largest memory in use so far, in GiB: of the fullest GPU, or of the process without GPUs."""
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        peaks = [tf.config.experimental.get_memory_info(gpu.name)["peak"] for gpu in gpus]
        return max(peaks) / 2**30
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)
