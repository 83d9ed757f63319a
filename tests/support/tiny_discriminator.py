"""A small discriminator with random weights, a change of each of its options, and its input."""

import numpy as np
import tensorflow as tf

from msg_stylegan.networks import Discriminator
from support.network_weights import randomize_zeros

OPTIONS = {
    "resolution": 16,
    "num_channels": 3,
    "label_size": 0,
    "channel_base": 32,
    "channel_decay": 1.0,
    "channel_max": 8,
    "nonlinearity": "lrelu",
    "equalized_lr": True,
    "blur_filter": (1.0, 2.0, 1.0),
    "mbstd_group_size": 4,
    "mbstd_num_channels": 1,
    "mbstd_blocks": "all",
    "combine": "cat_lin",
    "body": "stylegan",
    "connect": "all",
}
# A value of every option that differs from the one above.
CHANGES = {
    "resolution": 32,
    "num_channels": 1,
    "label_size": 3,
    "channel_base": 16,
    "channel_decay": 0.5,
    "channel_max": 4,
    "nonlinearity": "relu",
    "equalized_lr": False,
    "blur_filter": (),
    "mbstd_group_size": 2,
    "mbstd_num_channels": 2,
    "mbstd_blocks": "last",
    "combine": "lin_cat",
    "body": "progan",
    "connect": "none",
}

# Options of the body "scogan" alone, which `test_scogan_training` stores.
OF_SCOGAN = ("weight_init", "norm")


def make_discriminator(seed=0, **options):
    """Built, with no weight at zero."""
    tf.keras.utils.set_random_seed(seed)
    D = Discriminator.from_config({**OPTIONS, **options})
    D.build()
    randomize_zeros(D, seed)
    return D


def random_scales(D, batch_size, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(batch_size, res, res, D.num_channels) for res in D.resolutions]
    return [rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]
