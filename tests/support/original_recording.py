"""Recordings of networks and training steps, as `tests/support/make_recordings.py` writes them.

The names, layouts (NCHW, HWIO) and argument names in them are those of the original system, so
that recordings made by the original itself are read by the same code. `meta` holds every argument
of the networks that differs from the original's default, beside the settings of a training; `G` and
`D` in it hold arguments of one network.
"""

import dataclasses
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from msg_stylegan.legacy import original_variables
from msg_stylegan.legacy.original_options import (
    discriminator_options,
    fused_from,
    generator_options,
)
from msg_stylegan.networks import build_networks
from support.checkout import GOLDEN

OWN = Path(__file__).parents[1] / "recordings"
# What `meta` says beside the arguments of the networks.
_ABOUT_TRAINING = {
    "batch",
    "steps",
    "learning_rate",
    "beta1",
    "beta2",
    "epsilon",
    "r1_gamma",
    "G_smoothing_kimg",
    "order",
}
# Sums in a digest. Distances that are estimated from three of them are wrong by a quarter.
_NUM_SUMS = 32
_TRUNCATION = {"truncation_psi": 0.7, "truncation_cutoff": 8}
# Arguments that change no weights, with the value that every recording has.
_ALWAYS = {"randomize_noise": False, "dtype": "float32"}
# Arguments without weights that `original_options` knows and that would change what is recorded.
_WITHOUT_MEANING_HERE = {
    "is_training",
    "is_validation",
    "structure",
    "style_mixing_prob",
    "truncation_psi_val",
    "truncation_cutoff_val",
    "use_truncation",
}
# How a file of each kind is told from the others.
_KINDS = {
    "trajectory": lambda names: any(name.startswith("init/") for name in names),
    "networks": lambda names: "out/w" in names,
    "bmsg": lambda names: any("/relativistic-hinge/" in name for name in names),
    "inception": lambda names: "out/logits_299" in names,
}


def kind_of(path):
    """Kind of a recording, by its content: "networks", "trajectory", "bmsg", "inception"."""
    if path.suffix == ".json":
        facts = json.loads(path.read_text(encoding="utf-8"))
        names = [*facts["variables"], *facts["digests"]]
    else:
        with np.load(path) as arrays:
            names = arrays.files
    (kind,) = [kind for kind, fits in _KINDS.items() if fits(names)]
    return kind


def original_paths(pattern="*.npz", kind=None):
    """Cases of a test: all files of the original systems; a skipped one if they are not there."""
    if not GOLDEN.is_dir():
        reason = f"the recordings of the original systems are not at {GOLDEN}"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="original")]
    paths = [p for p in sorted(GOLDEN.glob(pattern)) if kind is None or kind_of(p) == kind]
    assert paths, f"{GOLDEN} holds no {kind or pattern}"
    return [pytest.param(path, id=f"original/{path.stem}") for path in paths]


def own_paths(kind):
    """Cases of a test: our recordings of a kind, and what is known of the original's."""
    files = [*fact_paths(), *sorted(OWN.glob("*.npz"))]
    return [pytest.param(path, id=f"own/{path.stem}") for path in files if kind_of(path) == kind]


def fact_paths():
    """Files of what is known of the original's recordings in every clone."""
    return sorted(OWN.glob("original_*.json"))


@dataclasses.dataclass(frozen=True)
class Digest:
    """A few numbers that stand for an array, or for its way from another one.

    Args:
        shape: That of the array.
        scale: The largest absolute value of the array less `start`.
        sums: Sums of these elements with random signs, over the root of their number and `scale`. A
            relative error in most elements changes them by about as much.
        start: What was subtracted.
    """

    shape: tuple
    scale: float
    sums: tuple
    start: np.ndarray | float = 0.0

    @classmethod
    def of(cls, array):
        scale = float(f"{np.abs(array).max() or 1.0:.7g}")
        sums = tuple(round(float(x), 7) for x in cls._sums(array, scale))
        return cls(np.shape(array), scale, sums)

    @staticmethod
    def _sums(array, scale):
        signs = np.random.RandomState(0).choice([-1.0, 1.0], (_NUM_SUMS, np.size(array)))
        return signs @ np.ravel(array).astype(np.float64) / (scale * math.sqrt(np.size(array)))

    def square_distance(self, array):
        """Estimate of the sum of squared differences from an array."""
        differences = self._sums(array - self.start, self.scale) - self.sums
        return np.mean(differences**2) * self.scale**2 * math.prod(self.shape)

    def assert_close(self, array, tolerance):
        assert np.shape(array) == self.shape
        sums = self._sums(array - self.start, self.scale)
        np.testing.assert_allclose(sums, self.sums, rtol=0, atol=tolerance)
        # Where nothing has moved, the scale is 1.
        if any(self.sums):
            largest = np.abs(array - self.start).max()
            np.testing.assert_allclose(largest, self.scale, rtol=tolerance)


class RecordedArrays:
    """One `.npz` file.

    Args:
        meta: Settings as in `meta`.
        arrays: Everything else, by name.
    """

    def __init__(self, meta, arrays):
        self.meta = meta
        self.arrays = arrays

    @classmethod
    def read(cls, path):
        if path.suffix == ".json":
            # It needs this module to write its files.
            from support.original_facts import read_facts

            return cls(*read_facts(path))
        with np.load(path) as arrays:
            arrays = {name: arrays[name] for name in arrays.files}
        return cls(json.loads(str(arrays.pop("meta"))), arrays)

    def __getitem__(self, name):
        return self.arrays[name]

    def group(self, prefix):
        """All arrays below a prefix, by the rest of their names."""
        return {k.removeprefix(prefix): v for k, v in self.arrays.items() if k.startswith(prefix)}


class Recording(RecordedArrays):
    """A recording of networks of the StyleGAN family.

    Raises:
        ValueError: A setting is unknown, or says what cannot be repeated here.
    """

    def __init__(self, meta, arrays):
        super().__init__(meta, arrays)
        shared = {k: v for k, v in meta.items() if k not in {"G", "D", *_ABOUT_TRAINING}}
        self._arguments = {name: {**shared, **meta.get(name, {})} for name in ("G", "D")}
        for arguments in self._arguments.values():
            _check_arguments(arguments)
        # They refuse arguments that they do not know.
        G_options, data = generator_options(self._arguments["G"])
        D_options, _ = discriminator_options(self._arguments["D"])
        self._options = G_options, D_options, data
        order = meta.get("order", "D update, Gs, G update")
        if not re.search("D update.*Gs.*G update", order, re.DOTALL):
            raise ValueError(f"Another order within a step than D, Gs, G: {order!r}")

    def make_networks(self):
        """Networks of the recorded architecture, with fresh weights."""
        return build_networks(*self._options)

    def tables(self, nets):
        """Variables of G, D and Gs (our G_ema) by their original names."""
        start = fused_from(self._arguments["G"])
        return {
            "G": original_variables.generator_variables(nets.G, start),
            "D": original_variables.discriminator_variables(nets.D),
            "Gs": original_variables.generator_variables(nets.G_ema, start),
        }

    @property
    def truncation(self):
        """Arguments of our generator for the recorded truncation; None there means none at all."""
        found = {name: self._arguments["G"].get(name, _TRUNCATION[name]) for name in _TRUNCATION}
        return {"truncation_psi": 1.0} if None in found.values() else found

    def labels(self, name):
        """Recorded labels, or None where they are empty."""
        labels = self.arrays[name]
        return labels if labels.shape[-1] else None


def _check_arguments(arguments):
    refused = [name for name in arguments if name in _WITHOUT_MEANING_HERE]
    refused += [name for name, value in _ALWAYS.items() if arguments.get(name, value) != value]
    if refused:
        raise ValueError(f"Cannot repeat a recording with the settings {sorted(refused)}")


def to_nhwc(array):
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))


def to_nchw(array):
    return np.asarray(array).transpose(0, 3, 1, 2)


def assert_close(ours, recorded, tolerance):
    """Largest difference relative to the largest recorded absolute value, also of a `Digest`."""
    ours = np.asarray(ours)
    if isinstance(recorded, Digest):
        recorded.assert_close(ours, tolerance)
        return
    recorded = np.asarray(recorded)
    assert ours.shape == recorded.shape
    scale = np.abs(recorded).max(initial=0.0) or 1.0
    np.testing.assert_allclose(ours / scale, recorded / scale, rtol=0, atol=tolerance)
