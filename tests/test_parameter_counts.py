"""Golden parameter counts: those of the original for 8x8 to 1024x1024."""

import math

import pytest
from support.network_weights import count
from support.tiny_discriminator import OPTIONS as D_OPTIONS
from support.tiny_generator import OPTIONS as G_OPTIONS

from msg_stylegan.legacy import original_variables
from msg_stylegan.networks import Discriminator, Generator

# Trainable parameters for z_dim = w_dim = mapping_width = 512, channel_base 8192, channel_max 512,
# 3 channels, no labels. G without its mapping, which has 2,101,248 at all resolutions.
MAPPING = 2_101_248
SYNTHESIS_AND_D = {
    8: (9_194_502, 11_549_697),
    16: (14_967_305, 16_537_601),
    32: (20_740_108, 21_525_505),
    64: (25_137_935 - MAPPING, 23_560_705),
    128: (23_742_610, 24_070_401),
    256: (26_086_229 - MAPPING, 24_198_273),
    512: (24_078_520, 24_230_465),
    1024: (26_219_627 - MAPPING, 24_238_625),
}
DEFAULTS = {
    "z_dim": 512,
    "w_dim": 512,
    "mapping_layers": 8,
    "mapping_width": 512,
    "channel_base": 8192,
    "channel_decay": 1.0,
    "channel_max": 512,
    "num_channels": 3,
    "label_size": 0,
}
SMALL = {"channel_base": 1100, "channel_max": 7}


def make(resolution, options):
    G = Generator.from_config({**G_OPTIONS, **options, "resolution": resolution})
    shared = {name: value for name, value in options.items() if name in D_OPTIONS}
    D = Discriminator.from_config({**D_OPTIONS, **shared, "resolution": resolution})
    G.build()
    D.build()
    return G, D


@pytest.mark.parametrize("resolution", SYNTHESIS_AND_D)
def test_networks_have_the_golden_counts(resolution):
    G, D = make(resolution, DEFAULTS)
    synthesis, expected_D = SYNTHESIS_AND_D[resolution]
    assert count(G.mapping.trainable_variables) == MAPPING
    assert count(G.trainable_variables) == MAPPING + synthesis
    assert count(D.trainable_variables) == expected_D
    # Not trained: w_avg and two maps of noise for every scale.
    sides = [2**i for i in range(2, int(math.log2(resolution)) + 1)]
    assert count(G.non_trainable_variables) == 512 + sum(2 * s * s for s in sides)
    assert count(D.non_trainable_variables) == 0


def test_half_the_decay_halves_channels_at_every_other_scale():
    options = {"channel_base": 64, "channel_max": 40, "channel_decay": 0.5}
    G, D = make(32, {**SMALL, **options})
    channels = [40, 32, 22, 16]
    assert [block.out_channels for block in G.synthesis.blocks] == channels
    assert [block.in_channels for block in D.blocks] == channels


@pytest.mark.parametrize("resolution", [8, 32, 256])
def test_originals_variables_are_all_there(resolution):
    """1 + (14 R - 14) + 16 of the generator and 5 R - 2 of the discriminator, R = log2."""
    G, D = make(resolution, {**SMALL, "mapping_layers": 8})
    R = int(math.log2(resolution))
    G_table = original_variables.generator_variables(G)
    D_table = original_variables.discriminator_variables(D)
    assert len(G_table) == 1 + (14 * R - 14) + 16
    assert len(D_table) == 5 * R - 2
    assert count(v for v, _ in G_table.values()) == count(G.variables)
    assert count(v for v, _ in D_table.values()) == count(D.variables)
