"""Images of a folder."""

from pathlib import Path

from msg_stylegan.data.sources.image_names import printable, select_images, visible_names
from msg_stylegan.data.sources.storage import checksum, read_file


class FolderStore:
    """All images of a folder and its sub-folders, sorted by relative path; see `open_store`.

    Hidden files and folders, and files whose ending is not that of an image, are left out. Links
    are followed, each folder counts once.

    Args:
        path: Path of the folder.

    Raises:
        OSError: A folder that may not be read.
    """

    def __init__(self, path):
        self.path = str(path)
        self.facts = {"kind": "folder"}
        self.names, self.other_names, self.notices = select_images(visible_names(path))

    def __getstate__(self):
        return {**self.__dict__, "other_names": []}

    def name(self, index):
        return printable(f"{self.path}/{self.names[index]}")

    def data(self, index):
        return self.read_member(self.names[index])

    def checksum(self, index):
        return checksum(self.data(index))

    def read_member(self, name):
        return read_file(Path(self.path, name))
