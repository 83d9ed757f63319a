"""Untrained networks of two domains whose images are known to belong together, or not to."""

import dataclasses

import numpy as np
import tensorflow as tf

from msg_stylegan import options
from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks, save_networks
from msg_stylegan.options import Config, DatasetOptions, DiscriminatorOptions, GeneratorOptions
from msg_stylegan.training.run_directory import create_run_directory
from support.network_weights import randomize_zeros
from support.tiny_run import RESOLUTION


def make_pair(
    relation=None, *, channels=(1, 1), label_sizes=(0, 0), has_encoder=False, info=None, seed=0
):
    """Networks with random weights.

    Args:
        relation: None for domains that have nothing in common, "same" for equal images of the same
            latent, labels and noise, "negative" for negatives of them.
        channels, label_sizes: Of both domains.
        has_encoder: Whether there is an encoder.
        info: See `Networks`.
        seed: Decides the weights.
    """
    tf.keras.utils.set_random_seed(seed)
    small = {"channel_base": 64, "channel_max": 8}
    generator = GeneratorOptions(z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, **small)
    data, data_b = (
        Interface(RESOLUTION, *sizes) for sizes in zip(channels, label_sizes, strict=True)
    )
    nets = build_networks(
        generator,
        DiscriminatorOptions(**small),
        data,
        info,
        data_b=data_b,
        has_encoder=has_encoder,
    )
    randomize_zeros(nets.G_ema, seed)
    randomize_zeros(nets.G_ema_b, seed + 1)
    if relation:
        for source, target in zip(nets.G_ema.variables, nets.G_ema_b.variables, strict=True):
            target.assign(source)
    if relation == "negative":
        features = {id(variable) for variable in nets.G_ema_b.feature_variables(RESOLUTION)}
        for variable in nets.G_ema_b.trainable_variables:
            if id(variable) not in features:
                variable.assign(-variable)
    return nets


def make_pair_run(folder, *, snapshots=(0, 1), **kind):
    """Writes a run of pairs on the data sets "tiny" and "other" of `folder / "data"`.

    Args:
        folder: Where the results and the data sets lie.
        snapshots: Thousands of images of its snapshots.
        **kind: For `make_pair`.

    Returns:
        Run directory.
    """
    config = Config(
        data_dir=str(folder / "data"),
        result_dir=str(folder / "results"),
        dataset=DatasetOptions(path="tiny", path_b="other"),
    )
    run_dir = folder / "results" / "00001-pair-1gpu"
    create_run_directory(run_dir, options.to_dict(config))
    for kimg in snapshots:
        info = {"options": options.to_dict(config), "cur_nimg": kimg * 1000}
        nets = make_pair(seed=kimg, **kind)
        save_networks(nets, run_dir / f"network-snapshot-{kimg:06d}.keras", info)
    return run_dir


class ArrayPairs:
    """Pairs that are there already, like `GeneratedPairs`.

    Args:
        a: uint8 `[N, r, r, C]`.
        b: The same of the other domain.
        num_batches: In how many batches they come.
    """

    def __init__(self, a, b, num_batches=3):
        self._a, self._b = a, b
        self._num_batches = num_batches

    def batches(self, num_pairs):
        parts = (np.array_split(x[:num_pairs], self._num_batches) for x in (self._a, self._b))
        yield from zip(*parts, strict=True)


def pair_inputs(inputs, *arrays, **options):
    """`MetricInputs` with `ArrayPairs`."""
    return dataclasses.replace(inputs, pairs=ArrayPairs(*arrays, **options))
