"""The digits with the settings of the original: `python -m experiments.original_settings`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant

# Those which presets for little time change.
_ORIGINAL = {
    "generator.mapping_layers": 8,
    "generator.mapping_width": 512,
    "generator.mapping_lr_multiplier": 0.01,
    "loss.r1_gamma": 10.0,
    "schedule.ema_kimg": 10.0,
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
