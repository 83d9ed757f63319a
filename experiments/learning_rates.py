"""How much the learning rate matters: `python -m experiments.learning_rates`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant

EXPERIMENT = Experiment(
    name="learning_rates",
    question="Does training stand learning rates over a range of ten, all else equal (table 3 of "
    "the paper)?",
    variants=tuple(
        Variant(
            f"lr{rate:g}",
            {"optimizer.G_learning_rate": rate, "optimizer.D_learning_rate": rate},
        )
        for rate in (0.001, 0.003, 0.005, 0.01)
    ),
    full_scale="--preset cifar10 --kimg 12000 --points 24 --seeds 0-2 --metrics is50k,fid50k",
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
