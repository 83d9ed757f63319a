"""Images of a folder."""

import os
from pathlib import Path

from msg_stylegan.data.sources.image_names import is_hidden, printable
from msg_stylegan.data.sources.selection import DEAD_LINK, left_out, select_images
from msg_stylegan.data.sources.storage import read_file


class FolderStore:
    """All images of a folder and its sub-folders, sorted by relative path; see `open_store`.

    Hidden files and folders are left out, and files that are no images, see `select_images`. Links
    are followed, each folder counts once.

    Args:
        path: Path of the folder.

    Raises:
        OSError: A folder that may not be read.
    """

    def __init__(self, path):
        self.path = str(path)
        self.facts = {"kind": "folder"}
        names, num_dead = _visible_names(path)
        self.names, self.other_names, notices = select_images(names, self.read_member)
        self.notices = notices + left_out(num_dead, "link", DEAD_LINK)

    def __getstate__(self):
        return {**self.__dict__, "other_names": []}

    def name(self, index):
        return printable(f"{self.path}/{self.names[index]}")

    def data(self, index):
        return self.read_member(self.names[index])

    def read_member(self, name, limit=None):
        return read_file(Path(self.path, name), limit)


def _visible_names(folder):
    """Files of a folder and its sub-folders that are not hidden.

    Links to folders are entered, too. Each folder is read once, however many links lead to it: no
    loop of links is endless.

    Args:
        folder: Path of the folder.

    Returns:
        Sorted list of paths relative to the folder, with forward slashes, and number of links that
        lead nowhere.

    Raises:
        OSError: A folder that may not be read.
    """
    names = []
    num_dead = 0
    seen = set()
    # A folder that lies in this one goes by its own name, not by that of a link to it.
    folders, links = [""], []
    while folders or links:
        prefix = folders.pop() if folders else links.pop(0)
        path = Path(folder, prefix)
        status = path.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(path) as entries:
            for entry in entries:
                name = prefix + entry.name
                if is_hidden(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name + "/")
                elif _is_file(entry):
                    names.append(name)
                elif entry.is_symlink():
                    if Path(entry.path).is_dir():
                        links.append(name + "/")
                    else:
                        num_dead += 1
        links.sort()
    return sorted(names), num_dead


def _is_file(entry):
    try:
        return entry.is_file()
    except OSError:  # A link that leads back to itself.
        return False
