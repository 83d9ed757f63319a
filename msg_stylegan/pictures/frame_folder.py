"""The frames of a video as numbered PNG files, for those who cut it themselves."""

import contextlib

from msg_stylegan.files import atomic_directory
from msg_stylegan.pictures.sheets import save_image


class FrameFolder:
    """A context manager like `VideoWriter` that writes a folder, whole or not at all."""

    def __init__(self, path, metadata=None):
        """Prepares the folder.

        Args:
            path: Folder, which must not exist or must be empty.
            metadata: Facts to be stored in every frame.
        """
        self._path = path
        self._metadata = metadata
        self._count = 0
        self._open = contextlib.ExitStack()

    def __enter__(self):
        self._folder = self._open.enter_context(atomic_directory(self._path))
        return self

    def write(self, frame):
        """Adds a frame: uint8 `[H, W, C]`, C = 1 or 3."""
        save_image(frame, self._folder / f"frame{self._count:06d}.png", self._metadata)
        self._count += 1

    def __exit__(self, *error):
        return self._open.__exit__(*error)
