"""The search for the latent of an uploaded picture, which a visitor can stop."""

import threading
from pathlib import Path

import numpy as np

from msg_stylegan.data.decoding.picture_reader import PictureReader
from msg_stylegan.generation.sample import WPoint
from msg_stylegan.projection import Projector, read_target

# Photographs of today's cameras are smaller. Four bytes for each fill 200 MB.
_READER = PictureReader(max_pixels=50_000_000)
_NUM_STARTS = 64


class StopButton:
    """Tells a search of one visitor to end."""

    def __init__(self):
        self._event = threading.Event()

    def press(self):
        self._event.set()

    @property
    def is_pressed(self):
        return self._event.is_set()


class Searches:
    """Searches in the networks on show, one at a time; the compiled steps serve all visitors.

    Args:
        encoder: Encoder of a pair, or None.
    """

    def __init__(self, encoder=None):
        self._encoder = encoder
        self._projectors = {}
        self._lock = threading.Lock()

    def run(self, view, path, space, num_steps, stop):
        """Searches.

        Args:
            view: `View` in whose network is searched.
            path: Image file.
            space: "w", "w+" or "z".
            num_steps: Largest number of steps.
            stop: `StopButton`.

        Yields:
            Tuple of the target, uint8 `[r, r, C]`, the number of steps done, and the `WPoint` of
            the best latent so far.

        Raises:
            ValueError: The file cannot be used as an image.
        """
        # Where uploads lie is nobody's business.
        shape = view.G.resolution, view.G.num_channels
        target = read_target(path, *shape, _READER, name=Path(path).name)
        start = None
        if self._encoder is not None and space == "z":
            start = np.asarray(self._encoder(self._encoder.scales_of(target[None])))
        with self._lock:
            projector = self._projector(view, space)
            for step in projector.search(target[None], start=start, num_steps=num_steps):
                yield target, step, _best_point(projector)
                if stop.is_pressed:
                    return

    def _projector(self, view, space):
        key = view.name, space
        if key not in self._projectors:
            self._projectors[key] = Projector(
                view.G, space=space, labels=view.labels, num_starts=_NUM_STARTS
            )
        return self._projectors[key]


def _best_point(projector):
    found = projector.best_ws, projector.best_z, projector.best_labels
    return WPoint(found[0][0], "projection.npz", *(x if x is None else x[0] for x in found[1:]))
