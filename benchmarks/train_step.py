"""Speed of one training step (D with R1, average, G) beside the same work written plainly.

    python benchmarks/train_step.py [--sizes 32,256,64,32 64,512,64,16] [--rounds 7]

Per size: both are given the same weights and inputs and must agree in losses and gradients, see
`step_comparison.py`; then they are timed in turn, A B A B ..., in one process, and the ratio is the
median over the rounds. GFLOP/s are those of the plain algorithm's convolutions for both columns, so
that they compare with the rate of a bare convolution measured in the same run.
"""

from typing import NamedTuple

import tensorflow as tf
from plain_msg_stylegan import PlainTraining
from step_comparison import (
    BATCH_SIZE,
    compare,
    least_differences,
    make_ours,
    move_weights,
    random_reals,
    seconds_per_call,
)
from tensorflow import keras

from msg_stylegan.legacy.original_variables import discriminator_variables, generator_variables
from msg_stylegan.options import Config, changed


class Size(NamedTuple):
    """One row of the table. `channel_max` is also the size of z, of w and of the mapping."""

    resolution: int
    channel_base: int
    channel_max: int
    batch_size: int


SIZES = (Size(32, 256, 64, 32), Size(64, 512, 64, 16), Size(32, 512, 128, 32))


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


def make_plain(size):
    """The yardstick at this size."""
    return PlainTraining(
        size.resolution, size.channel_base, size.channel_max, size.channel_max, size.batch_size
    )


def differences(size):
    """`least_differences` between both, with equal weights, inputs and noise."""
    keras.utils.set_random_seed(0)
    size = size._replace(batch_size=BATCH_SIZE)
    ours, plain = (
        make_ours(make_config(size), size.resolution, noise_mode="const"),
        make_plain(size),
    )
    tables = {
        "D": discriminator_variables(ours.nets.D),
        "G": generator_variables(ours.nets.G),
    }
    move_weights(tables, scale=1.0)
    for name, table in tables.items():
        weights = getattr(plain, name)
        assert table.keys() == weights.keys()
        for key, (variable, _) in table.items():
            weights[key].assign(tf.convert_to_tensor(variable))

    @tf.function
    def evaluate(reals, z):
        return {
            "D": plain.D_gradients(reals, z, random_noise=False),
            "G": plain.G_gradients(z, random_noise=False),
        }

    return least_differences(ours, tables, evaluate)


def contestants(size):
    """See `compare`."""
    plain, reals = make_plain(size), tf.constant(random_reals(size.batch_size, size.resolution))
    return make_ours(make_config(size), size.resolution), reals, lambda: plain.step(reals)


def speeds(size, *seconds):
    """GFLOP/s of both and of the bare operations, by heading."""
    gflops = convolution_flops(size) / 1e9
    rates = [*(gflops / s for s in seconds), *bare_rates(size)]
    headings = ("plain GFLOP/s", "ours GFLOP/s", "bare conv", "matmul")
    return dict(zip(headings, (f"{rate:.0f}" for rate in rates), strict=True))


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


if __name__ == "__main__":
    compare(__doc__.splitlines()[0], SIZES, "plain", differences, contestants, 8, speeds)
