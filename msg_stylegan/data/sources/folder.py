"""Images of a folder."""

from pathlib import Path

from msg_stylegan.data.sources.encoded_images import EncodedImages
from msg_stylegan.data.sources.image_names import image_names
from msg_stylegan.data.sources.storage import read_file


class FolderSource(EncodedImages):
    """All images of a folder and its sub-folders, sorted by relative path.

    Hidden files and folders, and files whose ending is not that of an image, are left out. Links
    are followed, each folder counts once.

    Args:
        path: Path of the folder.
        preparation: `ImagePreparation`.
        labels: See `read_labels`.
        max_images: Only so many, from the first one on; None = all.

    Raises:
        ValueError: There is no such folder, or see `EncodedImages`.
    """

    def __init__(self, path, preparation, labels=None, max_images=None):
        if not Path(path).is_dir():
            raise ValueError(f"There is no folder {path}.")
        names = image_names(path)
        super().__init__(path, names, preparation, labels, max_images, {"kind": "folder"})

    def _data(self, index):
        return read_file(Path(self._path, self._names[index]))
