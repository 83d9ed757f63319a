"""What both networks of a pair agree on."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Interface:
    """Images, labels and scales between a generator and a discriminator.

    Args:
        resolution: Side of the largest image in pixels, a power of two from 8; 0 while it is not
            known yet.
        num_channels: Channels of the images, 1 or 3; 0 where it is not known yet.
        label_size: Components of the label vectors; 0 for unconditional networks.
        connect: Scales whose images pass from G to D, see `resolutions.connected_scales`.
    """

    resolution: int
    num_channels: int
    label_size: int = 0
    connect: str = "all"

    def problems(self):
        """Scales that the images, if their size is known, do not have: a list of lines."""
        sides = [int(side) for side in self.connect.split(",") if side.isdecimal()]
        if self.resolution and any(side > self.resolution for side in sides):
            size = f"{self.resolution}x{self.resolution}"
            return [f"connect={self.connect!r}: the images have {size} pixels"]
        return []

    @classmethod
    def of(cls, dataset, connect="all"):
        """The interface of a data set, or of anything with its three attributes."""
        return cls(dataset.resolution, dataset.num_channels, dataset.label_size, connect)
