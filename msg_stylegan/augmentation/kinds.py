"""Names of the kinds of augmentation, and of groups of them."""

import difflib

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


def select_kinds(names):
    """Returns the kinds that a list of kinds and groups names, each once and in order.

    Args:
        names: Iterable of keys of `GROUPS` and members of `KINDS`.

    Raises:
        ValueError: A name is neither.
    """
    known = (*GROUPS, *KINDS)
    chosen = set()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(
                f"unknown augmentation {name!r}.{hint} The groups are: {', '.join(GROUPS)}. "
                f"The kinds are: {', '.join(KINDS)}."
            )
        chosen |= set(GROUPS.get(name, (name,)))
    return tuple(kind for kind in KINDS if kind in chosen)
