"""Speed of one training step (D with R1, average, G) beside the same work written plainly.

    python benchmarks/train_step.py [--sizes 32,256,64,32 64,512,64,16] [--rounds 7]

Per size: both are given the same weights and inputs and must agree in losses and gradients, see
`agreement.py`; then they are timed in turn, A B A B ..., in one process, and the ratio is the
median over the rounds. The table is Markdown. GFLOP/s are those of the plain algorithm's
convolutions for both columns, so that they compare with the rate of a bare convolution measured in
the same run.
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
from agreement import BATCH_SIZE, check_agreement, least_differences
from plain_msg_stylegan import PlainTraining
from tensorflow import keras

from msg_stylegan.legacy.original_variables import discriminator_variables, generator_variables
from msg_stylegan.options import Config, changed
from msg_stylegan.training.architecture import make_networks
from msg_stylegan.training.step import TrainStep
from msg_stylegan.training.training_state import make_optimizers


class Size(NamedTuple):
    """One row of the table. `channel_max` is also the size of z, of w and of the mapping."""

    resolution: int
    channel_base: int
    channel_max: int
    batch_size: int


SIZES = (Size(32, 256, 64, 32), Size(64, 512, 64, 16), Size(32, 512, 128, 32))


class DataFacts(NamedTuple):
    """What the networks need to know of a data set."""

    resolution: int
    num_channels: int = 3
    label_size: int = 0


def make_config(size):
    """The default configuration at this size."""
    width = size.channel_max
    return changed(
        Config(),
        {
            "generator.channel_base": size.channel_base,
            "generator.channel_max": width,
            "generator.z_dim": width,
            "generator.w_dim": width,
            "generator.mapping_width": width,
            "discriminator.channel_base": size.channel_base,
            "discriminator.channel_max": width,
            "schedule.batch_size": size.batch_size,
        },
    )


def make_ours(size, noise_mode="random"):
    """Our networks, optimizers and step, as `train` makes them on one device."""
    config = make_config(size)
    nets = make_networks(config, DataFacts(size.resolution))
    return TrainStep(
        nets,
        *make_optimizers(config, nets),
        tf.Variable(0, dtype=tf.int64, trainable=False),
        strategy=tf.distribute.get_strategy(),
        loss=config.loss,
        schedule=config.schedule,
        noise_mode=noise_mode,
    )


def make_plain(size):
    """The yardstick at this size."""
    return PlainTraining(
        size.resolution, size.channel_base, size.channel_max, size.channel_max, size.batch_size
    )


def differences(size):
    """`least_differences` between both, with equal weights, inputs and noise."""
    keras.utils.set_random_seed(0)
    size = size._replace(batch_size=BATCH_SIZE)
    ours, plain = make_ours(size, noise_mode="const"), make_plain(size)
    copy_weights(ours, plain)

    @tf.function
    def evaluate_ours(reals, z):
        D_gradients, D_stats = ours.D_gradients(reals, None, z)
        G_gradients, G_stats = ours.G_gradients(z, None)
        return (D_stats["Loss/D/loss"], G_stats["Loss/G/loss"]), (D_gradients, G_gradients)

    @tf.function
    def evaluate_plain(reals, z):
        D_loss, D_gradients = plain.D_gradients(reals, z, random_noise=False)
        G_loss, G_gradients = plain.G_gradients(z, random_noise=False)
        return (D_loss, G_loss), (D_gradients, G_gradients)

    def compare(*inputs):
        our_losses, our_gradients = evaluate_ours(*map(tf.constant, inputs))
        losses, gradients = evaluate_plain(*map(tf.constant, inputs))
        pairs = []
        for (network, table, weights), ours_, plain_ in zip(
            paired_networks(ours, plain), our_gradients, gradients, strict=True
        ):
            ids = [id(variable) for variable in network.trainable_variables]
            by_id = dict(zip(ids, ours_, strict=True))
            names = [name for name, variable in weights.items() if variable.trainable]
            pairs += [(by_id[id(table[k][0])], g) for k, g in zip(names, plain_, strict=True)]
        return list(zip(our_losses, losses, strict=True)), pairs

    return least_differences(compare, size.resolution, size.channel_max)


def paired_networks(ours, plain):
    """For D and G: the network, its variables by the original's names, the plain weights."""
    return (
        (ours.nets.D, discriminator_variables(ours.nets.D), plain.D),
        (ours.nets.G, generator_variables(ours.nets.G), plain.G),
    )


def copy_weights(ours, plain):
    """Moves all weights of ours and gives them to the plain networks."""
    rng = np.random.RandomState(0)
    for _, table, weights in paired_networks(ours, plain):
        assert table.keys() == weights.keys()
        for name, (variable, _) in table.items():
            # Biases and noise strengths start at zero, and a positive constant input makes the
            # gradient of its bias vanish; move everything, so that it counts.
            variable.assign_add(rng.randn(*variable.shape).astype(np.float32))
            weights[name].assign(tf.convert_to_tensor(variable))


def random_images(size):
    shape = [size.batch_size, size.resolution, size.resolution, 3]
    return tf.cast(tf.random.uniform(shape, 0, 256, tf.int32, seed=1), tf.uint8)


def endless_batches(reals):
    """The same batch again and again, as `TrainStep.run` takes it."""
    batch = {"images": reals, "labels": tf.zeros([len(reals), 0])}
    return iter(tf.data.Dataset.from_tensors(batch).repeat().prefetch(2))


def convolution_flops(size):
    """Floating-point operations of the plain algorithm's convolutions in one step.

    A layer of k x k kernels costs `2 k^2 C_in C_out` per output pixel (before the 2x2 mean, after
    the upsampling). Its gradients with respect to input and kernel cost the same each. A layer of
    G is passed 4 times: forward for D, forward and both gradients for G. A layer of D is passed 11
    times: reals 6 (forward, input gradient for R1, then both gradients of each of the two), fakes
    3, and in the G update forward and input gradient. Norms, blurs, dense layers and the few
    gradients with respect to images that nobody needs are not counted or not subtracted; they
    are below a few per cent.
    """
    plain = make_plain(size)
    G = D = 0
    for name, c_in, c, side in plain.synthesis_layers():
        if not name.endswith("Const"):
            G += 9 * c_in * c * side**2
    for level in range(1, plain.levels + 1):
        c, pixels = plain.nf[level], 4 ** (level + 1)
        G += 3 * c * pixels
        D += (c + 3) * c * pixels if level < plain.levels else 3 * c * pixels
        D += 9 * (c + 1) * c * pixels
        if level > 1:
            D += 9 * c * plain.nf[level - 1] * pixels
    return 2 * size.batch_size * (4 * G + 11 * D)


def seconds_per_call(function, calls):
    start = time.perf_counter()
    for _ in range(calls):
        result = function()
    tf.nest.map_structure(lambda t: t.numpy(), result)
    return (time.perf_counter() - start) / calls


def bare_rates(size):
    """GFLOP/s of one 3x3 convolution (the widest full-resolution layer) and of a matrix product."""
    plain_c = min(size.channel_base // (size.resolution // 2), size.channel_max)
    x = tf.random.normal([size.batch_size, size.resolution, size.resolution, plain_c])
    kernel = tf.random.normal([3, 3, plain_c, plain_c])
    a = tf.random.normal([1024, 1024])
    convolve = tf.function(lambda: tf.nn.conv2d(x, kernel, 1, "SAME"))
    multiply = tf.function(lambda: tf.matmul(a, a))
    flops = (18.0 * plain_c**2 * size.batch_size * size.resolution**2, 2.0 * 1024**3)
    rates = []
    for function, work in zip((convolve, multiply), flops, strict=True):
        seconds_per_call(function, 2)
        rates.append(work / min(seconds_per_call(function, 10) for _ in range(5)) / 1e9)
    return rates


def time_in_turn(size, rounds, steps):
    """Seconds per step of both, measured alternately.

    Returns:
        List of pairs `(plain, ours)`.
    """
    plain, ours = make_plain(size), make_ours(size)
    reals = random_images(size)
    batches = endless_batches(reals)
    num_steps = tf.constant(steps)

    def run_plain():
        return seconds_per_call(lambda: plain.step(reals), steps)

    def run_ours():
        return seconds_per_call(lambda: ours.run(batches, num_steps), 1) / steps

    run_plain(), run_ours()  # compilation
    return [(run_plain(), run_ours()) for _ in range(rounds)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=lambda text: Size(*map(int, text.split(","))),
        default=SIZES,
        help="resolution,channel_base,channel_max,batch_size",
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=8, help="steps per measurement")
    args = parser.parse_args()

    print(f"TensorFlow {tf.__version__}, {os.cpu_count()} cores\n")
    print(
        "| resolution, base, max, batch | plain img/s | ours img/s | ratio (min-max) "
        "| plain GFLOP/s | ours GFLOP/s | bare conv | matmul | loss diff | gradient diff |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for size in args.sizes:
        loss_diff, gradient_diff = differences(size)
        check_agreement((loss_diff, gradient_diff))
        conv_rate, matmul_rate = bare_rates(size)
        pairs = time_in_turn(size, args.rounds, args.steps)
        plain, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratios = [a / b for a, b in pairs]
        gflops = convolution_flops(size) / 1e9
        print(
            f"| {', '.join(map(str, size))} | {size.batch_size / plain:.1f} "
            f"| {size.batch_size / ours:.1f} | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f}-{max(ratios):.2f}) | {gflops / plain:.0f} | {gflops / ours:.0f} "
            f"| {conv_rate:.0f} | {matmul_rate:.0f} | {loss_diff:.0e} | {gradient_diff:.0e} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
