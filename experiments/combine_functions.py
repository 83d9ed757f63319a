"""How D joins an image to its activations: `python -m experiments.combine_functions`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant

EXPERIMENT = Experiment(
    name="combine_functions",
    question="Which function should join the image of a scale to the activations of the "
    "discriminator (table 5 of the paper)?",
    variants=tuple(
        Variant(name, {"discriminator.combine": name}) for name in ("simple", "lin_cat", "cat_lin")
    ),
    full_scale="--preset ffhq1024 --kimg 9600 --points 96 --seeds 0 --metrics fid50k",
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
