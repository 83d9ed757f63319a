"""Network snapshots of a run: which to keep, and which is the best."""

from pathlib import Path

from msg_stylegan import files
from msg_stylegan.image_counts import SNAPSHOTS
from msg_stylegan.networks import save_networks, snapshots_of_run
from msg_stylegan.training.run_log import say

BEST_FILE = "best_snapshot.json"


class Snapshots:
    """Writes `network-snapshot-*.keras` files, see `image_counts`, and removes old ones.

    Args:
        run_dir: Run directory.
        keep: Number of newest snapshots to keep; 0 for all. The best one is kept besides.
    """

    def __init__(self, run_dir, keep):
        self._run_dir = Path(run_dir)
        self._keep = keep

    def save(self, nets, kimg, info):
        """Writes a snapshot and returns its path."""
        path = self._run_dir / SNAPSHOTS.name(kimg)
        save_networks(nets, path, info)
        return path

    def record_best(self, snapshot, metric, value):
        """Notes that `snapshot` is the best one by `metric`."""
        best = {"snapshot": Path(snapshot).name, "metric": metric, "value": value}
        files.write_json(self._run_dir / BEST_FILE, best)

    def remove_old(self):
        """Removes all but the newest and the best snapshots."""
        if self._keep <= 0:
            return
        try:
            best = (read_best(self._run_dir) or {}).get("snapshot")
        except ValueError as error:
            say(f"notice: no old snapshots are removed, because {error}")
            return
        for path in snapshots_of_run(self._run_dir)[: -self._keep]:
            if path.name != best:
                path.unlink()


def read_best(run_dir):
    """The best snapshot of a run, as recorded by `Snapshots.record_best`, or None.

    Raises:
        ValueError: The file is damaged.
    """
    path = Path(run_dir) / BEST_FILE
    return files.read_json(path, ("snapshot", "metric", "value")) if path.exists() else None
