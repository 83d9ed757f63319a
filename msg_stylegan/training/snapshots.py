"""Network snapshots of a run: which to keep, and which is the best."""

import contextlib
from pathlib import Path

from msg_stylegan import files
from msg_stylegan.command_names import called
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

    def forget_best(self, snapshot):
        """Ends the record of the best snapshot if it names this one, which was written anew.

        A run that was set back to an older checkpoint comes to the same names with other weights.
        """
        with contextlib.suppress(ValueError):
            if (read_best(self._run_dir) or {}).get("snapshot") == snapshot.name:
                (self._run_dir / BEST_FILE).unlink()
                say(
                    f"notice: {snapshot.name} was the best snapshot, but was written anew: "
                    f"{BEST_FILE} is removed. `{called('metrics')}` with --run and --all "
                    "finds the best"
                )

    def remove_old(self, newest):
        """Removes all but the newest and the best snapshots.

        Args:
            newest: Path of the one that was written last. Later ones, of a run that was set back
                to an older checkpoint, stay and do not count.
        """
        if self._keep <= 0:
            return
        try:
            best = (read_best(self._run_dir) or {}).get("snapshot")
        except ValueError as error:
            say(f"notice: no old snapshots are removed, because {error}")
            return
        images = SNAPSHOTS.images(newest.name)
        snapshots = snapshots_of_run(self._run_dir)
        counted = [path for path in snapshots if SNAPSHOTS.images(path.name) <= images]
        for path in counted[: -self._keep]:
            if path.name != best:
                path.unlink()


def read_best(run_dir):
    """The best snapshot of a run, as recorded by `Snapshots.record_best`, or None.

    Raises:
        ValueError: The file is damaged.
    """
    path = Path(run_dir) / BEST_FILE
    return files.read_json(path, ("snapshot", "metric", "value")) if path.exists() else None
