"""Names of the kinds of augmentation, and of groups of them. Importable without TensorFlow."""

import dataclasses
from collections.abc import Callable

from msg_stylegan.wording import did_you_mean

# In the order in which they are applied. A kind's place also decides its random numbers.
KINDS = (
    "flip",
    "rot90",
    "translate",
    "scale",
    "rotate",
    "aniso",
    "brightness",
    "contrast",
    "hue",
    "saturation",
    "cutout",
)
# Group -> its kinds; the groups of Karras et al. 2020, "Training generative adversarial networks
# with limited data" (ADA), figure 4. "cutout" is a group of its own there.
GROUPS = {
    "blit": ("flip", "rot90", "translate"),
    "geom": ("scale", "rotate", "aniso"),
    "color": ("brightness", "contrast", "hue", "saturation"),
    "all": KINDS,
}


@dataclasses.dataclass(frozen=True)
class Operation:
    """A further kind of augmentation, applied after all `KINDS`."""

    # draw(seed, num_samples) returns its parameters, `[num_samples, ...]`; `seed` is int `[2]`.
    draw: Callable
    # change(image, parameters) returns `[N, r, r, C]` of one scale, in [-1, 1], with every sample
    # changed. It must be differentiable twice with respect to the image.
    change: Callable


# Name -> `Operation`, in the order in which they are applied. In no group.
OPERATIONS = {}


def select_kinds(names):
    """Returns the kinds that a list of kinds and groups names, each once and in order.

    Args:
        names: Iterable of members of `KINDS` and keys of `GROUPS` and `OPERATIONS`.

    Raises:
        ValueError: A name is neither.
    """
    kinds = (*KINDS, *OPERATIONS)
    known = (*GROUPS, *kinds)
    chosen = set()
    for name in names:
        if name not in known:
            raise ValueError(
                f"unknown augmentation {name!r}.{did_you_mean(name, known)} The groups are: "
                f"{', '.join(GROUPS)}. The kinds are: {', '.join(kinds)}."
            )
        chosen |= set(GROUPS.get(name, (name,)))
    return tuple(kind for kind in kinds if kind in chosen)
