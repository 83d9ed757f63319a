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
# Arguments that change how the original runs or draws, but not which weights a network has. Either
# network may be given what only the other one knows, and does nothing with it.
_WITHOUT_WEIGHTS = frozenset(
    {
        "dlatent_broadcast",
        "dtype",
        "force_clean_graph",
        "fused_scale",
        "is_template_graph",
        "is_training",
        "is_validation",
        "num_inputs",
        "randomize_noise",
        "structure",
        "style_mixing_prob",
        "truncation_cutoff",
        "truncation_cutoff_val",
        "truncation_psi",
        "truncation_psi_val",
        "use_truncation",
    }
    | _GENERATOR.keys()
    | _DISCRIMINATOR.keys()
)
# From this output side on, the original fuses unless told otherwise.
_FUSED_FROM = 128
_SHARED_DEFAULTS = {
    "label_size": 0,
    "channel_base": 8192,
    "channel_decay": 1.0,
    "channel_max": 512,
    "nonlinearity": "lrelu",
    "equalized_lr": True,
    "blur_filter": (1, 2, 1),
    "connect": "all",
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
    "synthesis": "stylegan",
    "z_space": "normal",
}
_DISCRIMINATOR_DEFAULTS = {
    **_SHARED_DEFAULTS,
    "num_channels": 1,
    "resolution": 32,
    "mbstd_group_size": 4,
    "mbstd_num_channels": 1,
    "mbstd_blocks": "all",
    "combine": "cat_lin",
    "body": "stylegan",
}

# All arguments of our networks.
GENERATOR_NAMES = frozenset(_GENERATOR_DEFAULTS)
DISCRIMINATOR_NAMES = frozenset(_DISCRIMINATOR_DEFAULTS)


def generator_options(original):
    """Returns the arguments of our `Generator` for the original's arguments.

    Args:
        original: Dictionary with the original's names; what is absent has the original's default.

    Raises:
        ValueError: An argument is unknown. Those that have no weights are left out.
    """
    return {**_GENERATOR_DEFAULTS, **_translate(original, _GENERATOR)}


def discriminator_options(original):
    """Returns the arguments of our `Discriminator`; see `generator_options`."""
    return {**_DISCRIMINATOR_DEFAULTS, **_translate(original, _DISCRIMINATOR)}


def fused_from(original):
    """Smallest output side at which the original fuses upsampling with the convolution.

    Such kernels are stored mirrored, see `original_variables`. In the discriminator fusing changes
    nothing.

    Args:
        original: Dictionary with the original's names.

    Raises:
        ValueError: `fused_scale` is none of True, False and "auto".
    """
    fused_scale = original.get("fused_scale", "auto")
    if fused_scale not in (True, False, "auto"):
        raise ValueError(
            f"Expected `fused_scale` to be True, False or 'auto'. Received: {fused_scale!r}"
        )
    return {True: 0, False: float("inf"), "auto": _FUSED_FROM}[fused_scale]


def _translate(original, names):
    unknown = sorted(original.keys() - names.keys() - _WITHOUT_WEIGHTS)
    if unknown:
        raise ValueError(f"Unknown arguments of an original network: {unknown}")
    ours = {names[name]: value for name, value in original.items() if name in names}
    if "blur_filter" in ours:
        taps = ours["blur_filter"]
        if taps is not None and not isinstance(taps, (list, tuple)):
            raise ValueError(f"Expected `blur_filter` to be a list or None. Received: {taps!r}")
        ours["blur_filter"] = tuple(taps or ())
    if "w_avg_beta" in ours and ours["w_avg_beta"] is None:
        # How the original says that the mean stays as it is.
        ours["w_avg_beta"] = 1.0
    if ours.get("mbstd_group_size") == -1:
        # None there, the whole batch here.
        ours["mbstd_group_size"] = 0
    return ours
