"""How a classifier is trained."""

import math
from dataclasses import dataclass

from msg_stylegan.classifier.alteration import ALTERATIONS


@dataclass(frozen=True)
class ClassifierOptions:
    """How a classifier is trained.

    Raises:
        ValueError: Values that are not possible.
    """

    # Side of its images, a power of two; 0 for that of the smallest data set.
    resolution: int = 0
    # Images to show, in thousands.
    kimg: float = 50.0
    # Images per step.
    batch_size: int = 64
    # Of Adam, at the start; it falls to 0 along a cosine.
    learning_rate: float = 1e-3
    # Share of each data set to measure the accuracy on.
    held_out: float = 0.1
    # Keys of `ALTERATIONS`.
    alterations: tuple[str, ...] = ()
    # Decides everything that is random.
    seed: int = 0

    def __post_init__(self):
        for name in ("kimg", "batch_size", "learning_rate"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"Expected `{name}` above 0. Received: {value}")
        if not 0 < self.held_out < 1:
            raise ValueError(f"Expected `held_out` between 0 and 1. Received: {self.held_out}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"Expected `seed` from 0 to 2^32 - 1. Received: {self.seed}")
        unknown = sorted({*self.alterations} - ALTERATIONS.keys())
        if unknown:
            raise ValueError(f"Expected `alterations` among {[*ALTERATIONS]}. Received: {unknown}")
