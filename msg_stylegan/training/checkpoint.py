"""Checkpoints: everything that a run needs to continue exactly."""

import re
import shutil
from pathlib import Path

import tensorflow as tf

from msg_stylegan import files
from msg_stylegan.tensorflow_files import plain_path, tensorflow_writing
from msg_stylegan.training.run_log import say
from msg_stylegan.workers.group import ALONE

_INDEX_NAME = re.compile(r"ckpt-([0-9]+)\.index")
# The last bytes of every whole index.
_END_OF_INDEX = 0xDB4775248B80FB57.to_bytes(8, "little")
_TEMPORARY = "ckpt-new_temp"
# What an interrupted save leaves, including one of TensorFlow's manager, as in older versions.
_LEFTOVERS = ("ckpt-*_temp", "ckpt-*.tempstate*", "checkpoint.tmp*")


def has_checkpoint(run_dir):
    """Whether a run has a checkpoint, damaged or not, and so begins with its own weights."""
    return bool(_indexes_of(_folder_of(run_dir)))


def _folder_of(run_dir):
    return Path(run_dir) / "checkpoints"


class TrainingCheckpoint:
    """Rolling checkpoints in `<run_dir>/checkpoints`.

    The files are those of `tf.train.CheckpointManager`. It is not used itself, because it takes the
    path of a run for a pattern, and would remove files of other runs. Making the object removes
    what an interrupted save has left.

    Args:
        run_dir: Run directory.
        keep: Number of newest checkpoints to keep.
        workers: `Workers`, all of which read, and of which the chief writes. Nothing that is saved
            differs between them, or takes part in a sum when it is read.
        **objects: What to save, by name: networks and optimizers with all their variables made,
            and modules. A restored object must have the same structure.
    """

    def __init__(self, run_dir, keep, workers=ALONE, **objects):
        self._objects = objects
        self._checkpoint = tf.train.Checkpoint(**objects)
        self._folder = _folder_of(run_dir)
        self._keep = keep
        # What turned out not to be readable.
        self._damaged = set()
        self._workers = workers
        workers.on_chief(self._remove_leftovers)

    def save(self, nimg):
        """Writes a checkpoint, unless the newest one has seen as many images already.

        Raises:
            WriteError: The disk is full, or the like. The checkpoints before it are left as they
                are.
        """
        if not self._workers.is_chief or nimg == max(self._whole(), default=None):
            return
        # Counted by TensorFlow's manager, and part of every checkpoint.
        self._checkpoint.save_counter.assign_add(1)
        with tensorflow_writing(self._path(nimg)):
            self._write(nimg)
        kept = sorted(self._whole())[-self._keep :]
        for number in self._indexes():
            if number < kept[0]:
                self._remove(number)
        self._write_state(kept)

    def variable_names(self):
        """Names of all that the newest whole checkpoint holds; empty when there is none."""
        return self._newest(
            lambda prefix: [name for name, _ in tf.train.list_variables(prefix)], default=[]
        )

    def restore_latest(self, absent=()):
        """Restores the newest checkpoint that is whole. A notice names every newer one.

        Args:
            absent: Names of objects that it does not hold, because an older version wrote it.

        Returns:
            Whether there was one.

        Raises:
            ValueError: It does not fit the objects, or none is whole.
        """

        def restore(prefix):
            self._expected(absent).restore(prefix).assert_consumed()
            return True

        is_restored = self._newest(restore, default=False)
        damaged = sorted(self._indexes().keys() - self._whole())
        if damaged and not is_restored:
            raise ValueError(
                f"No checkpoint in {self._folder} is whole. Remove that folder to train from "
                "the beginning."
            )
        newest = max(self._whole(), default=-1)
        for number in damaged:
            if number > newest:
                say(
                    f"notice: the checkpoint {self._path(number)} is damaged; the one before it "
                    "counts"
                )
        return is_restored

    def _newest(self, read, default):
        """What `read` makes of the newest checkpoint that can be read; all others are noted.

        Args:
            read: Function of the path of a checkpoint, without the endings of its files.
            default: Result where there is none.
        """
        while whole := self._whole():
            newest = max(whole)
            try:
                with plain_path(self._folder) as folder:
                    return read(f"{folder}/ckpt-{newest}")
            except (
                AssertionError,
                IndexError,
                RuntimeError,
                ValueError,
                tf.errors.OpError,
            ) as error:
                if not _tells_of_damage(error):
                    raise ValueError(
                        f"The checkpoint {self._path(newest)} does not fit this run. Networks, "
                        "optimizer.name, augmentation that adapts, and size, channels and labels "
                        "of the images must be those that it was saved with. TensorFlow says: "
                        f"{error}"
                    ) from error
                self._damaged.add(newest)
        return default

    def _expected(self, absent):
        if not absent:
            return self._checkpoint
        there = {name: value for name, value in self._objects.items() if name not in absent}
        return tf.train.Checkpoint(**there)

    def _write(self, number):
        """Writes a checkpoint aside, then moves it in; the index, moved last, completes it."""
        temporary = self._folder / _TEMPORARY
        temporary.mkdir(parents=True)
        try:
            with plain_path(temporary) as plain:
                self._checkpoint.write(f"{plain}/ckpt-{number}")
            if number in self._indexes():
                # It is damaged.
                self._remove(number)
            for path in sorted(temporary.iterdir(), key=lambda path: path.suffix == ".index"):
                path.replace(self._folder / path.name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _write_state(self, numbers):
        """Writes the list that TensorFlow's tools and older versions read."""
        lines = [f'all_model_checkpoint_paths: "ckpt-{number}"\n' for number in numbers]
        newest = f'model_checkpoint_path: "ckpt-{numbers[-1]}"\n'
        files.write_text(self._folder / "checkpoint", newest + "".join(lines))

    def _path(self, number):
        return self._folder / f"ckpt-{number}"

    def _indexes(self):
        return _indexes_of(self._folder)

    def _whole(self):
        """Set of the numbers of the checkpoints whose files are all there, and can be read."""
        whole = {number for number, path in self._indexes().items() if _is_whole(path)}
        return whole - self._damaged

    def _remove(self, number):
        # The index first: what an interruption leaves is not a checkpoint any more.
        data = list(self._folder.glob(f"ckpt-{number}.data-*"))
        for path in [self._path(number).with_suffix(".index"), *data]:
            path.unlink()

    def _remove_leftovers(self):
        for path in [path for pattern in _LEFTOVERS for path in self._folder.glob(pattern)]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in list(self._folder.glob("ckpt-*.data-*")):
            if not path.with_suffix(".index").exists():
                path.unlink()


def _indexes_of(folder):
    """Dictionary from the number of each checkpoint, whole or not, to its index file."""
    paths = folder.iterdir() if folder.is_dir() else []
    matches = ((_INDEX_NAME.fullmatch(path.name), path) for path in paths)
    return {int(match[1]): path for match, path in matches if match}


def _is_whole(index):
    """Whether an index file is whole and all data files are there."""
    data = list(index.parent.glob(f"{index.stem}.data-?????-of-?????"))
    count = int(data[0].name[-5:]) if data else -1
    return len(data) == count and index.read_bytes().endswith(_END_OF_INDEX)


def _tells_of_damage(error):
    """Whether an error of the reader of checkpoints means that bytes are missing or wrong."""
    # The last two are what the reader makes of the first two; an error of a wrong checksum has no
    # kind of its own.
    kinds = (tf.errors.DataLossError, tf.errors.OutOfRangeError, IndexError, RuntimeError)
    return isinstance(error, kinds) or type(error) is tf.errors.OpError
