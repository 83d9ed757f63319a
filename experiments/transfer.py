"""What it helps to start from trained networks: `python -m experiments.transfer`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant

EXPERIMENT = Experiment(
    name="transfer",
    question="With 300 pictures of one vendor's emoji: from random networks, or from those that "
    "learned another vendor's, of other meanings? Scores compare with all pictures of that vendor.",
    variants=(
        Variant("scratch", {"transfer.init_from": ""}),
        Variant("transfer"),
        Variant("freeze_D2", {"transfer.freeze_D": 2}),
        Variant("freeze_D3", {"transfer.freeze_D": 3}),
    ),
    full_scale="--kimg 1000 --points 20 --metrics fid50k_full",
    on_request=("freeze_D3",),
    kimg=16.0,
    metrics=lambda config: ("swd1k", "fd1k_full-efficientnet"),
    preset="emoji64_progan",
    # A probability of augmentation that rises within the length of a training.
    overrides={"dataset.path": "emoji/b", "dataset.num_images": 300, "augment.kimg": 50.0},
    origin=Variant("origin", {"dataset.path": "emoji/a", "dataset.num_images": 0}),
    origin_kimg=60.0,
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
