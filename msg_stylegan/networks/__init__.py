"""Generator and discriminator of MSG-StyleGAN, and the file that holds them."""

from msg_stylegan.networks.discriminator import Discriminator
from msg_stylegan.networks.generator import Generator
from msg_stylegan.networks.snapshot import (
    Networks,
    build_networks,
    load_networks,
    newest_snapshot,
    save_networks,
    snapshots_of_run,
)

__all__ = [
    "Discriminator",
    "Generator",
    "Networks",
    "build_networks",
    "load_networks",
    "newest_snapshot",
    "save_networks",
    "snapshots_of_run",
]
