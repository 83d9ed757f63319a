"""Which files are images, by their names."""

import posixpath

from msg_stylegan.data.decoding.formats import image_endings


def is_image_name(name):
    """Whether a relative path, with forward slashes, is an image's and not hidden."""
    # `pathlib` would take seconds for a large archive.
    return posixpath.splitext(name)[1].lower() in image_endings() and not is_hidden(name)


def is_hidden(name):
    """Whether a part of a relative path, with forward slashes, begins with a point.

    So are the notes of macOS, which it keeps of each file in a folder of one name.
    """
    parts = name.split("/")
    return any(part == "__MACOSX" or (part.startswith(".") and part != ".") for part in parts)


def printable(name):
    """A name for messages and lists: control characters and broken letters are written out."""
    if name.isprintable():
        return name
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in name
    )
