"""The size and colours of images that come ready, and which options would change them."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class FixedForm:
    """What the images of a source are like, whatever the options.

    Attributes:
        side: Their side in pixels.
        channels: Their channels; None if the sources of a pair differ.
        is_cut: Whether they are cut out of larger ones.
    """

    side: int
    channels: int | None
    is_cut: bool = False

    def changed_by(self, preparation):
        """The options of a preparation that such images would not come through unchanged."""
        usual = type(preparation)()
        changes = {
            "`--resolution` or `--resize`": preparation.resolution not in (None, self.side),
            "`--channels`": preparation.channels not in (None, self.channels),
            "`--min_size`": preparation.min_size > self.side,
            "`--max_pixels`": preparation.reader.max_pixels < self.side**2,
            "`--fit` or `--resize`": self.is_cut and preparation.fit != usual.fit,
            "`--filter`": self.is_cut and preparation.filter not in (usual.filter, "bilinear"),
        }
        return [name for name, is_change in changes.items() if is_change]

    def __str__(self):
        colours = {1: ", grayscale", 3: ", RGB", None: ""}
        return f"{self.side}x{self.side}{colours[self.channels]}"
