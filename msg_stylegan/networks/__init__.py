"""Generators, discriminators and encoders, and the file that holds them."""

# Before all others.
from msg_stylegan.networks import keras_check  # noqa: F401
from msg_stylegan.networks.discriminator import Discriminator
from msg_stylegan.networks.encoder import Encoder
from msg_stylegan.networks.generator import Generator
from msg_stylegan.networks.progan_options import progan_options
from msg_stylegan.networks.snapshot import (
    Networks,
    build_networks,
    load_snapshot,
    newest_snapshot,
    save_networks,
    snapshots_of_run,
)

__all__ = [
    "Discriminator",
    "Encoder",
    "Generator",
    "Networks",
    "build_networks",
    "load_snapshot",
    "newest_snapshot",
    "progan_options",
    "save_networks",
    "snapshots_of_run",
]
