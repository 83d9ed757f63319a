"""Trainings that are small enough for tests: 16x16 images, a few hundred of them."""

import numpy as np
import tensorflow as tf

from msg_stylegan import options
from msg_stylegan.commands.origins import open_origin
from msg_stylegan.options import Config, DatasetOptions, LossOptions, ScheduleOptions
from msg_stylegan.training import loop, run_directory
from msg_stylegan.training.run_log import logging_to
from support.tiny_run import SMALL_D, SMALL_G, make_dataset


def tiny_config(folder, **schedule):
    """Options of a training of four ticks of four iterations each."""
    defaults = {
        "batch_size": 8,
        "tick_kimg": 0.032,
        "total_kimg": 0.128,
        "ema_kimg": 0.1,
        "image_grid": "4x2",
    }
    return Config(
        preset="tiny",
        data_dir=str(folder),
        result_dir=str(folder / "results"),
        cache_dir=str(folder / "cache"),
        dataset=DatasetOptions(path="tiny", mirror=True),
        generator=SMALL_G,
        discriminator=SMALL_D,
        loss=LossOptions(r1_gamma=1.0),
        schedule=ScheduleOptions(**{**defaults, **schedule}),
    )


def make_tiny_dataset(folder, **kind):
    """Writes the data set that `tiny_config` names."""
    return make_dataset(folder / "tiny", num_images=52, **kind)


def make_tiny_pair(folder):
    """Writes two data sets, gray and colour; returns them and the options that name them."""
    a = make_dataset(folder / "tiny", num_images=52)
    b = make_dataset(folder / "other", num_images=41, channels=3, seed=1)
    return [a, b], {"dataset.path_b": "other"}


def train_tiny(config, datasets, run_dir=None, evaluate=None, judges=None):
    """Trains on a data set, or on a list of them, in this process on one device.

    Returns:
        The run directory.
    """
    datasets = datasets if isinstance(datasets, list) else [datasets]
    if run_dir is None:
        run_dir = run_directory.next_run_directory(config.result_dir, "tiny", 1)
        run_directory.create_run_directory(run_dir, options.to_dict(config))
    strategy = tf.distribute.get_strategy()
    with logging_to(run_dir):
        loop.train(
            config,
            run_dir,
            datasets,
            strategy,
            info={},
            judges=judges,
            evaluate=evaluate,
            open_origin=lambda: open_origin(config.transfer.init_from, config.result_dir),
        )
    return run_dir


def checkpoint_values(run_dir):
    """All arrays of the newest checkpoint, by name, but for the clock and the number of saves."""
    reader = tf.train.load_checkpoint(str(run_dir / "checkpoints"))
    names = [name for name in reader.get_variable_to_dtype_map() if "OBJECT_GRAPH" not in name]
    ignored = ("elapsed_sec", "save_counter")
    return {n: reader.get_tensor(n) for n in names if not any(i in n for i in ignored)}


def assert_same_checkpoints(run_dir, expected_dir):
    """Bit for bit."""
    ours, expected = checkpoint_values(run_dir), checkpoint_values(expected_dir)
    assert ours.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(ours[name], expected[name], err_msg=name)
