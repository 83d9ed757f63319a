"""How few pictures are enough: `python -m experiments.small_data`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant

_NO_AUGMENTATION = {"augment.groups": ()}
# Name -> pictures of the training, 0 = all.
_SIZES = {"300": 300, "1000": 1000, "all": 0}

EXPERIMENT = Experiment(
    name="small_data",
    question="How few pictures are enough, with and without augmentation (ADA)? Scores compare "
    "with all pictures; `python -m experiments.copies` looks for copies.",
    variants=tuple(
        Variant(f"{name}{ending}", {"dataset.num_images": num_images, **augment})
        for name, num_images in _SIZES.items()
        for ending, augment in (("", _NO_AUGMENTATION), ("+ADA", {}))
    ),
    full_scale="--preset ffhq256 --kimg 5000 --points 10 --metrics fid50k_full",
    kimg=40.0,
    metrics=lambda config: ("swd1k", "fd1k_full-efficientnet"),
    preset="modern",
    # A probability that rises within the length of a training.
    overrides={"augment.groups": ("blit", "color"), "augment.kimg": 10.0},
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
