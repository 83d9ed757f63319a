"""How much the learning rate matters: `python -m experiments.learning_rates`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant

_RATES = (0.001, 0.003, 0.005, 0.01)


def _variants(ending, more):
    return tuple(
        Variant(
            f"lr{rate:g}{ending}",
            {"optimizer.G_learning_rate": rate, "optimizer.D_learning_rate": rate, **more},
        )
        for rate in _RATES
    )


_WITHOUT_CONNECTIONS = _variants("-none", {"connect": "none"})

EXPERIMENT = Experiment(
    name="learning_rates",
    question="Does training stand learning rates over a range of ten, all else equal (table 3 of "
    "the paper)? On request beside one that sees the highest scale only.",
    variants=_variants("", {}) + _WITHOUT_CONNECTIONS,
    full_scale="--preset cifar10 --kimg 12000 --points 24 --seeds 0-2 --metrics is50k,fid50k",
    on_request=tuple(variant.name for variant in _WITHOUT_CONNECTIONS),
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
