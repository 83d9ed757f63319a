"""Presets of pairs of networks: two domains that are trained together.

`create_pair` of the dataset command makes the data sets, by the name behind `scogan_` and the like.
"""

from msg_stylegan.losses.options import LossOptions
from msg_stylegan.options import (
    Config,
    CouplingOptions,
    DatasetOptions,
    DiscriminatorOptions,
    GeneratorOptions,
    MetricsOptions,
    OptimizerOptions,
    ScheduleOptions,
    changed,
)


def pair_presets(digits, emoji):
    """Returns the presets of pairs, by name.

    Args:
        digits: `Config` of a single domain from which those of the digits start.
        emoji: That of the emoji.
    """
    return {
        # Digits and the same made negative, reduced to edges, or turned by 90 degrees; no digit is
        # in both domains. The first one takes about five minutes on two CPU cores.
        "scogan_digits_negative": _digits(digits, "digits2negative"),
        "scogan_digits_edge": _digits(digits, "digits2edge"),
        # A turned digit cannot have the activations of an upright one, but the same class.
        "scogan_digits_rotated": _digits(
            digits, "digits2rotated", **{**_FR, **_SL, "coupling.feature_resolution": 4}
        ),
        # Digits and clothes, which have nothing in common but their number of classes.
        "scogan_mnist2fashion": _digits(digits, "mnist2fashion", **_FR, **_SL),
        # Domains of 32x32 pixels in colour. Unverified.
        "scogan_mnist2svhn": _small(digits, "mnist2svhn"),
        "scogan_shapes2flowers": _small(digits, "shapes2flowers"),
        # Emoji as two vendors draw them. 80 minutes on one CPU core beside other work.
        "scogan_emoji64": changed(emoji, {**_paths("emoji"), **_SOFT}),
        # Unverified: sizes of networks and batches are those of the presets of one domain.
        "scogan_apple2orange": _photographs("apple2orange", 256),
        "scogan_horse2zebra": _photographs("horse2zebra", 256),
        "scogan_vangogh2photo": _photographs("vangogh2photo", 256),
        "scogan_celeba_smiling": _photographs("celeba_smiling", 128),
        # Soft-CoGAN's and CoGAN's own networks and settings. No scores are published.
        "scogan_original_mnist2svhn": _original(
            "mnist2svhn", 32, feature=10.0, feature_resolution=16, cycle=10.0
        ),
        "scogan_original_celeba_smiling": _original(
            "celeba_smiling", 128, norm="layer", feature=10.0, feature_resolution=16
        ),
        "scogan_original_apple2orange": _original(
            "apple2orange", 128, norm="layer", content=1.0, style=1250.0, vgg="vgg19"
        ),
        "cogan_digits_negative": _original("digits2negative", 32, **_HARD_32),
        "cogan_mnist2svhn": _original("mnist2svhn", 32, **_HARD_32),
        "cogan_celeba_smiling": _original(
            "celeba_smiling",
            128,
            sharing="hard",
            G_shared_resolution=64,
            D_shared_resolution=32,
        ),
    }


# All but the last layer of the generators, and all but the first one of the discriminators.
_HARD_32 = {"sharing": "hard", "G_shared_resolution": 32, "D_shared_resolution": 16}


# On negatives this came near hard sharing, and cost neither domain anything (three seeds);
# unverified elsewhere but on edges. See docs/soft_cogan.md.
_SOFT = {
    "coupling.weights": 1000.0,
    "coupling.weights_of": "features",
    "coupling.same_start": True,
}
# The original's weight, 10, was too small for pairs to agree.
_FR = {"coupling.feature": 30.0, "coupling.same_start": True}
# The classifier is made by `train_classifier`.
_SL = {"coupling.semantic": 10.0, "coupling.classifier": "pair.keras"}


def _paths(name):
    return {"dataset.path": f"{name}/a", "dataset.path_b": f"{name}/b"}


def _digits(digits, name, **coupling):
    return changed(
        digits,
        {
            **_paths(name),
            **(coupling or _SOFT),
            "schedule.total_kimg": 24.0,
            "schedule.image_grid": "16x8",
            "metrics.names": ("swd1k", *pixel_agreement(name)),
        },
    )


def pixel_agreement(name):
    """The metric of the pixels of a pair, in a list; an empty one if no change is known."""
    change = name.removeprefix("digits2")
    return [f"pixel_agreement1k_{change}"] if change in ("negative", "edge", "rotated") else []


def _small(digits, name):
    return changed(
        digits,
        {
            **_paths(name),
            "generator.channel_base": 1024,
            "generator.channel_max": 128,
            "discriminator.channel_base": 1024,
            "discriminator.channel_max": 128,
            **_SOFT,
            "schedule.total_kimg": 200.0,
            "schedule.network_snapshot_ticks": 10,
        },
    )


def _photographs(name, resolution):
    return Config(
        dataset=DatasetOptions(
            path=f"{name}/a", path_b=f"{name}/b", resolution=resolution, mirror=True
        ),
        coupling=CouplingOptions(
            sharing="mapping", weights=1000.0, weights_of="features", same_start=True
        ),
        schedule=ScheduleOptions(batch_size=16, image_grid="4k"),
        metrics=MetricsOptions(names=("fid50k",)),
    )


def _original(name, resolution, norm="batch", **coupling):
    """20,000 iterations of 128 images, as in the thesis, with the defaults of its scripts."""
    return Config(
        connect="none",
        dataset=DatasetOptions(path=f"{name}/a", path_b=f"{name}/b", resolution=resolution),
        generator=GeneratorOptions(body="scogan", z_dim=100, z_space="uniform"),
        discriminator=DiscriminatorOptions(body="scogan", norm=norm),
        coupling=CouplingOptions(**coupling),
        loss=LossOptions(name="logistic", r1_gamma=0.0),
        optimizer=OptimizerOptions(
            G_learning_rate=2e-4, D_learning_rate=2e-4, beta1=0.5, beta2=0.999, epsilon=1e-7
        ),
        schedule=ScheduleOptions(batch_size=128, total_kimg=2560.0, ema_kimg=0.0),
        metrics=MetricsOptions(names=("fid50k",)),
    )
