"""What a run shows of its training: its snapshots, drawn with one latent, curves and reals."""

import collections
import threading

from msg_stylegan.generation.seed_images import generator_of
from msg_stylegan.image_counts import SNAPSHOTS
from msg_stylegan.networks import snapshots_of_run
from msg_stylegan.pretrained import load_networks
from msg_stylegan.projection import copied_generator
from msg_stylegan.sampling.sampler import SingleSampler

# Snapshots whose weights are kept in memory.
_NUM_KEPT = 8


class RunView:
    """The snapshots of a run, in one domain.

    All are drawn by one compiled generator, into which their weights are put: a slider over many
    snapshots compiles nothing.

    Attributes:
        paths: Snapshot files, oldest first.
        kimg: Thousands of images that each has seen.
        curves: Paths of the plots of metrics.
        reals: Path of the picture of reals, or None.
    """

    def __init__(self, run_dir, view):
        """Finds the files.

        Args:
            run_dir: Run directory.
            view: `View` of the newest snapshot, whose domain is shown.
        """
        self._domain, self._labels = view.name, view.labels
        self._config = _configuration(view.G)
        self._view = view
        self._sampler = None
        self._weights = collections.OrderedDict()
        self._lock = threading.Lock()
        self.paths = snapshots_of_run(run_dir)
        self.kimg = [SNAPSHOTS.images(path.name) / 1000 for path in self.paths]
        self.curves = sorted(run_dir.glob("metric-*.png"))
        suffix = "_b" if view.name == "b" else ""
        reals = run_dir / f"reals{suffix}.png"
        self.reals = reals if reals.is_file() else None

    def images(self, sample, number):
        """Image of a `Sample` by snapshot `number`, at every scale: list of uint8 `[r, r, C]`.

        Raises:
            ValueError: The network of the snapshot has another shape.
        """
        with self._lock:
            if self._sampler is None:
                self._sampler = SingleSampler(copied_generator(self._view.G))
            weights = self._weights_of(number)
            for variable, value in zip(self._sampler.G.variables, weights, strict=True):
                variable.assign(value)
            return [image[0] for image in sample.images(self._sampler, self._labels)]

    def _weights_of(self, number):
        path = self.paths[number]
        if path not in self._weights:
            G = generator_of(load_networks(path, self._domain), path)
            if _configuration(G) != self._config:
                raise ValueError(
                    f"{path.name} holds a network of another shape: it was still growing."
                )
            self._weights[path] = [variable.numpy() for variable in G.variables]
        self._weights.move_to_end(path)
        while len(self._weights) > _NUM_KEPT:
            self._weights.popitem(last=False)
        return self._weights[path]


def _configuration(G):
    return {key: value for key, value in G.get_config().items() if key != "name"}
