"""Which scales should be connected: `python -m experiments.connections`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant

EXPERIMENT = Experiment(
    name="connections",
    question="Which scales of the generator should be connected to the discriminator (table 4 of "
    "the paper)? With none, only the highest one is seen.",
    variants=tuple(
        Variant(name, {"connect": name}) for name in ("all", "coarse", "middle", "fine", "none")
    ),
    full_scale="--preset ffhq1024 --variants all,coarse,middle,fine,none --kimg 6000 --points 60 "
    "--seeds 0 --metrics fid50k",
    # Up to 64x64 no scale is fine but the highest, which is always seen: it is the same as none.
    on_request=("fine",),
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
