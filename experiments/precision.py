"""Whether 16 bits are enough for activations: `python -m experiments.precision`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant

EXPERIMENT = Experiment(
    name="precision",
    question="Does training in reduced precision, in the highest four scales, reach the scores of "
    "float32?",
    variants=tuple(
        Variant(name, {"hardware.precision": name})
        for name in ("float32", "mixed_bfloat16", "mixed_float16")
    ),
    full_scale="--preset ffhq256 --variants float32,mixed_bfloat16,mixed_float16 --kimg 2000 "
    "--points 10 --seeds 0-2 --metrics fid50k",
    # Types of 16 bits can be slow on a CPU.
    on_request=("mixed_float16",),
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
