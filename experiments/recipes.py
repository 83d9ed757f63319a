"""Whole recipes, of the originals and of today: `python -m experiments.recipes`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant
from experiments.frame.growing import growing_options
from msg_stylegan.presets import modern, r3gan

# A mapping and an average that move within thousands of images, not only within millions.
_SHORT = {"generator.mapping_lr_multiplier": 0.1, "schedule.ema_kimg": 1.0}
_PROGAN = {
    "generator.body": "progan",
    "generator.z_space": "sphere",
    "generator.normalize_z": False,
    "generator.mapping_layers": 0,
    "discriminator.body": "progan",
    "discriminator.mbstd_blocks": "last",
}
_BMSG = {
    **_PROGAN,
    "discriminator.combine": "lin_cat",
    "discriminator.mbstd_group_size": -1,
    "loss.name": "relativistic_hinge",
    "loss.r1_gamma": 0.0,
    "schedule.ema_kimg": 0.0,
    "schedule.ema_decay": 0.999,
    "schedule.same_z": True,
}
_STYLEGAN2 = {"generator.body": "stylegan2", "discriminator.body": "residual"}


def _relativistic(config):
    return r3gan(config.schedule.total_kimg)


def _modern(config):
    return modern(config.schedule.total_kimg)


def _modern_connected(config):
    return _modern(config) | {"connect": "all"}


EXPERIMENT = Experiment(
    name="recipes",
    question="Which recipe draws best after a short training: those of the originals, or blocks "
    "and losses of today? All but the first two have a mapping and an average that keep up.",
    variants=(
        Variant("original"),
        Variant("bmsg", _BMSG),
        Variant("short", _SHORT),
        Variant("no_connections", {**_SHORT, "connect": "none"}),
        Variant("growing", {**_SHORT, **_PROGAN}, growing_options),
        Variant("progan", {**_SHORT, **_PROGAN}),
        Variant("stylegan2", {**_SHORT, **_STYLEGAN2}),
        Variant("relativistic", _SHORT, _relativistic),
        Variant("stylegan2+relativistic", {**_SHORT, **_STYLEGAN2}, _relativistic),
        Variant("modern", _SHORT, _modern),
        Variant("modern+connections", _SHORT, _modern_connected),
    ),
    full_scale="--preset ffhq256 --kimg 5000 --points 10 --metrics fid50k",
    kimg=12.0,
    metrics=lambda config: ("swd1k", "fd1k_full-efficientnet"),
    preset="emoji64_progan",
    of_preset=(
        "dataset.",
        "generator.channel_",
        "generator.z_dim",
        "generator.w_dim",
        "discriminator.channel_",
        "schedule.image_grid",
    ),
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
