"""Small networks to start others from, and their images."""

import numpy as np

from msg_stylegan.interface import Interface
from msg_stylegan.networks import build_networks
from msg_stylegan.options import DiscriminatorOptions, GeneratorOptions
from support.network_weights import randomize

DATA = Interface(16, 3)
SMALL = {"channel_base": 64, "channel_max": 8}


def make_networks(data=DATA):
    nets = build_networks(
        GeneratorOptions(z_dim=8, w_dim=8, mapping_layers=2, mapping_width=8, **SMALL),
        DiscriminatorOptions(**SMALL),
        data,
    )
    randomize(nets)
    return nets


def images_of(nets, psi=0.7):
    z = np.random.default_rng(3).standard_normal((2, 8)).astype(np.float32)
    return nets.G_ema(z, None, truncation_psi=psi, noise_mode="const")
