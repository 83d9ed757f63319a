"""The file of a run for TensorBoard."""

import contextlib
import os
from pathlib import Path

import tensorflow as tf

from msg_stylegan.files import WriteError
from msg_stylegan.tensorflow_files import tensorflow_writing


class EventFile:
    """Writes events, or says that it cannot: TensorFlow drops some of them silently.

    Args:
        folder: Folder of the file.
        suffix: End of its name.

    Attributes:
        writer: The writer of `tf.summary`.
    """

    def __init__(self, folder, suffix=None):
        folder = Path(folder)
        before = set(folder.iterdir())
        with tensorflow_writing(folder / "events.out.tfevents.*"):
            # As bytes, for names that are not UTF-8.
            self.writer = tf.summary.create_file_writer(os.fsencode(folder), filename_suffix=suffix)
            self.writer.flush()
        self._path = next(iter(set(folder.glob("events.out.tfevents.*")) - before))

    @contextlib.contextmanager
    def events(self):
        """In this context, events go to the file; at its end they are there.

        Raises:
            WriteError: The file cannot be written.
        """
        size = self._size()
        with tensorflow_writing(self._path), self.writer.as_default():
            yield
            self.writer.flush()
        if self._path.exists() and self._size() <= size:
            raise WriteError(
                f"{self._path} cannot be written: the disk that holds it is full, or it is as "
                "large as files may be there."
            )

    def close(self):
        with tensorflow_writing(self._path):
            self.writer.close()

    def _size(self):
        return self._path.stat().st_size if self._path.exists() else 0
