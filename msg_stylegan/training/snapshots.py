"""Network snapshots of a run: which to keep, and which is the best."""

import json
from pathlib import Path

from msg_stylegan import files
from msg_stylegan.networks import save_networks, snapshots_of_run

BEST_FILE = "best_snapshot.json"


class Snapshots:
    """Writes `network-snapshot-<kimg>.keras` files and removes old ones.

    Args:
        run_dir: Run directory.
        keep: Number of newest snapshots to keep; 0 for all. The best one is kept besides.
    """

    def __init__(self, run_dir, keep):
        self._run_dir = Path(run_dir)
        self._keep = keep

    def save(self, nets, kimg, info):
        """Writes a snapshot and returns its path."""
        path = self._run_dir / f"network-snapshot-{round(kimg):06d}.keras"
        save_networks(nets, path, info)
        return path

    def best(self):
        """The best snapshot so far, as recorded by `record_best`, or None."""
        path = self._run_dir / BEST_FILE
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def record_best(self, snapshot, metric, value):
        """Notes that `snapshot` is the best one by `metric`."""
        best = {"snapshot": Path(snapshot).name, "metric": metric, "value": value}
        files.write_json(self._run_dir / BEST_FILE, best)

    def remove_old(self):
        """Removes all but the newest and the best snapshots."""
        if self._keep <= 0:
            return
        best = (self.best() or {}).get("snapshot")
        for path in snapshots_of_run(self._run_dir)[: -self._keep]:
            if path.name != best:
                path.unlink()
