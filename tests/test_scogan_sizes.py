"""The layers of Soft-CoGAN's networks: published numbers of parameters, and what is shared."""

import pytest
from support.network_weights import count
from support.scogan_networks import interface, some_images

from msg_stylegan.networks import Discriminator, Encoder, Generator
from msg_stylegan.options import DiscriminatorOptions, GeneratorOptions


# Parameters of a layer with biases, of a norm, and slopes of a PReLU.
def dense(inputs, outputs):
    return inputs * outputs + outputs


def conv(kernel_size, inputs, outputs):
    return kernel_size**2 * inputs * outputs + outputs


def norm(channels):
    return 2 * channels


def slopes(side, channels):
    return side**2 * channels


def up(kernel_size, side, inputs, outputs):
    """A block of the generator that ends at a side."""
    return conv(kernel_size, inputs, outputs) + norm(outputs) + slopes(side, outputs)


def down(kernel_size, side, inputs, outputs):
    """A block of the discriminator that starts from a side."""
    return conv(kernel_size, inputs, outputs) + norm(outputs) + slopes(side // 2, outputs)


START = dense(100, 16 * 1024) + norm(1024) + slopes(4, 1024)
LARGE_START = dense(100, 16 * 2048) + norm(2048) + slopes(4, 2048)
GENERATORS = {
    32: [
        *(START, up(3, 8, 1024, 512), up(3, 16, 512, 256), up(3, 32, 256, 128)),
        conv(6, 128, 3),
    ],
    128: [
        *(START, up(4, 8, 1024, 512), up(4, 16, 512, 256), up(4, 32, 256, 128)),
        *(up(4, 64, 128, 64), up(4, 128, 64, 32), conv(3, 32, 3)),
    ],
    256: [
        LARGE_START,
        # Leaky ReLU has no slopes to learn.
        *(up(4, 8, 2048, 1024) - slopes(8, 1024), up(4, 16, 1024, 512) - slopes(16, 512)),
        *(up(4, 32, 512, 256), up(4, 64, 256, 128), up(4, 128, 128, 64), up(4, 256, 64, 32)),
        conv(3, 32, 3),
    ],
}
DISCRIMINATORS = {
    32: [
        conv(5, 3, 20),
        conv(5, 20, 50),
        dense(8 * 8 * 50, 500) + slopes(1, 500) + dense(500, 1),
    ],
    128: [
        *(down(5, 128, 3, 32), down(5, 64, 32, 64), down(5, 32, 64, 128)),
        *(down(3, 16, 128, 256), down(3, 8, 256, 512), down(3, 4, 512, 1024)),
        dense(2 * 2 * 1024, 2048) + norm(2048) + slopes(1, 2048) + dense(2048, 1),
    ],
    256: [
        *(down(5, 256, 3, 32), down(5, 128, 32, 64), down(5, 64, 64, 128)),
        *(down(5, 32, 128, 256), down(5, 16, 256, 512), down(5, 8, 512, 1024)),
        dense(4 * 4 * 1024, 2048) + norm(2048) + slopes(1, 2048) + dense(2048, 1),
    ],
}


@pytest.mark.parametrize(
    ("resolution", "G_count", "D_count"),
    [(32, 8_112_259, 1_628_071), (128, 13_866_755, 15_114_497), (256, 52_013_827, 52_064_513)],
)
def test_networks_have_the_published_layers(resolution, G_count, D_count):
    data = interface(resolution)
    G = Generator(GeneratorOptions(body="scogan", z_dim=100), data)
    D = Discriminator(DiscriminatorOptions(body="scogan"), data)
    for network, layers, total in (
        (G, GENERATORS[resolution], G_count),
        (D, DISCRIMINATORS[resolution], D_count),
    ):
        network.build()
        assert count(network.trainable_variables) == sum(layers) == total
        # Two running moments for two learned moments of each batch norm; and w_avg.
        norms = [v for v in network.trainable_variables if "gamma" in v.name]
        w_avg = 100 if network is G else 0
        assert count(network.non_trainable_variables) == 2 * count(norms) + w_avg
    assert G.w_dim == G.z_dim == 100
    assert G.mapping.variables == []


@pytest.mark.parametrize("resolution", [32, 128])
def test_encoder_has_the_published_layers(resolution):
    E = Encoder(DiscriminatorOptions(body="scogan"), interface(resolution), z_dim=100)
    E.build()
    layers = [conv(3, 3, 64), conv(3, 64, 128), conv(3, 128, 128), conv(3, 128, 256)]
    last = dense((resolution // 8) ** 2 * 256, 100)
    assert count(E.variables) == sum(layers) + last
    assert E([some_images(2, resolution)]).shape == (2, 100)


@pytest.mark.parametrize(
    ("resolution", "G_shared", "D_shared"),
    [
        # The first layer, which Soft-CoGAN's own digits share; all but the image; CoGAN's.
        (32, {4: 1, 16: 3, 32: 4}, {8: 1, 16: 2, 32: 2}),
        (128, {4: 1, 64: 5, 128: 6}, {2: 1, 32: 5, 64: 6, 128: 6}),
    ],
)
def test_features_are_what_the_original_shares(resolution, G_shared, D_shared):
    G = Generator(GeneratorOptions(body="scogan", z_dim=100), interface(resolution))
    D = Discriminator(DiscriminatorOptions(body="scogan"), interface(resolution))
    G.build()
    D.build()
    for side, number in G_shared.items():
        assert count(G.feature_variables(side)) == sum(GENERATORS[resolution][:number])
    for side, number in D_shared.items():
        assert count(D.feature_variables(side)) == sum(DISCRIMINATORS[resolution][-number:])
    ours = {id(variable) for variable in G.trainable_variables}
    assert {id(variable) for variable in G.feature_variables(resolution)} < ours
