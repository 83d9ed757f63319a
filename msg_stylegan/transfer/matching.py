"""Weights of one network for another that may differ: what fits by name and shape."""

import dataclasses

from msg_stylegan.networks.named_variables import named_variables
from msg_stylegan.wording import count_of


@dataclasses.dataclass(frozen=True)
class Match:
    """What a network got from another one.

    Attributes:
        copied: Number of variables that were copied.
        fresh: Names of variables, or of layers all of whose variables are meant, that kept their
            initial values -> the reason.
        unused: Names likewise of what the other network has and this one has not.
    """

    copied: int
    fresh: dict
    unused: tuple

    def lines(self, name):
        """What to tell about a network called `name`."""
        return [
            f"{name}: {count_of(self.copied, 'tensor')} taken over",
            *(f"  new: {place} ({reason})" for place, reason in self.fresh.items()),
            *(f"  not used: {place}" for place in self.unused),
        ]


def copy_matching(source, target):
    """Gives a network the weights of another one that fit by name and shape.

    Args:
        source: Network with the weights, or None for none.
        target: Network that is changed.

    Returns:
        `Match`.
    """
    theirs = {} if source is None else named_variables(source)
    ours = named_variables(target)
    fits = {
        name for name, variable in ours.items() if name in theirs and _agree(theirs[name], variable)
    }
    for name in fits:
        ours[name].assign(theirs[name])
    reasons = {}
    for place in _places(ours.keys() - theirs.keys(), ours):
        reasons[place] = "not in the file"
    for name in ours:
        if name in theirs and name not in fits:
            reasons[name] = f"{_shape(theirs[name])} in the file, {_shape(ours[name])} here"
    return Match(len(fits), reasons, tuple(_places(theirs.keys() - ours.keys(), theirs)))


def _agree(a, b):
    return tuple(a.shape) == tuple(b.shape)


def _shape(variable):
    return "x".join(map(str, variable.shape)) or "a number"


def _places(names, all_names):
    """Replaces names by those of layers that have no other variables; keeps the order."""
    places = []
    for name in all_names:
        if name not in names:
            continue
        parts = name.split("/")
        prefixes = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        place = next(
            prefix
            for prefix in prefixes
            if all(other in names for other in all_names if _is_inside(other, prefix))
        )
        if place not in places:
            places.append(place)
    return places


def _is_inside(name, prefix):
    return name == prefix or name.startswith(f"{prefix}/")
