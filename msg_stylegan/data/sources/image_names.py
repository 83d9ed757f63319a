"""Which files are images, by their names."""

import collections
import os
from pathlib import Path, PurePosixPath

from msg_stylegan.data.decoding.formats import image_endings

Selection = collections.namedtuple("Selection", ["images", "others", "notices"])


def is_image_name(name):
    """Whether a relative path, with forward slashes, is an image's and not hidden."""
    return not is_hidden(name) and PurePosixPath(name).suffix.lower() in image_endings()


def is_hidden(name):
    """Whether a part of a relative path, with forward slashes, begins with a point."""
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def select_images(names):
    """Tells images from other files.

    Args:
        names: Relative paths, with forward slashes, of files that are not hidden.

    Returns:
        `Selection` of two lists of names, in the given order, and a list of sentences about what
        was left out.
    """
    images, others = [], []
    for name in names:
        (images if is_image_name(name) else others).append(name)
    return Selection(images, others, [])


def visible_names(folder, follow_links=True):
    """Files of a folder and its sub-folders that are not hidden.

    Args:
        folder: Path of the folder.
        follow_links: Whether links to folders are entered, too. Each folder is read once, however
            many links lead to it: no loop of links is endless.

    Returns:
        Sorted list of paths relative to the folder, with forward slashes.

    Raises:
        OSError: A folder that may not be read.
    """
    names = []
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
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name + "/")
                elif _is_file(entry):
                    names.append(name)
                elif follow_links and entry.is_symlink() and Path(entry.path).is_dir():
                    links.append(name + "/")
        links.sort()
    return sorted(names)


def image_paths(folder):
    """Images of a folder and its sub-folders: list of paths, sorted by relative path.

    Links to folders are not followed.
    """
    return [folder / name for name in select_images(visible_names(folder, False)).images]


def printable(name):
    """A name for messages and lists: control characters and broken letters are written out."""
    if name.isprintable():
        return name
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in name
    )


def _is_file(entry):
    try:
        return entry.is_file()
    except OSError:  # A link that leads back to itself.
        return False
