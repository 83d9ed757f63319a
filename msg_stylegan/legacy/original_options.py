"""The original's constructor arguments, with its defaults, as options of our networks."""

import dataclasses

from msg_stylegan.interface import Interface
from msg_stylegan.options import DiscriminatorOptions, GeneratorOptions

# Arguments that are called the same here.
_INTERFACE = ("num_channels", "resolution", "label_size")
# Original name -> our name; first those that both networks take.
_SHARED = {
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
    | {*_INTERFACE}
    | _GENERATOR.keys()
    | _DISCRIMINATOR.keys()
)
# From this output side on, the original fuses unless told otherwise.
_FUSED_FROM = 128
# Facts, by the original's names, that stay as they are when our defaults change.
_DEFAULTS = {
    "label_size": 0,
    "fmap_base": 8192,
    "fmap_decay": 1.0,
    "fmap_max": 512,
    "nonlinearity": "lrelu",
    "use_wscale": True,
    "blur_filter": (1, 2, 1),
}
GENERATOR_DEFAULTS = {
    **_DEFAULTS,
    "num_channels": 3,
    "resolution": 1024,
    "latent_size": 512,
    "dlatent_size": 512,
    "mapping_layers": 8,
    "mapping_fmaps": 512,
    "mapping_lrmul": 0.01,
    "mapping_nonlinearity": "lrelu",
    "normalize_latents": True,
    "use_styles": True,
    "use_noise": True,
    "const_input_layer": True,
    "use_pixel_norm": False,
    "use_instance_norm": True,
    "dlatent_avg_beta": 0.995,
}
DISCRIMINATOR_DEFAULTS = {
    **_DEFAULTS,
    "num_channels": 1,
    "resolution": 32,
    "mbstd_group_size": 4,
    "mbstd_num_features": 1,
}


def generator_options(original):
    """Returns `(GeneratorOptions, Interface)` for the original's arguments, unchecked.

    Args:
        original: Dictionary with the original's names; what is absent has the original's default.

    Raises:
        ValueError: An argument is unknown. Those that have no weights are left out.
    """
    options = GeneratorOptions(body="stylegan", z_space="normal")
    return _translate({**GENERATOR_DEFAULTS, **original}, options, _GENERATOR)


def discriminator_options(original):
    """Returns `(DiscriminatorOptions, Interface)`; see `generator_options`."""
    options = DiscriminatorOptions(combine="cat_lin", body="stylegan", mbstd_blocks="all")
    return _translate({**DISCRIMINATOR_DEFAULTS, **original}, options, _DISCRIMINATOR)


def fused_from(original):
    """Smallest output side at which the original fuses upsampling with the convolution.

    Such kernels are stored mirrored, see `original_variables`. In the discriminator fusing changes
    nothing.

    Args:
        original: Dictionary with the original's names.

    Raises:
        ValueError: `fused_scale` is not True, False or "auto".
    """
    fused_scale = original.get("fused_scale", "auto")
    if fused_scale not in (True, False, "auto"):
        raise ValueError(
            f"Expected `fused_scale` to be True, False or 'auto'. Received: {fused_scale!r}"
        )
    return {True: 0, False: float("inf"), "auto": _FUSED_FROM}[fused_scale]


def _translate(original, options, names):
    unknown = sorted(original.keys() - names.keys() - _WITHOUT_WEIGHTS)
    if unknown:
        raise ValueError(f"Unknown arguments of an original network: {unknown}")
    ours = {names[name]: value for name, value in original.items() if name in names}
    taps = ours["blur_filter"]
    if taps is not None and not isinstance(taps, (list, tuple)):
        raise ValueError(f"Expected `blur_filter` to be a list or None. Received: {taps!r}")
    ours["blur_filter"] = tuple(taps or ())
    if ours.get("w_avg_beta", 0) is None:
        # How the original says that the mean stays as it is.
        ours["w_avg_beta"] = 1.0
    if ours.get("mbstd_group_size") == -1:
        # None there, the whole batch here.
        ours["mbstd_group_size"] = 0
    if isinstance(ours["channel_base"], float) and ours["channel_base"].is_integer():
        ours["channel_base"] = int(ours["channel_base"])
    interface = Interface(**{name: original[name] for name in _INTERFACE})
    return dataclasses.replace(options, **ours), interface
