"""Recordings of networks and training steps, as `tests/make_recordings.py` writes them.

The names, layouts (NCHW, HWIO) and argument names in them are those of the original system, so
that recordings made by the original itself are read by the same code.
"""

import json

import numpy as np

from msg_stylegan.legacy import original_variables
from msg_stylegan.legacy.original_options import discriminator_options, generator_options
from msg_stylegan.networks import build_networks

_GENERATOR_ONLY = ("latent_size", "dlatent_size", "mapping_fmaps")
_SHARED = ("fmap_base", "fmap_max", "num_channels", "resolution", "label_size")


class Recording:
    """One `.npz` file with its settings in `meta`."""

    def __init__(self, path):
        with np.load(path) as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}
        self.meta = json.loads(str(self.arrays["meta"]))

    def __getitem__(self, name):
        return self.arrays[name]

    def group(self, prefix):
        """All arrays below a prefix, by the rest of their names."""
        return {k.removeprefix(prefix): v for k, v in self.arrays.items() if k.startswith(prefix)}

    def make_networks(self):
        """Networks of the recorded architecture, with fresh weights."""
        shared = {name: self.meta[name] for name in _SHARED}
        generator = {name: self.meta[name] for name in _GENERATOR_ONLY}
        return build_networks(
            generator_options({**shared, **generator, **self.meta.get("G", {})}),
            discriminator_options({**shared, **self.meta.get("D", {})}),
        )

    def labels(self, name):
        """Recorded labels, or None where they are empty."""
        labels = self.arrays[name]
        return labels if labels.shape[-1] else None


def tables(nets):
    """Variables of G, D and Gs (our G_ema) by their original names."""
    return {
        "G": original_variables.generator_variables(nets.G),
        "D": original_variables.discriminator_variables(nets.D),
        "Gs": original_variables.generator_variables(nets.G_ema),
    }


def to_nhwc(array):
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))


def to_nchw(array):
    return np.asarray(array).transpose(0, 3, 1, 2)


def assert_close(ours, recorded, tolerance):
    """Largest difference relative to the largest recorded absolute value."""
    ours, recorded = np.asarray(ours), np.asarray(recorded)
    assert ours.shape == recorded.shape
    scale = np.abs(recorded).max() or 1.0
    np.testing.assert_allclose(ours / scale, recorded / scale, rtol=0, atol=tolerance)
