"""A walk from sample to sample: what the explorer shows and `interpolation --w` draws."""

import dataclasses

import numpy as np

from msg_stylegan.sampling.latent_paths import interpolation_of_w, key_frame_path


class Walk:
    """The pictures on the way through some samples, all with the noise of the first one.

    Attributes:
        points: W of the samples, float32 `[K, num_ws, w_dim]`; each is met exactly.
    """

    def __init__(self, samples, sampler, labels, *, transition, closed):
        """Finds the way.

        Args:
            samples: List of `Sample`s.
            sampler: `SingleSampler`.
            labels: `LabelTable` of the network.
            transition: Frames from one sample to the next.
            closed: Whether the walk goes back to the first one.

        Raises:
            ValueError: There are fewer than two samples, or a w is that of another network.
        """
        if len(samples) < 2:
            raise ValueError("A walk needs at least two samples to lead from one to the next.")
        self.points = np.concatenate([sample.ws(sampler, labels) for sample in samples])
        path = interpolation_of_w(sampler.G)
        self._path = key_frame_path(self.points, transition, path, closed)
        self._first, self._sampler = samples[0], sampler
        self._transition, self._closed = transition, closed

    def __len__(self):
        """Number of pictures."""
        return len(self._path)

    def images(self, number):
        """A picture at every scale of the sampler: list of uint8 `[1, r, r, C]`, low to high."""
        return self._first.draw(self._sampler, self._path[number : number + 1])

    def facts(self, name):
        """Dictionary of what its video tells about it; `name` is that of the file of its points."""
        return {
            **self._look.facts(),
            "w": name,
            "frames": len(self),
            "transition": self._transition,
            "open": not self._closed,
        }

    def options(self, name):
        """Options of `generate.py interpolation` that draw it from a file: list of texts."""
        options = [f"--w={name}", f"--transition={self._transition}"]
        return [*options, *([] if self._closed else ["--open"]), *self._look.noise_options()]

    @property
    def _look(self):
        """How all are drawn. The seed of the noise is said, for the files of w have none."""
        look = self._first.look
        if look.noise_mode != "random":
            return look
        return dataclasses.replace(look, noise_seed=look.seed_of_noise(self._first.point.seed))
