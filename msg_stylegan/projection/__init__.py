"""Projection of images into the latent space of a generator."""

from msg_stylegan.projection.latents import Latents
from msg_stylegan.projection.noise_maps import copied_generator, generator_with_noise_maps
from msg_stylegan.projection.projection_file import (
    Projection,
    encode_points,
    read_points,
    read_projection,
    scale_errors,
)
from msg_stylegan.projection.projector import SPACES, Projector
from msg_stylegan.projection.targets import find_images, read_target

__all__ = [
    "SPACES",
    "Latents",
    "Projection",
    "Projector",
    "copied_generator",
    "encode_points",
    "find_images",
    "generator_with_noise_maps",
    "read_points",
    "read_projection",
    "read_target",
    "scale_errors",
]
