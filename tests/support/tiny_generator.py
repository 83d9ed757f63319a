"""A small generator with random weights, and a change of each of its options."""

import numpy as np
import tensorflow as tf

from msg_stylegan.legacy import original_variables
from msg_stylegan.networks import Generator
from support.flat_options import progan_generator_options
from support.network_weights import randomize_zeros

OPTIONS = {
    "resolution": 16,
    "num_channels": 3,
    "label_size": 0,
    "z_dim": 6,
    "w_dim": 5,
    "mapping_layers": 2,
    "mapping_width": 7,
    "mapping_lr_multiplier": 0.1,
    "mapping_nonlinearity": "lrelu",
    "normalize_z": True,
    "channel_base": 32,
    "channel_decay": 1.0,
    "channel_max": 8,
    "nonlinearity": "lrelu",
    "equalized_lr": True,
    "use_styles": True,
    "use_noise": True,
    "use_const_input": True,
    "use_pixel_norm": False,
    "use_instance_norm": True,
    "blur_filter": (1.0, 2.0, 1.0),
    "w_avg_beta": 0.9,
    "synthesis": "stylegan",
    "z_space": "normal",
    "connect": "all",
}
# A value of every option that differs from the one above.
CHANGES = {
    "resolution": 32,
    "num_channels": 1,
    "label_size": 3,
    "z_dim": 9,
    "w_dim": 4,
    "mapping_layers": 3,
    "mapping_width": 10,
    "mapping_lr_multiplier": 0.5,
    "mapping_nonlinearity": "relu",
    "normalize_z": False,
    "channel_base": 16,
    "channel_decay": 0.5,
    "channel_max": 4,
    "nonlinearity": "relu",
    "equalized_lr": False,
    "use_styles": False,
    "use_noise": False,
    "use_const_input": False,
    "use_pixel_norm": True,
    "use_instance_norm": False,
    "blur_filter": (),
    "w_avg_beta": 0.5,
    "synthesis": "progan",
    "z_space": "sphere",
    "connect": "none",
}
# `test_progan` says what they do: nothing there has one of the original's names.
BEYOND_THE_ORIGINAL = ("synthesis", "z_space", "connect")

# Options of the body "scogan" alone, which `test_scogan_training` stores.
OF_SCOGAN = ("weight_init",)


def make_generator(seed=0, **options):
    """Built, with no weight at zero, w_avg included, and a constant input that varies."""
    tf.keras.utils.set_random_seed(seed)
    G = Generator.from_config({**OPTIONS, **options})
    G.build()
    randomize_zeros(G, seed)
    return G


def table_of(G):
    return original_variables.generator_variables(G)


def latents(G, batch_size=4, seed=0):
    return np.random.default_rng(seed).normal(size=(batch_size, G.z_dim)).astype(np.float32)


def images_of(G, z=None, labels=None, **arguments):
    """Images as arrays, with the stored noise."""
    z = latents(G) if z is None else z
    return [np.asarray(x) for x in G(z, labels, **{"noise_mode": "const", **arguments})]


def assert_same(images, expected, tolerance=1e-5):
    assert len(images) == len(expected)
    for image, other in zip(images, expected, strict=True):
        scale = np.abs(other).max()
        np.testing.assert_allclose(image, other, rtol=0, atol=tolerance * scale)


def differ(images, others):
    """For every scale, whether every sample differs visibly."""
    return [
        bool(np.all(np.abs(np.asarray(a) - np.asarray(b)).max(axis=(1, 2, 3)) > 1e-4))
        for a, b in zip(images, others, strict=True)
    ]


def make_progan(seed=0, depth=4, latent_size=8, **options):
    """Built, with no weight at zero but w_avg."""
    tf.keras.utils.set_random_seed(seed)
    G = Generator.from_config({**progan_generator_options(depth, latent_size), **options})
    G.build()
    randomize_zeros(G.synthesis, seed)
    return G
