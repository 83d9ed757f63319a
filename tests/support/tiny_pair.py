"""Untrained networks of two domains whose images are known to belong together, or not to."""

import dataclasses

import numpy as np
import tensorflow as tf

from metrics.generated_images import GeneratedImages
from metrics.generated_pairs import GeneratedPairs
from msg_stylegan import options
from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks, save_networks
from msg_stylegan.options import Config, DatasetOptions
from msg_stylegan.training.run_directory import create_run_directory
from support.network_weights import multiply_outputs, randomize_zeros
from support.stored_data_sets import random_images
from support.tiny_run import RESOLUTION, SMALL_D, SMALL_G


def make_pair(
    relation=None,
    *,
    channels=(1, 1),
    label_sizes=(0, 0),
    has_encoder=False,
    info=None,
    seed=0,
    **discriminator,
):
    """Networks with random weights.

    Args:
        relation: None for domains that have nothing in common, "same" for equal images of the same
            latent, labels and noise, "negative" for negatives of them.
        channels, label_sizes: Of both domains.
        has_encoder: Whether there is an encoder.
        info: See `Networks`.
        seed: Decides the weights.
        **discriminator: Changes of `SMALL_D`.
    """
    tf.keras.utils.set_random_seed(seed)
    data, data_b = (
        Interface(RESOLUTION, *sizes) for sizes in zip(channels, label_sizes, strict=True)
    )
    nets = build_networks(
        SMALL_G,
        dataclasses.replace(SMALL_D, **discriminator),
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
        multiply_outputs(nets.G_ema_b, -1.0)
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


def labels_of_pair(label_sizes, facts):
    """`Networks.info` of a pair in which each domain that has labels has the same ones.

    Args:
        label_sizes: Of both domains.
        facts: What `label_facts` says.
    """
    names = zip(("labels", "labels_b"), label_sizes, strict=True)
    return {name: facts for name, label_size in names if label_size}


def generated_pairs(nets, label_sets=(None, None), partners=None, batch_size=4):
    """`GeneratedPairs` of the weight averages."""
    images = (
        GeneratedImages(domain.G_ema, batch_size, labels_dataset=labels)
        for domain, labels in zip(nets.domains, label_sets, strict=True)
    )
    return GeneratedPairs(*images, nets.E, partners)


def random_pixels(count, side=8, channels=1, seed=0):
    """Random uint8 `[N, side, side, C]`, small ones."""
    return random_images(count, side, channels, seed)


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
