"""Soft-CoGAN's networks with random weights, and inputs for them."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from msg_stylegan.interface import Interface
from msg_stylegan.networks import Discriminator, Generator
from msg_stylegan.options import Config, DiscriminatorOptions, GeneratorOptions


def interface(resolution=32, num_channels=3, label_size=0):
    return Interface(resolution, num_channels, label_size, connect="none")


def scogan_config(config=None):
    return dataclasses.replace(
        config or Config(),
        connect="none",
        generator=GeneratorOptions(body="scogan", z_dim=100, z_space="uniform"),
        discriminator=DiscriminatorOptions(body="scogan"),
    )


def make(network_class, *arguments, data=None, **options):
    """Built, with biases, scales and averages that are not those of the start."""
    tf.keras.utils.set_random_seed(0)
    options = network_class.options_class(body="scogan", **options)
    network = network_class(options, data or interface(), *arguments)
    network.build()
    rng = np.random.default_rng(0)
    for variable in network.variables:
        if len(variable.shape) == 1:
            variable.assign(variable + rng.uniform(0.0, 0.3, variable.shape).astype(np.float32))
    return network


@functools.cache
def generator():
    """To be read only."""
    return make(Generator, z_dim=100, z_space="uniform")


@functools.cache
def discriminator(resolution=32, norm="batch"):
    """To be read only."""
    return make(Discriminator, data=interface(resolution), norm=norm)


def some_z(n=4):
    return np.random.default_rng(1).uniform(-1, 1, (n, 100)).astype(np.float32)


def some_images(n=4, resolution=32, num_channels=3):
    shape = (n, resolution, resolution, num_channels)
    return np.random.default_rng(2).uniform(-1, 1, shape).astype(np.float32)


def arrays(variables):
    return [np.asarray(variable, np.float64) for variable in variables]
