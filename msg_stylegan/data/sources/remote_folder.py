"""Images of a folder on an object store, or wherever else `tf.io.gfile` reads: `gs://bucket/photos`."""

import posixpath

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.image_names import is_hidden, printable
from msg_stylegan.data.sources.selection import select_images
from msg_stylegan.data.sources.storage import check_size


def is_remote(path):
    """Whether a path is an address such as `gs://bucket/photos`."""
    return "://" in str(path)


class RemoteFolderStore:
    """All images of a folder and its sub-folders, as in `FolderStore`; see `open_store`.

    Args:
        path: Address of the folder, text.

    Raises:
        ValueError: There is no such folder.
        OSError: The store does not answer.
    """

    def __init__(self, path):
        self.path = path.rstrip("/")
        self.facts = {"kind": "folder"}
        self.names, self.other_names, self.notices = select_images(
            _visible_names(self.path), self.read_member
        )

    def __getstate__(self):
        return {**self.__dict__, "other_names": []}

    def name(self, index):
        return printable(f"{self.path}/{self.names[index]}")

    def data(self, index):
        return self.read_member(self.names[index])

    def read_member(self, name, limit=None):
        # Processes that only read local files start without TensorFlow, whose start takes seconds.
        import tensorflow as tf

        try:
            with tf.io.gfile.GFile(f"{self.path}/{name}", "rb") as file:
                check_size(file.size())
                return file.read(-1 if limit is None else limit)
        except tf.errors.NotFoundError:
            raise SkippedImageError("there is no such file") from None
        except tf.errors.PermissionDeniedError:
            raise SkippedImageError("it may not be read") from None
        except tf.errors.OpError as error:
            raise OSError(f"{self.path}/{printable(name)} cannot be read: {error}") from error


def _visible_names(folder):
    """Sorted list of the paths of all files that are not hidden, relative to the folder."""
    import tensorflow as tf

    try:
        if not tf.io.gfile.isdir(folder):
            raise ValueError(f"There is no folder {folder}.")
        names = []
        for place, _, files in tf.io.gfile.walk(folder):
            prefix = place[len(folder) :].strip("/")
            names += [posixpath.join(prefix, name) for name in files]
    except tf.errors.OpError as error:
        raise OSError(f"{folder} cannot be read: {error}") from error
    return sorted(name for name in names if not is_hidden(name))
