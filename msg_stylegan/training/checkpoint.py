"""Checkpoints: everything that a run needs to continue exactly."""

from pathlib import Path

import tensorflow as tf


class TrainingCheckpoint:
    """Rolling checkpoints in `<run_dir>/checkpoints`.

    Args:
        run_dir: Run directory.
        keep: Number of newest checkpoints to keep.
        **objects: What to save, by name: networks and optimizers with all their variables made,
            and modules. A restored object must have the same structure.
    """

    def __init__(self, run_dir, keep, **objects):
        self._checkpoint = tf.train.Checkpoint(**objects)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(Path(run_dir) / "checkpoints"), max_to_keep=keep
        )

    def save(self, nimg):
        """Writes a checkpoint, unless the newest one has seen as many images already."""
        if not (self._manager.latest_checkpoint or "").endswith(f"-{nimg}"):
            self._manager.save(checkpoint_number=nimg)

    def variable_names(self):
        """Names of all that the newest checkpoint holds; empty when there is none."""
        latest = self._manager.latest_checkpoint
        return [name for name, _ in tf.train.list_variables(latest)] if latest else []

    def restore_latest(self):
        """Restores the newest checkpoint.

        Returns:
            Whether there was one.

        Raises:
            ValueError: It does not fit the objects.
        """
        latest = self._manager.latest_checkpoint
        if not latest:
            return False
        try:
            self._checkpoint.restore(latest).assert_consumed()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise ValueError(f"The checkpoint {latest} does not fit this run: {error}") from error
        return True
