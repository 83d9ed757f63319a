"""A picture that a network draws: a point of its latent space, and what is done to it.

All of it is immutable and can be kept, compared with the pictures of other networks, or said as a
command line.
"""

import dataclasses
from pathlib import Path

import numpy as np

from msg_stylegan.sampling.latent_paths import interpolation_of_w
from msg_stylegan.sampling.sampler import latents_of_seeds

# What starts TensorFlow is imported where it is needed: help and mistakes need not wait for it.


@dataclasses.dataclass(frozen=True)
class Look:
    """What turns a latent into a picture besides the latent.

    Attributes:
        truncation_psi: Strength of the truncation trick, for seeds only: a w is drawn as it is.
        truncation_cutoff: Number of layers that are truncated, from the lowest resolution; None for
            all.
        noise_mode: One of `NOISE_MODES`.
        noise_seed: Seed of random noise; None for that of the picture.
    """

    truncation_psi: float
    truncation_cutoff: int | None = 8
    noise_mode: str = "const"
    noise_seed: int | None = None

    def seed_of_noise(self, seed):
        """Seed of the noise of a picture that has itself this one."""
        return seed if self.noise_seed is None else self.noise_seed

    def facts(self):
        """Dictionary of what a picture tells about its noise."""
        noise_seed = {} if self.noise_seed is None else {"noise_seed": self.noise_seed}
        return {"noise_mode": self.noise_mode, **noise_seed}

    def noise_options(self):
        """Options of `generate.py` that draw with this noise: list of texts."""
        options = [f"--noise_mode={self.noise_mode}"]
        return options if self.noise_seed is None else [*options, f"--noise_seed={self.noise_seed}"]

    def facts_of_seeds(self, seeds, labels):
        """Dictionary of what a picture tells about its seeds and their `LabelTable`."""
        return {
            "seed": ",".join(map(str, seeds)),
            "truncation_psi": self.truncation_psi,
            "truncation_cutoff": self.truncation_cutoff,
            **labels.metadata(seeds),
        }


@dataclasses.dataclass(frozen=True)
class SeedPoint:
    """The latent of a seed.

    Attributes:
        seed: Whole number from 0 to 2**32 - 1.
        label_class: Name or number of its class, or None.
        label: Its label, a tuple of numbers, or None. Without both, the seed decides.
    """

    seed: int
    label_class: str | None = None
    label: tuple | None = None

    def ws(self, sampler, labels, look):
        """W for every layer, float32 `[1, num_ws, w_dim]`.

        Args:
            sampler: `SingleSampler` of a network.
            labels: `LabelTable` of the network.
            look: `Look`.
        """
        z = latents_of_seeds(sampler.G, [self.seed])
        ws = sampler.map(z, self.labels(labels).of_seeds([self.seed]))
        return sampler.truncate(ws, look.truncation_psi, look.truncation_cutoff)

    def labels(self, labels):
        """The `LabelTable` with the chosen label only."""
        return labels.chosen(self.label_class, self.label)


@dataclasses.dataclass(frozen=True, eq=False)
class WPoint:
    """A w that was found or made: the way back to it is a file.

    Attributes:
        values: float32 `[num_ws, w_dim]`.
        name: Name of the `.npz` file that holds it.
        z: float32 `[z_dim]` that is drawn instead of the values, because it means something to
            other networks, too; or None.
        label: float32 `[label_size]` that belongs to z, or None.
    """

    values: np.ndarray
    name: str
    z: np.ndarray | None = None
    label: np.ndarray | None = None
    seed = 0

    def ws(self, sampler, labels, look):
        """See `SeedPoint.ws`."""
        if self.z is not None:
            if not self.has_label_for(sampler.G):
                size = 0 if self.label is None else len(self.label)
                raise ValueError(
                    f"{self.name} has a label of {size} numbers, but the network takes labels of "
                    f"{sampler.G.label_size}."
                )
            return sampler.map(self.z[None], self.label[None] if sampler.G.label_size else None)
        expected = (sampler.G.num_ws, sampler.G.w_dim)
        if self.values.shape != expected:
            raise ValueError(
                f"{self.name} holds {list(self.values.shape)} numbers, but the network takes "
                f"{list(expected)}: it is the projection by another network."
            )
        return self.values[None]

    def has_label_for(self, G):
        """Whether z can be drawn by a generator, perhaps of another domain."""
        return G.label_size in (0, 0 if self.label is None else len(self.label))


@dataclasses.dataclass(frozen=True)
class Between:
    """A point on the way from a sample to another one, with all that is done to them.

    Attributes:
        start, end: `Sample`s.
        position: From 0 at the start to 1 at the end.
    """

    start: "Sample"
    end: "Sample"
    position: float

    @property
    def seed(self):
        return self.start.point.seed

    def ws(self, sampler, labels, look):
        """See `SeedPoint.ws`."""
        start, end = (sample.ws(sampler, labels) for sample in (self.start, self.end))
        # The ends are met exactly.
        if self.position in (0, 1):
            return end if self.position else start
        return np.asarray(interpolation_of_w(sampler.G)(start, end, np.float32(self.position)))


@dataclasses.dataclass(frozen=True, eq=False)
class Edit:
    """A step along a direction.

    Attributes:
        direction: Tuple of `read_direction`.
        strength: How far, in either direction.
        name: `FILE:i`, where the direction is.
    """

    direction: tuple
    strength: float
    name: str

    def shift(self, G):
        """What it adds to the w of a generator, float32 `[num_ws, w_dim]`.

        Raises:
            ValueError: The direction is one of another generator.
        """
        from msg_stylegan.sampling.style_directions import direction_shift

        size = len(self.direction[0])
        if size != G.w_dim:
            raise ValueError(
                f"{self.name} is a direction of {size} numbers, but each w of the network has "
                f"{G.w_dim}: it is one of another network."
            )
        return direction_shift(self.direction, self.strength, G.num_ws)


@dataclasses.dataclass(frozen=True)
class Sample:
    """A picture of a network.

    Attributes:
        point: `SeedPoint`, `WPoint` or `Between`.
        look: `Look`.
        style: Another point, whose w some layers take; or None.
        style_layers: Tuple of the numbers of these layers.
        edits: Tuple of `Edit`, which add up.
    """

    point: SeedPoint | WPoint | Between
    look: Look
    style: SeedPoint | WPoint | None = None
    style_layers: tuple = ()
    edits: tuple = ()

    def ws(self, sampler, labels):
        """W for every layer, float32 `[1, num_ws, w_dim]`; arguments as in `SeedPoint.ws`."""
        ws = self.point.ws(sampler, labels, self.look)
        if self.style is not None and self.style_layers:
            other = self.style.ws(sampler, labels, self.look)
            ws = mix_styles(ws, other, list(self.style_layers))
        for edit in self.edits:
            ws = ws + edit.shift(sampler.G)
        return ws

    def images(self, sampler, labels):
        """Image at every scale of the sampler: list of uint8 `[1, r, r, C]`, low to high."""
        return self.draw(sampler, self.ws(sampler, labels))

    def draw(self, sampler, ws):
        """Image of another w, float32 `[1, num_ws, w_dim]`, with the noise of the sample."""
        seed = self.look.seed_of_noise(self.point.seed)
        return sampler.draw(ws, self.look.noise_mode, seed)

    @property
    def is_of_seeds(self):
        """Whether options of `generate.py images` describe it without a file of w."""
        return isinstance(self.point, SeedPoint) and not self.style_layers

    @property
    def follows_from_z(self):
        """Whether the sample means something in the other domain of a pair, too."""
        if isinstance(self.point, Between):
            ends = self.point.start.follows_from_z and self.point.end.follows_from_z
        else:
            ends = isinstance(self.point, SeedPoint) or self.point.z is not None
        return ends and not self.edits

    def facts(self, labels):
        """Dictionary of what the picture tells about itself.

        Args:
            labels: `LabelTable` of the network.
        """
        if self.is_of_seeds:
            of_point = self.look.facts_of_seeds([self.point.seed], self.point.labels(labels))
        else:
            of_point = {"w": self.point.name}
        return {**self.look.facts(), **of_point, **_facts_of_edits(self.edits)}

    def options(self):
        """Options of `generate.py images` that draw it: list of texts."""
        if self.is_of_seeds:
            options = [f"--seeds={self.point.seed}"]
            if self.point.label_class is not None:
                options.append(f"--class={self.point.label_class}")
            if self.point.label is not None:
                options.append(f"--label={','.join(map(repr, self.point.label))}")
            options.append(f"--truncation_psi={self.look.truncation_psi!r}")
            options.append(f"--truncation_cutoff={self.look.truncation_cutoff}")
        else:
            options = [f"--w={self.point.name}"]
        options += self.look.noise_options()
        if self.edits:
            options += ["--direction", *(edit.name for edit in self.edits)]
            options += ["--strength", *(repr(edit.strength) for edit in self.edits)]
        return options


def mix_styles(ws, other, layers):
    """`ws` with some layers of another w, all float32 `[1, num_ws, w_dim]`.

    Args:
        ws: W of the image.
        other: W whose layers are taken.
        layers: List of their numbers.
    """
    mixed = ws.copy()
    mixed[:, layers] = other[:, layers]
    return mixed


def _facts_of_edits(edits):
    if not edits:
        return {}
    return {
        "direction": ",".join(Path(edit.name).name for edit in edits),
        "strength": ",".join(str(edit.strength) for edit in edits),
    }
