"""What one visitor has done: immutable, and kept by Gradio for each page that is open."""

import dataclasses
import math

import numpy as np

from msg_stylegan.generation.sample import Between, Sample, SeedPoint

# Most samples that can be kept.
MAX_KEPT = 12


@dataclasses.dataclass(frozen=True, eq=False)
class Kept:
    """A sample that the visitor keeps.

    Attributes:
        sample: `Sample`.
        image: Small picture of it, uint8 `[r, r, C]`.
        caption: What it is.
        domain: Name of the `View` of which it is.
    """

    sample: Sample
    image: np.ndarray
    caption: str
    domain: str | None = None

    def in_domain(self, domain):
        """The sample, to be drawn by the `View` of this name.

        Raises:
            ValueError: It means nothing there.
        """
        if domain != self.domain and not self.sample.follows_from_z:
            raise ValueError(
                f"What you kept as {self.caption!r} belongs to domain {self.domain}. Choose that "
                "domain first."
            )
        return self.sample


@dataclasses.dataclass(frozen=True)
class Visit:
    """What a page remembers beyond the values of its controls.

    Where the visitor is in the latent space is not part of it: a search moves there while the
    visitor goes on.

    Attributes:
        kept: Tuple of `Kept`.
        first_seed: First seed of the grid.
    """

    kept: tuple = ()
    first_seed: int = 0

    def keeping(self, kept):
        """The visit with one more sample.

        Raises:
            ValueError: There are too many.
        """
        if len(self.kept) >= MAX_KEPT:
            raise ValueError(f"{MAX_KEPT} samples are kept already. Clear them first.")
        return dataclasses.replace(self, kept=(*self.kept, kept))

    def between(self, position, domain=None):
        """A point between kept samples; whole numbers are these samples.

        Args:
            position: Number from 0 to that of the last sample.
            domain: Name of the `View` that draws it.

        Raises:
            ValueError: There is no such sample, or it means nothing in this domain.
        """
        last = len(self.kept) - 1
        if last < 0:
            raise ValueError("Keep samples first: the button is below the picture.")
        first, second = min(int(position), last), min(math.ceil(position), last)
        ends = (self.kept[number].in_domain(domain) for number in (first, second))
        return Between(*ends, float(position - first))


def caption_of(sample):
    """A few words that say what a sample is."""
    point = sample.point
    if isinstance(point, Between) and point.position in (0, 1):
        text = caption_of(point.end if point.position else point.start)
    elif isinstance(point, SeedPoint):
        text = f"seed {point.seed}"
        if point.label_class is not None:
            text += f", {point.label_class}"
    else:
        text = "between" if isinstance(point, Between) else "found"
    if sample.style_layers:
        text += ", mixed"
    return text + (", edited" if sample.edits else "")
