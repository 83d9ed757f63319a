"""Images for which a latent is sought: files and folders, prepared for a generator."""

import sys
from pathlib import Path

from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.data.decoding.remarks import SkippedImageError
from msg_stylegan.data.image_preparation import ImagePreparation
from msg_stylegan.data.sources.file_stores import FolderStore, read_file

_USUAL_READER = PictureReader()


def find_images(paths):
    """The images that paths name. What is left out of folders is reported on stderr.

    Args:
        paths: Files, and folders, of which all images are taken, including those of sub-folders.

    Returns:
        List of paths, each once, in order.

    Raises:
        FileNotFoundError: A path does not exist.
        ValueError: A folder holds no image.
    """
    found = {}
    for path in map(Path, paths):
        if path.is_dir():
            store = FolderStore(path)
            for notice in store.notices:
                print(f"notice: {path}: {notice}", file=sys.stderr)
            if not store.names:
                raise ValueError(f"{path} holds no images (.png, .jpg, .jpeg, .webp, .bmp, ...).")
            found.update(dict.fromkeys(path / name for name in store.names))
        elif path.exists():
            found[path] = None
        else:
            raise FileNotFoundError(f"There is no file or folder {path}.")
    return list(found)


def read_target(path, resolution, num_channels, reader=_USUAL_READER, name=None):
    """An image as a network of this size sees it.

    The middle square is taken and resized; an image of the right size keeps its pixels. Colours
    become grey, or grey RGB, as the network needs.

    Args:
        path: Image file.
        resolution: Side in pixels, a power of two.
        num_channels: 1 or 3.
        reader: `PictureReader`.
        name: What a message calls the file; None for its path.

    Returns:
        uint8 `[resolution, resolution, num_channels]`.

    Raises:
        ValueError: The file cannot be used as an image. The message names it.
    """
    preparation = ImagePreparation(resolution=resolution, channels=num_channels, reader=reader)
    try:
        return preparation.prepare(reader.open(read_file(path)))
    except SkippedImageError as error:
        raise ValueError(f"{name or path} cannot be used: {error}.") from error
