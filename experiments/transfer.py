"""What it helps to start from trained networks: `python -m experiments.transfer`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant

_SCRATCH = {"transfer.init_from": ""}
_ALL_PICTURES = {"dataset.num_images": 0}

EXPERIMENT = Experiment(
    name="transfer",
    question="With 300 pictures of one vendor's emoji, or with all 956 (`_all`): from random "
    "networks, or from those that learned another vendor's, of other meanings? Scores compare "
    "with all 956.",
    variants=(
        Variant("scratch", _SCRATCH),
        Variant("transfer"),
        Variant("freeze_D2", {"transfer.freeze_D": 2}),
        Variant("freeze_D3", {"transfer.freeze_D": 3}),
        Variant("scratch_all", _SCRATCH | _ALL_PICTURES),
        Variant("transfer_all", _ALL_PICTURES),
    ),
    full_scale="--kimg 1000 --points 20 --metrics fid50k_full",
    on_request=("freeze_D3", "scratch_all", "transfer_all"),
    kimg=16.0,
    metrics=lambda config: ("swd1k", "fd1k_full-efficientnet"),
    preset="emoji64_progan",
    # A probability of augmentation that rises within the length of a training.
    overrides={"dataset.path": "emoji/b", "dataset.num_images": 300, "augment.kimg": 50.0},
    origin=Variant("origin", {"dataset.path": "emoji/a", **_ALL_PICTURES}),
    origin_kimg=60.0,
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
