"""Small networks, and what the original and NVIDIA's StyleGAN pickle of them."""

import numpy as np

from msg_stylegan.legacy import original_variables
from msg_stylegan.legacy.original_options import discriminator_options, generator_options
from msg_stylegan.networks import build_networks
from support import tflib_writer
from support.network_weights import randomize

# Arguments of the original.
SETTINGS = {
    "num_channels": 3,
    "resolution": 16,
    "label_size": 0,
    "latent_size": 8,
    "dlatent_size": 8,
    "mapping_fmaps": 8,
    "mapping_layers": 2,
    "fmap_base": 64,
    "fmap_max": 8,
}
VARIANTS = {
    "labels": {"label_size": 3, "num_channels": 1, "nonlinearity": "relu", "mapping_layers": 3},
    "traditional": {
        "use_styles": False,
        "const_input_layer": False,
        "use_noise": False,
        "use_pixel_norm": True,
        "use_instance_norm": False,
        "use_wscale": False,
        "blur_filter": None,
        "mbstd_group_size": 1,
    },
    "arguments without weights": {
        "truncation_psi": 0.5,
        "truncation_cutoff": None,
        "randomize_noise": True,
        "style_mixing_prob": 0.9,
        "structure": "linear",
        "dtype": "float32",
        "dlatent_avg_beta": None,
    },
}


def make_trio(settings):
    """Networks with random weights for arguments of the original."""
    G_options, data = generator_options(settings)
    D_options, _ = discriminator_options(settings)
    nets = build_networks(G_options, D_options, data)
    randomize(nets)
    return nets


def trio(nets, settings, **changes):
    """What the original pickles: (G, D, Gs)."""
    return (
        tflib_writer.generator(nets.G, settings, "G", **changes),
        tflib_writer.discriminator(nets.D, settings, **changes),
        tflib_writer.generator(nets.G_ema, settings, "Gs", **changes),
    )


def nvidia_trio(nets, settings=SETTINGS, lod=0.0, drop=()):
    """The networks as NVIDIA's StyleGAN stores them: they grew."""
    more = {"lod": np.float32(lod)}
    arrays = original_variables.export(original_variables.discriminator_variables(nets.D))
    arrays = {k: v for k, v in arrays.items() if "combine" not in k} | {"lod": np.float32(lod)}
    records = [
        tflib_writer.generator(nets.G, settings, "G", more=more),
        tflib_writer.network("D", "D_basic", settings, arrays),
        tflib_writer.generator(nets.G_ema, settings, "Gs", more=more),
    ]
    for record in records[::2]:
        synthesis = record.entries["components"]["synthesis"].entries
        synthesis["variables"] = [
            pair for pair in synthesis["variables"] if not pair[0].startswith(tuple(drop))
        ]
    return tuple(records)
