"""The networks on show: opened and compiled once, and the same for all visitors."""

import functools
import hashlib
import shlex
from pathlib import Path

import numpy as np

from msg_stylegan.command_names import called
from msg_stylegan.generation.directions import measured_directions
from msg_stylegan.generation.sample import Edit, Look, Sample, SeedPoint, WPoint
from msg_stylegan.generation.seed_images import (
    chosen_labels,
    generator_of,
    open_networks,
    open_pair,
)
from msg_stylegan.image_counts import SNAPSHOTS
from msg_stylegan.projection import Projection
from msg_stylegan.sampling.sampler import SingleSampler, default_psi
from msg_stylegan.sampling.style_directions import read_directions
from msg_stylegan.training.run_directory import OPTIONS_FILE

# Small pictures are drawn up to this scale: what lies above it need not be computed.
_SMALL_SIDE = 64
_MAX_DIRECTIONS = 8
# Where the commands that are shown write to.
_OUTDIR = "out"


class View:
    """One generator on show.

    Attributes:
        G: The generator.
        labels: Its `LabelTable`.
        facts: What a picture tells about the file of the network.
        name: "a" or "b" in a pair, else None.
        sampler: `SingleSampler` of all scales.
        small_sampler: The same for one scale of at most 64 pixels.
        default_look: `Look` of the command line without options.
    """

    def __init__(self, G, labels, facts, direction_file=None):
        """Prepares the samplers.

        Args:
            G: Generator.
            labels: `LabelTable`.
            facts: Facts about its file.
            direction_file: File of directions; None for those that follow from the weights.
        """
        self.G, self.labels, self.facts = G, labels, facts
        self.name = facts.get("domain")
        self.sampler = SingleSampler(G)
        small = [side for side in G.resolutions if side <= _SMALL_SIDE] or G.resolutions[:1]
        self.small_sampler = SingleSampler(G, small[-1:])
        self.default_look = Look(default_psi(G), min(8, G.num_ws))
        self._direction_file = direction_file

    @functools.cached_property
    def directions(self):
        """The first directions: list of tuples of a direction and its name, `FILE:i`.

        Empty for a network without any.
        """
        if self._direction_file is not None:
            found = read_directions(self._direction_file)[:_MAX_DIRECTIONS]
            return [(one, f"{self._direction_file}:{i}") for i, one in enumerate(found)]
        try:
            found, scale = measured_directions(self.G, self.labels)
        except ValueError:
            return []
        return [
            ((vector * np.float32(scale), found.layers), f"{_OUTDIR}/directions.json:{i}")
            for i, vector in enumerate(found.vectors[:_MAX_DIRECTIONS])
        ]

    def edits(self, strengths):
        """Tuple of `Edit`s by the strengths of the first directions; those of 0 are left out."""
        pairs = zip(self.directions, strengths, strict=False)
        return tuple(Edit(d, float(strength), name) for (d, name), strength in pairs if strength)

    def images(self, sample):
        """Image of a `Sample` at every scale: list of uint8 `[r, r, C]`, low to high."""
        return self.images_of_w(sample, sample.ws(self.sampler, self.labels)[0])

    def images_of_w(self, sample, ws):
        """The same by the final w of the sample, float32 `[num_ws, w_dim]`."""
        return [image[0] for image in sample.draw(self.sampler, ws[None])]

    def small_image(self, sample):
        """A small image of a `Sample`: uint8 `[r, r, C]`."""
        return sample.images(self.small_sampler, self.labels)[0][0]

    def as_command(self, sample):
        """The sample in the form in which a command line can draw it.

        Returns:
            Tuple of a `Sample` that draws the same picture, and its `Projection` with the final w.
        """
        ws, flat = sample.ws(self.sampler, self.labels)[0], sample
        if not sample.is_of_seeds:
            flat = Sample(WPoint(ws, file_of_w("w", ws)), sample.look)
        return flat, Projection(ws, [], self.picture_facts(flat))

    def picture_facts(self, sample):
        """What the file of a picture tells, as `generate.py images` would write it."""
        return {**self.facts, **sample.facts(self.labels)}


class Exhibit:
    """A file of networks, with its domains, and the run that it belongs to.

    Attributes:
        path: The file.
        views: List of one `View`, or of one for each domain of a pair.
        encoder: Encoder of a pair, or None.
        run_dir: Folder of the run if a run was named, else None.
    """

    def __init__(self, args):
        """Opens the networks.

        Args:
            args: Parsed options `network`, `result_dir`, `directions`, `title`; `domain`,
                `label_class` and `label` are None.

        Raises:
            FileNotFoundError: There is no such file or run.
            ValueError: It cannot be used.
        """
        nets, self.path, facts = open_networks(args)
        if nets.is_pair:
            opened = open_pair(args, nets, self.path, facts)
        else:
            G = generator_of(nets, self.path)
            opened = [(G, chosen_labels(args, G, nets.info), facts)]
        self.views = [View(*one, direction_file=args.directions) for one in opened]
        if args.directions is not None:
            # Whether the file fits should be known before anybody looks.
            for view in self.views:
                edits = view.edits([1.0] * _MAX_DIRECTIONS)
                view.images(Sample(SeedPoint(0), view.default_look, edits=edits))
        self.encoder, self._title = nets.E, args.title
        is_run = (self.path.parent / OPTIONS_FILE).is_file() and Path(args.network) != self.path
        self.run_dir = self.path.parent if is_run else None

    @property
    def title(self):
        """The text that was chosen, or the name of the run, or of the file."""
        if self._title:
            return self._title
        return self.path.name if self.run_dir is None else self.run_dir.name

    @property
    def summary(self):
        """One line of facts about the networks."""
        G, images = self.views[0].G, SNAPSHOTS.images(self.path.name)
        colours = " and ".join(
            dict.fromkeys("gray" if view.G.num_channels == 1 else "colour" for view in self.views)
        )
        parts = [f"{G.resolution}x{G.resolution} {colours}", f"{len(G.resolutions)} scales"]
        if len(self.views) > 1:
            parts.append("two domains")
        if G.label_size:
            is_classes = self.views[0].labels.classes is not None
            parts.append(f"{G.label_size} {'classes' if is_classes else 'label components'}")
        if images is not None:
            parts.append(f"{images / 1000:g} kimg")
        return " · ".join(parts)

    def commands(self, view, sample):
        """Lines of a shell that draw a sample of seeds or of a file of w; see `as_command`."""
        lines = []
        if any(edit.name.startswith(f"{_OUTDIR}/") for edit in sample.edits):
            lines.append(self.command(view, "directions", ["--seeds=0"]))
        return [*lines, self.command(view, "images", sample.options())]

    def command(self, view, name, options):
        """A command of `generate.py` for the network of a view, as one line of a shell."""
        common = [f"--network={self.path}", f"--outdir={_OUTDIR}"]
        if len(self.views) > 1:
            common.append(f"--domain={view.name}")
        return f"{called('generate')} {name} {shlex.join([*common, *options])}"


def file_of_w(kind, ws):
    """Name of a file of w, by what is in it: those of several pictures can be in one folder."""
    return f"{kind}-{hashlib.sha256(ws.tobytes()).hexdigest()[:8]}.npz"
