"""The original's constructor arguments, with its defaults, as arguments of our networks."""

# Original name -> our name. Arguments that both networks take stand first.
_SHARED = {
    "num_channels": "num_channels",
    "resolution": "resolution",
    "label_size": "label_size",
    "fmap_base": "channel_base",
    "fmap_decay": "channel_decay",
    "fmap_max": "channel_max",
    "nonlinearity": "nonlinearity",
    "use_wscale": "equalized_lr",
    "blur_filter": "blur_filter",
}
_GENERATOR = {
    **_SHARED,
    "latent_size": "z_dim",
    "dlatent_size": "w_dim",
    "mapping_layers": "mapping_layers",
    "mapping_fmaps": "mapping_width",
    "mapping_lrmul": "mapping_lr_multiplier",
    "mapping_nonlinearity": "mapping_nonlinearity",
    "normalize_latents": "normalize_z",
    "use_styles": "use_styles",
    "use_noise": "use_noise",
    "const_input_layer": "use_const_input",
    "use_pixel_norm": "use_pixel_norm",
    "use_instance_norm": "use_instance_norm",
    "dlatent_avg_beta": "w_avg_beta",
}
_DISCRIMINATOR = {
    **_SHARED,
    "mbstd_group_size": "mbstd_group_size",
    "mbstd_num_features": "mbstd_num_channels",
}
_SHARED_DEFAULTS = {
    "label_size": 0,
    "channel_base": 8192,
    "channel_decay": 1.0,
    "channel_max": 512,
    "nonlinearity": "lrelu",
    "equalized_lr": True,
    "blur_filter": (1, 2, 1),
}
_GENERATOR_DEFAULTS = {
    **_SHARED_DEFAULTS,
    "num_channels": 3,
    "resolution": 1024,
    "z_dim": 512,
    "w_dim": 512,
    "mapping_layers": 8,
    "mapping_width": 512,
    "mapping_lr_multiplier": 0.01,
    "mapping_nonlinearity": "lrelu",
    "normalize_z": True,
    "use_styles": True,
    "use_noise": True,
    "use_const_input": True,
    "use_pixel_norm": False,
    "use_instance_norm": True,
    "w_avg_beta": 0.995,
}
_DISCRIMINATOR_DEFAULTS = {
    **_SHARED_DEFAULTS,
    "num_channels": 1,
    "resolution": 32,
    "mbstd_group_size": 4,
    "mbstd_num_channels": 1,
}


def generator_options(original):
    """Returns the arguments of our `Generator` for the original's arguments.

    Args:
        original: Dictionary with the original's names; what is absent has the original's default.

    Raises:
        ValueError: An argument is unknown.
    """
    return {**_GENERATOR_DEFAULTS, **_translate(original, _GENERATOR)}


def discriminator_options(original):
    """Returns the arguments of our `Discriminator`; see `generator_options`."""
    return {**_DISCRIMINATOR_DEFAULTS, **_translate(original, _DISCRIMINATOR)}


def _translate(original, names):
    unknown = sorted(original.keys() - names.keys())
    if unknown:
        raise ValueError(f"Unknown arguments of an original network: {unknown}")
    ours = {names[name]: value for name, value in original.items()}
    if "blur_filter" in ours:
        ours["blur_filter"] = tuple(ours["blur_filter"] or ())
    return ours
