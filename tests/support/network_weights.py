"""Weights of networks for tests: random ones in place of zeros, copies and counts."""

import math

import numpy as np

from msg_stylegan.networks.named_variables import named_variables


def randomize_zeros(network, seed):
    """Gives weights that are zero other values, and a constant input planes that vary.

    Of planes of one value, which it begins with, the instance norm leaves nothing but rounding
    errors, ten thousand times enlarged: no two batch sizes, graphs or processors agree on those.

    Versions of Keras list variables in different orders; the values go by the names.
    """
    rng = np.random.default_rng(seed)
    for _, variable in sorted(named_variables(network).items()):
        is_constant_input = variable.shape[:3] == (1, 4, 4)
        if is_constant_input or not np.any(np.asarray(variable)):
            scale = 1.0 if is_constant_input else 0.5
            variable.assign(rng.normal(size=variable.shape, scale=scale).astype(np.float32))


def multiply_outputs(G, factor):
    """Multiplies the weights that make the images of a generator."""
    features = {id(variable) for variable in G.feature_variables(G.resolution)}
    for variable in G.trainable_variables:
        if id(variable) not in features:
            variable.assign(variable * factor)


def copy_weights(table, source):
    """Copies what has the same name and shape; returns the names of the rest."""
    different = set(table) ^ set(source)
    for name in set(table) & set(source):
        variable, other = table[name][0], source[name][0]
        if variable.shape == other.shape:
            variable.assign(np.asarray(other))
        else:
            different.add(name)
    return different


def count(variables):
    return sum(math.prod(variable.shape) for variable in variables)


def randomize(nets, seed=0):
    """Gives every variable of all networks other values, also those that are not trained."""
    rng = np.random.default_rng(seed)
    for network in nets.members.values():
        for variable in network.variables:
            variable.assign(rng.normal(size=variable.shape).astype(np.float32))


def assert_equal_networks(nets, expected):
    assert nets.members.keys() == expected.members.keys()
    for name, network in nets.members.items():
        other = expected.members[name]
        assert network.options == other.options
        for ours, theirs in zip(network.variables, other.variables, strict=True):
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
