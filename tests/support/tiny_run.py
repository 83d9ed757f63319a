"""A data set, networks and a run that are small enough for tests of what is made from them."""

import dataclasses

import numpy as np
import tensorflow as tf

from msg_stylegan import options
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks, save_networks
from msg_stylegan.options import Config, DatasetOptions, DiscriminatorOptions, GeneratorOptions
from msg_stylegan.training.run_directory import create_run_directory
from support.network_weights import randomize_zeros
from support.plain_operations import one_hot
from support.stored_data_sets import random_images, write_records

RESOLUTION = 16
_SMALL = {"channel_base": 64, "channel_max": 8}
SMALL_G = GeneratorOptions(z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, **_SMALL)
SMALL_D = DiscriminatorOptions(**_SMALL)


def make_dataset(directory, *, num_images=40, channels=1, label_size=0, seed=0):
    """Writes random images; returns the opened data set."""
    images = random_images(num_images, RESOLUTION, channels, seed)
    labels = one_hot(np.arange(num_images) % 3, label_size) if label_size else None
    write_records(directory, images, labels)
    return TFRecordDataset(directory, max_label_size=-1 if label_size else 0)


def make_networks(*, channels=1, label_size=0, use_noise=True, seed=0):
    """Untrained networks; their noise is strong enough to be seen, their constant input varies."""
    tf.keras.utils.set_random_seed(seed)
    generator = dataclasses.replace(SMALL_G, use_noise=use_noise)
    nets = build_networks(generator, SMALL_D, Interface(RESOLUTION, channels, label_size))
    randomize_zeros(nets.G_ema, seed)
    return nets


def make_run(result_dir, data_dir, *, snapshots=(0, 1), mirror=False, **kind):
    """Writes a run of untrained networks; returns its directory.

    Args:
        result_dir: Folder of the runs.
        data_dir: Folder that holds, or will hold, the data set "tiny".
        snapshots: Thousands of images of its snapshots.
        mirror: Recorded option.
        **kind: For `make_networks`.
    """
    config = Config(
        data_dir=str(data_dir),
        result_dir=str(result_dir),
        dataset=DatasetOptions(path="tiny", mirror=mirror),
    )
    run_dir = result_dir / "00001-tiny-1gpu"
    create_run_directory(run_dir, options.to_dict(config))
    for kimg in snapshots:
        info = {"options": options.to_dict(config), "cur_nimg": kimg * 1000}
        nets = make_networks(seed=kimg, **kind)
        save_networks(nets, run_dir / f"network-snapshot-{kimg:06d}.keras", info)
    return run_dir
