"""Speed of one training step (D with R1, average, G) beside the same work written plainly.

    python benchmarks/train_step.py [--sizes 32,256,64,32 64,512,64,16] [--rounds 7]

Per size: both are given the same weights and inputs and must agree in losses and gradients, see
`step_comparison.py`; then they are timed in turn, A B A B ..., in one process, and the ratio is the
median over the rounds.
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
    """Our step, reals and a step of the plain form, for `compare`."""
    plain, reals = make_plain(size), tf.constant(random_reals(size.batch_size, size.resolution))
    return make_ours(make_config(size), size.resolution), reals, lambda: plain.step(reals)


if __name__ == "__main__":
    compare(__doc__.splitlines()[0], SIZES, "plain", differences, contestants, steps=8)
