"""Multi-scale gradients beside their baselines: `python -m experiments.progressive_growing`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant
from experiments.frame.growing import growing_options

EXPERIMENT = Experiment(
    name="progressive_growing",
    question="Do multi-scale gradients train as well as progressive growing, and better than no "
    "connections at all (table 4 and figure 6 of the paper)? With none, only the highest scale is "
    "seen.",
    variants=(
        Variant("msg"),
        Variant("growing", further_overrides=growing_options),
        Variant("no_connections", {"connect": "none"}),
    ),
    full_scale="--preset bmsg_celebahq1024 --kimg 12000 --points 20 --seeds 0 --metrics fid50k",
    kimg=16.0,
    changes_per_point=4,
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
