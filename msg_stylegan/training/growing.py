"""Progressive growing: which stage a run is in after so many images.

ProGAN (Karras et al. 2018), section 2. Everything follows from the number of images shown, so that
a run can be resumed anywhere, inside a fade too.
"""

from dataclasses import dataclass

from msg_stylegan.resolutions import scales


@dataclass(frozen=True)
class Stage:
    """A stretch of training at one resolution, in which a level is faded in or all is stable.

    Attributes:
        resolution: Side of the images.
        is_fading: Whether the level of this resolution is being faded in.
        start, end: First image, and first image of what follows.
        batch_size: Images per discriminator update, over all replicas.
    """

    resolution: int
    is_fading: bool
    start: int
    end: int
    batch_size: int

    def alpha(self, nimg):
        """Weight of the level of this resolution after `nimg` images, from 0 to 1."""
        if not self.is_fading:
            return 1.0
        return min(max((nimg - self.start) / (self.end - self.start), 0.0), 1.0)

    @property
    def name(self):
        """As in `64x64 fade`."""
        return f"{self.resolution}x{self.resolution} {'fade' if self.is_fading else 'stabilize'}"


class GrowingSchedule:
    """Pure function from the number of images shown to the stage of a run.

    The start resolution is trained as it is; every other one is faded in and then stabilised.

    Args:
        resolution: Side of the images at the end of the growth.
        start_resolution: Side at the beginning, from 4 to `resolution`.
        fade_kimg: Length of a fade; 0 for none, so that the new level counts at once.
        stabilize_kimg: Length of the training between the fades.
        batch_size: Images per update where `batch_sizes` says nothing.
        batch_sizes: Texts `resolution:batch`, such as `("4:16", "64:8")`: a batch size that holds
            from that resolution on.

    Attributes:
        stages: All `Stage`s, one after the other. The last one does not end before the training.

    Raises:
        ValueError: Resolutions, lengths or batch sizes that cannot be.
    """

    def __init__(
        self, resolution, start_resolution, fade_kimg, stabilize_kimg, batch_size, batch_sizes=()
    ):
        sides = scales(resolution)
        if start_resolution not in sides:
            raise ValueError(
                f"growing.start_resolution={start_resolution}: must be one of {sides}, because the "
                f"images have {resolution} pixels."
            )
        lengths = {True: round(fade_kimg * 1000), False: round(stabilize_kimg * 1000)}
        if lengths[True] < 0 or lengths[False] < 1:
            raise ValueError(
                f"growing.fade_kimg={fade_kimg} must be at least 0 and "
                f"growing.stabilize_kimg={stabilize_kimg} greater than 0."
            )
        sizes = read_batch_sizes(batch_sizes, batch_size)
        self.stages = []
        start = 0
        for side in sides[sides.index(start_resolution) :]:
            for is_fading in (True, False):
                length = lengths[is_fading]
                if length and not (is_fading and side == start_resolution):
                    size = sizes[max(r for r in sizes if r <= side)]
                    self.stages.append(Stage(side, is_fading, start, start + length, size))
                    start += length

    @property
    def total_kimg(self):
        """When every stage has had its time."""
        return self.stages[-1].end / 1000.0

    def stage_at(self, nimg):
        """The stage of the next image after `nimg` images; the last one has no end."""
        return next((stage for stage in self.stages if nimg < stage.end), self.stages[-1])


def read_batch_sizes(batch_sizes, batch_size):
    """Returns a dict from resolution to the batch size that holds from there on.

    Args:
        batch_sizes: See `GrowingSchedule`.
        batch_size: Batch size from 4x4 on where nothing else is said.

    Raises:
        ValueError: A text that is not `resolution:batch`.
    """
    sizes = {4: batch_size}
    for text in batch_sizes:
        side, _, size = text.partition(":")
        if not (side.isdecimal() and size.isdecimal() and int(size) > 0 and int(side) >= 4):
            raise ValueError(
                f"growing.batch_sizes: {text!r} is not a resolution and a batch size such as 64:8."
            )
        sizes[int(side)] = int(size)
    return sizes
