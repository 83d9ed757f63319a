"""The video of the way between kept samples, and what a command line needs to draw it again."""

import tempfile
from pathlib import Path

from msg_stylegan.explorer.exhibit import file_of_w
from msg_stylegan.generation.walk import Walk
from msg_stylegan.pictures.sheets import enlarge
from msg_stylegan.pictures.video import VideoWriter
from msg_stylegan.projection import encode_points

# That of `generate.py interpolation`.
_FPS = 30
# Videos of small networks are enlarged to at least this side: players blur.
_SIDE = 256


class WalkVideo:
    """The video of a walk through samples.

    Attributes:
        w_name: Name of the file of the w of the samples.
    """

    def __init__(self, view, samples, *, transition, closed):
        """Finds the way; nothing is drawn yet.

        Args:
            view: `View`.
            samples: List of `Sample`s.
            transition: Frames from one sample to the next.
            closed: Whether the walk goes back to the first one.

        Raises:
            ValueError: There are fewer than two samples.
        """
        self._walk = Walk(samples, view.sampler, view.labels, transition=transition, closed=closed)
        self._zoom = max(1, _SIDE // view.G.resolution)
        self.w_name = file_of_w("walk", self._walk.points)
        self._facts = {
            **view.facts,
            **self._walk.facts(self.w_name),
            "scales": str(view.G.resolution),
            "fps": _FPS,
        }

    def encode(self, progress):
        """The bytes of the MP4 file.

        Args:
            progress: Function of the number of pictures done and how many there are.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "interpolation.mp4")
            with VideoWriter(path, _FPS, metadata=self._facts) as video:
                for number in range(len(self._walk)):
                    progress(number, len(self._walk))
                    video.write(enlarge(self._walk.images(number)[-1][0], self._zoom))
            return path.read_bytes()

    def encode_points(self):
        """The bytes of the file of the w."""
        return encode_points(self._walk.points, self._facts)

    def options(self):
        """Options of `generate.py interpolation` that draw the video from the file of the w."""
        return [*self._walk.options(self.w_name), f"--zoom={self._zoom}"]
