"""What makes two domains agree: `python -m experiments.coupling`."""

import sys

from experiments.frame.command import main
from experiments.frame.experiment import Experiment, Variant
from msg_stylegan.pair_presets import pixel_agreement

# The presets of pairs are coupled; variants say themselves how.
_NONE = {
    "coupling.sharing": "none",
    "coupling.same_start": False,
    "coupling.feature": 0.0,
    "coupling.feature_resolution": 0,
    "coupling.feature_images": False,
    "coupling.weights": 0.0,
    "coupling.weights_of": "all",
    "coupling.semantic": 0.0,
}
_FR = {"coupling.feature": 30.0, "coupling.same_start": True}
_WEIGHTS = {"coupling.weights_of": "features", "coupling.same_start": True}
_SL = {"coupling.semantic": 10.0}


def _metrics(config):
    """Distances of each domain, and agreement: of pixels where the change is known."""
    return ("swd1k", *pixel_agreement(config.dataset.path.partition("/")[0]), "label_agreement1k")


def _further_keys(metric):
    """Pairs that always are of the same class agree; corrected for chance, they do not."""
    if metric.name.startswith("label_agreement"):
        return (f"{metric.name}_corrected",)
    return ()


EXPERIMENT = Experiment(
    name="coupling",
    question="Which coupling makes both domains draw the same thing? Label agreement is judged by "
    "a classifier that no generator was trained with.",
    variants=tuple(
        Variant(name, {**_NONE, **changes})
        for name, changes in {
            "none": {},
            "hard": {"coupling.sharing": "hard"},
            # Soft-CoGAN's terms alone, with its weights.
            "FR10": {"coupling.feature": 10.0},
            "weights10": {"coupling.weights": 10.0},
            "SL10": _SL,
            "CC10": {"coupling.cycle": 10.0},
            "PL": {"coupling.content": 1.0, "coupling.style": 1250.0},
            # Stronger, from generators that start alike.
            "FR30": _FR,
            "FR30+SL10": {**_FR, **_SL},
            "FR100": {**_FR, "coupling.feature": 100.0},
            "FR100+SL10": {**_FR, "coupling.feature": 100.0, **_SL},
            # Weights instead of activations, which leaves the layers that make images alone.
            "weights1000": {**_WEIGHTS, "coupling.weights": 1000.0},
            "weights1000+SL10": {**_WEIGHTS, "coupling.weights": 1000.0, **_SL},
            "hard+SL10": {"coupling.sharing": "hard", **_SL},
        }.items()
    ),
    full_scale="--preset scogan_mnist2svhn --kimg 1000 --points 10 --metrics swd16k,fid50k",
    # A step with VGG takes several times as long; the others are near neighbours of what is run.
    on_request=("PL", "FR10", "FR100", "hard+SL10"),
    kimg=16.0,
    metrics=_metrics,
    further_keys=_further_keys,
    preset="scogan_digits_negative",
)

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
