"""Run by `test_replicas.py` in a process of its own: two iterations on N logical CPU devices.

Writes to an `.npz` file: how all weights changed, as every replica sees them, and the random
numbers that the replicas drew. The options of `TrainStep`, and under `augment` those of the
augmentation, come as JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from msg_stylegan.coupling.coupling import Coupling
from msg_stylegan.coupling.sharing import share_weights
from msg_stylegan.data.dataset import TFRecordDataset
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.options import changed
from msg_stylegan.training import devices
from msg_stylegan.training.architecture import make_networks
from msg_stylegan.training.path_lengths import PathLengthMean
from msg_stylegan.training.progress import Progress
from msg_stylegan.training.reals import distributed_batches
from msg_stylegan.training.step import TrainStep
from msg_stylegan.training.training_state import (
    all_labels,
    make_augmentation,
    make_optimizers,
)
from support.tiny_training import tiny_config


def main(folder, num_replicas, options, target):
    # What is drawn or computed per replica is switched off, and Adam is kept from turning rounding
    # errors of small gradients into full steps.
    config = changed(
        tiny_config(folder),
        {
            "generator.use_noise": False,
            "discriminator.mbstd_group_size": 1,
            "optimizer.epsilon": 1.0,
            "schedule.ema_kimg": 0.01,
            **options,
        },
    )
    strategy = devices.make_strategy(0, num_replicas if num_replicas > 1 else 0)
    devices.prepare_graph_optimizer()
    paths = [path for path in (config.dataset.path, config.dataset.path_b) if path]
    datasets = [TFRecordDataset(folder / path, max_label_size=-1) for path in paths]
    with strategy.scope():
        tf.keras.utils.set_random_seed(1)
        nets = make_networks(config, datasets)
        progress = Progress()
        G_opt, D_opt = make_optimizers(config, nets, progress.cur_nimg)
        path_means = [PathLengthMean() for _ in datasets]
        augmentation = make_augmentation(config.augment)
        coupling = None
        if nets.is_pair:
            places = share_weights(nets, config.coupling)
            coupling = Coupling(config.coupling, nets, places, judges={})
    step = TrainStep(
        nets,
        G_opt,
        D_opt,
        progress.cur_nimg,
        strategy=strategy,
        loss=config.loss,
        schedule=config.schedule,
        mirror=True,
        label_rows=[all_labels(dataset) for dataset in datasets],
        augmentations=[augmentation] * len(datasets),
        coupling=coupling,
        path_means=path_means,
        xla=config.hardware.xla,
    )
    # Before training: latents and noise seeds of the replicas.
    drawn = strategy.run(
        lambda: (step.random.draw(tf.random.stateless_normal, [3], 0), step.random.noise_seed(0))
    )
    latents, noise_seeds = (strategy.experimental_local_results(values) for values in drawn)
    networks = nets.members
    before = {name: [v.numpy() for v in network.variables] for name, network in networks.items()}
    batches = distributed_batches(datasets, strategy, 8, seed=0, start=0)
    stats = step.run(batches, tf.constant(2))

    arrays = {f"stats/{name}": value.numpy() for name, value in stats.items()}
    for index, mean in enumerate(path_means if step.paths else ()):
        copies = strategy.experimental_local_results(mean.value)
        arrays[f"changes/path_lengths/{index}"] = np.stack([copy.numpy() for copy in copies])
    arrays["latents"] = np.concatenate([values.numpy() for values in latents])
    arrays["noise_seeds"] = np.stack([values.numpy() for values in noise_seeds])
    for name, network in networks.items():
        for index, variable in enumerate(network.variables):
            copies = strategy.experimental_local_results(tensorflow_variable(variable))
            change = [copy.numpy() - before[name][index] for copy in copies]
            arrays[f"changes/{name}/{index}"] = np.stack(change)
    np.savez(target, **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4])
