"""Speed of one training step of BMSG-GAN's networks on the CPU beside PyTorch.

    python benchmarks/progan_step.py [--sizes 4,64,32 5,64,16 6,128,8] [--rounds 7]

Needs the extra `compare`. One step is a D update and a G update with the same latents
(relativistic average hinge loss, which looks at the reals again for G) and the moving average.
Per size: both are given the same weights, latents and reals and must agree in losses and
gradients, see `agreement.py`; then they are timed in turn, A B A B ..., in one process, and the
ratio is the median over the rounds. The table is Markdown.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import tensorflow as tf
import torch
from agreement import BATCH_SIZE, check_agreement, least_differences
from pytorch_progan import TorchTraining
from tensorflow import keras
from train_step import DataFacts, endless_batches, seconds_per_call

from msg_stylegan.legacy import bmsg_variables
from msg_stylegan.legacy.original_variables import export
from msg_stylegan.options import changed
from msg_stylegan.presets import get_preset
from msg_stylegan.training import devices
from msg_stylegan.training.architecture import make_networks
from msg_stylegan.training.step import TrainStep
from msg_stylegan.training.training_state import make_optimizers


class Size(NamedTuple):
    """One row of the table."""

    depth: int
    latent_size: int
    batch_size: int


SIZES = (Size(4, 64, 32), Size(5, 64, 16), Size(6, 128, 8))


def make_ours(size):
    """Our networks, optimizers and step, as `train --config=bmsg:DEPTH,LATENT_SIZE` makes them."""
    config = changed(
        get_preset(f"bmsg:{size.depth},{size.latent_size}"),
        {"schedule.batch_size": size.batch_size},
    )
    nets = make_networks(config, DataFacts(config.dataset.resolution))
    return TrainStep(
        nets,
        *make_optimizers(config, nets),
        tf.Variable(0, dtype=tf.int64, trainable=False),
        strategy=tf.distribute.get_strategy(),
        loss=config.loss,
        schedule=config.schedule,
    )


def random_reals(size):
    """uint8 `[N, r, r, 3]`."""
    side = 2 ** (size.depth + 1)
    rng = np.random.RandomState(1)
    return rng.randint(0, 256, (size.batch_size, side, side, 3)).astype(np.uint8)


def copy_weights(network, table):
    """Gives a PyTorch network the weights of ours, after moving those that start at zero."""
    rng = np.random.RandomState(0)
    for variable, _ in table.values():
        variable.assign_add(0.1 * rng.randn(*variable.shape).astype(np.float32))
    arrays = export(table)
    network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})


def differences(size):
    """`least_differences` between both, with equal weights and inputs."""
    keras.utils.set_random_seed(0)
    size = size._replace(batch_size=BATCH_SIZE)
    ours, plain = make_ours(size), TorchTraining(size.depth, size.latent_size)
    tables = {
        "D": bmsg_variables.discriminator_variables(ours.nets.D),
        "G": bmsg_variables.generator_variables(ours.nets.G),
    }
    copy_weights(plain.D, tables["D"])
    copy_weights(plain.G, tables["G"])

    @tf.function(autograph=False)
    def evaluate_ours(reals, z):
        D_gradients, D_stats = ours.D_gradients(reals, None, z)
        G_gradients, G_stats = ours.G_gradients(z, None, reals=(reals, None))
        return {
            "D": (D_stats["Loss/D/loss"], D_gradients),
            "G": (G_stats["Loss/G/loss"], G_gradients),
        }

    def compare(reals, z):
        z = np.array(ours.nets.G.place_z(z))
        results = evaluate_ours(tf.constant(reals), tf.constant(z))
        inputs = plain.pyramid(torch_images(reals)), torch.tensor(z)
        losses, pairs = [], []
        for name, loss_of in (("D", plain.D_loss), ("G", plain.G_loss)):
            network, table = getattr(plain, name), tables[name]
            expected = loss_of(*inputs)
            parameters = dict(network.named_parameters())
            expected_gradients = torch.autograd.grad(expected, list(parameters.values()))
            loss, gradients = results[name]
            losses.append((loss, expected.item()))
            ids = [id(variable) for variable in getattr(ours.nets, name).trainable_variables]
            by_id = dict(zip(ids, gradients, strict=True))
            for key, expected_gradient in zip(parameters, expected_gradients, strict=True):
                variable, layout = table[key]
                gradient = layout.to_original(by_id[id(variable)].numpy())
                pairs.append((gradient, expected_gradient.numpy()))
        return losses, pairs

    return least_differences(compare, 2 ** (size.depth + 1), size.latent_size)


def torch_images(reals):
    """uint8 `[N, r, r, 3]` -> float32 `[N, 3, r, r]` in [-1, 1]."""
    return torch.tensor(reals.transpose(0, 3, 1, 2)).float() / 127.5 - 1.0


def time_in_turn(size, rounds, steps):
    """Seconds per step of both, measured alternately.

    Returns:
        List of pairs `(PyTorch, ours)`.
    """
    ours, plain = make_ours(size), TorchTraining(size.depth, size.latent_size)
    reals = random_reals(size)
    batches = endless_batches(reals)
    num_steps = tf.constant(steps)
    of_torch = torch.tensor(reals.transpose(0, 3, 1, 2).copy())

    def run_torch():
        start = time.perf_counter()
        for _ in range(steps):
            plain.step(of_torch)
        return (time.perf_counter() - start) / steps

    def run_ours():
        return seconds_per_call(lambda: ours.run(batches, num_steps), 1) / steps

    run_torch(), run_ours()  # compilation, and the memory that both keep
    return [(run_torch(), run_ours()) for _ in range(rounds)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=lambda text: Size(*map(int, text.split(","))),
        default=SIZES,
        help="depth,latent_size,batch_size",
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4, help="steps per measurement")
    args = parser.parse_args()

    devices.prepare_graph_optimizer()
    print(f"TensorFlow {tf.__version__}, PyTorch {torch.__version__}, {os.cpu_count()} cores\n")
    print(
        "| depth, latent size, batch | PyTorch img/s | ours img/s | ratio (min-max) "
        "| loss difference | gradient difference |"
    )
    print("|---|---|---|---|---|---|")
    for size in args.sizes:
        loss_diff, gradient_diff = differences(size)
        check_agreement((loss_diff, gradient_diff))
        pairs = time_in_turn(size, args.rounds, args.steps)
        plain, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratios = [a / b for a, b in pairs]
        print(
            f"| {', '.join(map(str, size))} | {size.batch_size / plain:.1f} "
            f"| {size.batch_size / ours:.1f} | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f}-{max(ratios):.2f}) | {loss_diff:.0e} | {gradient_diff:.0e} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
