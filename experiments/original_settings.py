"""The digits with the settings of the original: `python -m experiments.original_settings`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant
from msg_stylegan.options import Config, option_values

# The original's are the defaults.
_DEFAULTS = option_values(Config())
# Those which presets for little time change.
_ORIGINAL = {
    name: _DEFAULTS[name]
    for name in (
        "generator.mapping_layers",
        "generator.mapping_width",
        "generator.mapping_lr_multiplier",
        "loss.r1_gamma",
        "schedule.ema_kimg",
    )
}

EXPERIMENT = Experiment(
    name="original_settings",
    question="How good do digits become with the settings of the original, with those and a "
    "shorter average of the weights, and with the preset `digits`, which is made for little time?",
    variants=(
        Variant("original", _ORIGINAL),
        Variant("short_average", {**_ORIGINAL, "schedule.ema_kimg": 1.0}),
        Variant("digits"),
    ),
    full_scale="--seeds 0-9",
    kimg=60.0,
    metrics=lambda config: ("swd1k", "fd5k_full-digits"),
    preset="digits",
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
