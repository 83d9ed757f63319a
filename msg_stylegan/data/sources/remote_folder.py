"""Images of a folder on an object store, or wherever else `tf.io.gfile` reads: `gs://bucket/photos`."""

import posixpath

from msg_stylegan.data.image_preparation import SkippedImageError
from msg_stylegan.data.sources.encoded_images import EncodedImages
from msg_stylegan.data.sources.image_names import is_image_name
from msg_stylegan.data.sources.storage import check_size


def is_remote(path):
    """Whether a path is an address such as `gs://bucket/photos`."""
    return "://" in str(path)


class RemoteFolderSource(EncodedImages):
    """All images of a folder and its sub-folders, as in `FolderSource`.

    Args:
        path: Address of the folder, text.
        preparation, labels, max_images: See `FolderSource`.

    Raises:
        ValueError: There is no such folder, or see `EncodedImages`.
        OSError: The store does not answer.
    """

    def __init__(self, path, preparation, labels=None, max_images=None):
        path = path.rstrip("/")
        names = _image_names(path)
        super().__init__(path, names, preparation, labels, max_images, {"kind": "folder"})

    def _data(self, index):
        # Processes that only read local files start without TensorFlow, whose start takes seconds.
        import tensorflow as tf

        try:
            with tf.io.gfile.GFile(f"{self._path}/{self._names[index]}", "rb") as file:
                check_size(file.size())
                return file.read()
        except tf.errors.NotFoundError:
            raise SkippedImageError("there is no such file") from None
        except tf.errors.PermissionDeniedError:
            raise SkippedImageError("it may not be read") from None
        except tf.errors.OpError as error:
            raise OSError(f"{self.name(index)} cannot be read: {error}") from error


def _image_names(folder):
    """Sorted list of the images' paths relative to the folder."""
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
    return sorted(name for name in names if is_image_name(name))
